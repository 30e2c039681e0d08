//! What waits for a moment that a plugin has chosen, and the hand that takes it back.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Seen, problem};
use crate::clock::later::Waiting;

/// What this host knows of those that wait.
#[derive(Debug, Serialize, Deserialize)]
pub struct LaterReport {
    /// Those that this host holds, earliest first.
    pub waiting: Vec<Waiting>,
    /// How many are in the broker's queue and held by no host: there is no room for them yet, or no host listens.
    pub beyond: u64,
}

/// What `POST /clock/later/cancel` is asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cancellation {
    /// `<application>/<name>`, or the id of one without a name.
    pub key: String,
}

pub(super) async fn list(State(seen): State<Seen>) -> Response {
    match seen.later.beyond().await {
        Ok(beyond) => Json(LaterReport { waiting: seen.later.waiting(), beyond }).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// Accepted whether or not something waits under the key, since it may wait at another host.
pub(super) async fn cancel(State(seen): State<Seen>, Json(Cancellation { key }): Json<Cancellation>) -> Response {
    match seen.later.cancel(key.clone()).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(Cancellation { key })).into_response(),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}
