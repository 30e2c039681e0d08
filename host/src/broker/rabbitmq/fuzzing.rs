//! What the fuzz targets in `tests/fuzz` reach of this part.

use bytes::Bytes;
use lapin::BasicProperties;

use super::{body, wire};
use crate::message::{Message, Subject, Tid};

/// The message that a delivery carries.
pub fn message(subject: Subject, properties: &BasicProperties, body: Bytes, tid_in_body: bool) -> Message {
    wire::message(subject, properties, body, tid_in_body)
}

/// The properties of a message; `None` where they do not fit a frame.
pub fn properties(message: &Message, frame_limit: usize) -> Option<BasicProperties> {
    wire::properties(message, frame_limit)
}

/// The body with the TID in it, where it is a JSON object.
pub fn body_with_tid(body: &Bytes, tid: &Tid) -> Bytes {
    body::with_tid(body, tid).0
}
