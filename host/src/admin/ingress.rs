//! A way in for events and tasks over HTTP: `POST /events/org.payment.processed` or `POST /tasks/pheidi.email.send`, with a
//! JSON body.
//!
//! `x-message-id` and `x-tid` give the message an id and a TID of the caller's, so that a request that is repeated is the
//! same message; `x-key` gives a task its ordering key.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Seen, problem};
use crate::broker::{Destination, Outgoing, PublishError, Published};
use crate::message::{KEY_LIMIT, Message, MessageId, Subject, Tid, json_text};

const MESSAGE_ID: &str = "x-message-id";
const TID: &str = "x-tid";
const KEY: &str = "x-key";

/// The answer to a message that the broker holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The event or task.
    #[serde(flatten)]
    pub subject: Subject,
    pub id: MessageId,
    pub tid: Tid,
    /// Whether a queue got it, as far as the broker can tell: RabbitMQ does not tell it of an event that is kept. A task
    /// always has one.
    pub heard: bool,
    /// Whether the history keeps it. An event that is neither heard nor kept is gone.
    pub kept: bool,
}

impl Accepted {
    /// What a broker made of this one message.
    pub fn new(subject: Subject, id: MessageId, tid: Tid, published: &Published) -> Self {
        let kept = published.kept && matches!(subject, Subject::Event(_));
        Self { subject, id, tid, heard: published.unheard.is_empty(), kept }
    }
}

pub(super) async fn publish(
    State(seen): State<Seen>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match name.parse() {
        Ok(event) => take(&seen, Subject::Event(event), None, &headers, body).await,
        Err(error) => problem(StatusCode::BAD_REQUEST, error),
    }
}

pub(super) async fn enqueue(
    State(seen): State<Seen>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = text(&headers, KEY).map(str::to_owned);
    match name.parse() {
        Ok(_) if key.as_ref().is_some_and(|key| key.len() > KEY_LIMIT) => {
            problem(StatusCode::BAD_REQUEST, format!("`{KEY}` is longer than {KEY_LIMIT} bytes"))
        }
        Ok(task) => take(&seen, Subject::Task(task), key, &headers, body).await,
        Err(error) => problem(StatusCode::BAD_REQUEST, error),
    }
}

/// Hands a message to the broker.
async fn take(seen: &Seen, subject: Subject, key: Option<String>, headers: &HeaderMap, body: Bytes) -> Response {
    if let Err(error) = json_text(&body) {
        return problem(StatusCode::BAD_REQUEST, error);
    }
    let fresh = Message::new(subject.clone(), body);
    let id = text(headers, MESSAGE_ID).and_then(MessageId::from_wire).unwrap_or_else(|| fresh.id.clone());
    let tid = text(headers, TID).and_then(Tid::from_wire).unwrap_or_else(|| fresh.tid.clone());
    let message = Message { id: id.clone(), tid: tid.clone(), key, ..fresh };
    let outgoing = Outgoing { destination: Destination::of(&subject), message };
    match seen.broker.publish(vec![outgoing]).await {
        Ok(published) => (StatusCode::ACCEPTED, Json(Accepted::new(subject, id, tid, &published))).into_response(),
        Err(error @ PublishError::TooLarge(_)) => problem(StatusCode::PAYLOAD_TOO_LARGE, error),
        Err(error) => problem(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
