//! A way in for events over HTTP: `POST /events/org.payment.processed` with a JSON body.
//!
//! `x-message-id` and `x-tid` give the event an id and a TID of the caller's, so that a request that is repeated is the
//! same event.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Seen, problem};
use crate::broker::{Destination, Outgoing, PublishError};
use crate::message::{Message, MessageId, Subject, Tid, json_text};
use crate::name::EventName;

const MESSAGE_ID: &str = "x-message-id";
const TID: &str = "x-tid";

/// The answer to an event that the broker holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub event: EventName,
    pub id: MessageId,
    pub tid: Tid,
    /// Whether any subscription got it. One that nobody heard is gone.
    pub heard: bool,
}

pub(super) async fn publish(
    State(seen): State<Seen>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let event: EventName = match name.parse() {
        Ok(event) => event,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    if let Err(error) = json_text(&body) {
        return problem(StatusCode::BAD_REQUEST, error);
    }
    let mut message = Message::new(Subject::Event(event.clone()), body);
    if let Some(id) = text(&headers, MESSAGE_ID).and_then(MessageId::from_wire) {
        message.id = id;
    }
    if let Some(tid) = text(&headers, TID).and_then(Tid::from_wire) {
        message.tid = tid;
    }
    let (id, tid) = (message.id.clone(), message.tid.clone());
    let outgoing = Outgoing { destination: Destination::Event(event.clone()), message };
    match seen.broker.publish(vec![outgoing]).await {
        Ok(published) => {
            let accepted = Accepted { event, id, tid, heard: published.unheard.is_empty() };
            (StatusCode::ACCEPTED, Json(accepted)).into_response()
        }
        Err(error @ PublishError::TooLarge(_)) => problem(StatusCode::PAYLOAD_TOO_LARGE, error),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
