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
    let body = stream::unfold(lines, async |mut lines| {
        let value = lines.recv().await?;
        let line = serde_json::to_vec(&value).unwrap_or_else(|error| problem(&error.to_string()));
        Some((Ok::<_, Infallible>(Bytes::from([line.as_slice(), b"\n"].concat())), lines))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(body)).into_response()
}

fn problem(error: &str) -> Vec<u8> {
    serde_json::json!({ "error": error }).to_string().into_bytes()
}
