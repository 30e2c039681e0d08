//! Which timekeeping events this host keeps, and one that is announced by hand.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Seen, problem};
use crate::clock::{NotFired, Report};

pub(super) async fn list(State(seen): State<Seen>) -> Json<Vec<Report>> {
    Json(seen.clock.reports())
}

pub(super) async fn fire(State(seen): State<Seen>, Path(name): Path<String>) -> Response {
    let event = match name.parse() {
        Ok(event) => event,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    match seen.clock.fire(&event).await {
        Ok(fired) => (StatusCode::ACCEPTED, Json(fired)).into_response(),
        Err(error @ NotFired::Unknown { .. }) => problem(StatusCode::NOT_FOUND, error),
        Err(error @ NotFired::Publish(_)) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}
