//! Answers that come line by line, each line a JSON text (NDJSON).

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

/// How many lines wait for a reader that is slow, before the work waits for it too (I8).
pub(super) const AHEAD: usize = 16;

/// A line for each value that comes. When the client goes away, `lines` is closed.
pub(super) fn answer<T: Serialize + Send + 'static>(lines: mpsc::Receiver<T>) -> Response {
    respond(lines, |value, text| line(value, text))
}

/// The same for values that come many at a time.
pub(super) fn answer_many<T: Serialize + Send + 'static>(lines: mpsc::Receiver<Vec<T>>) -> Response {
    respond(lines, |values, text| values.iter().for_each(|value| line(value, text)))
}

fn respond<T: Send + 'static>(values: mpsc::Receiver<T>, write: fn(&T, &mut Vec<u8>)) -> Response {
    let body = stream::unfold(values, move |mut values| async move {
        let value = values.recv().await?;
        let mut text = Vec::new();
        write(&value, &mut text);
        Some((Ok::<_, Infallible>(Bytes::from(text)), values))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
}

fn line(value: &impl Serialize, text: &mut Vec<u8>) {
    let begin = text.len();
    if let Err(error) = serde_json::to_writer(&mut *text, value) {
        text.truncate(begin);
        text.extend(serde_json::json!({ "error": error.to_string() }).to_string().into_bytes());
    }
    text.push(b'\n');
}
