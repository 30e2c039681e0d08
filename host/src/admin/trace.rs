//! What is known of one transaction.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Seen, problem};
use crate::message::Tid;

/// Every step of the transaction that is still kept, oldest first.
pub(super) async fn steps(State(seen): State<Seen>, Path(tid): Path<String>) -> Response {
    let Some(tid) = Tid::from_wire(&tid) else {
        return problem(StatusCode::BAD_REQUEST, "a TID has 1 to 255 bytes");
    };
    match seen.trace.steps(&tid).await {
        Ok(steps) => Json(steps).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}
