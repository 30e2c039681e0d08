//! Dead letters over HTTP; see [`crate::dead`].
//!
//! `GET /dead` takes the parts of a filter as its query (`app`, `plugin`, `name`, `reason`, `since` and `until` in
//! milliseconds since 1970, `tid`, `id`), `limit`, and `whole=true` for attempts, headers and bodies. It answers a letter
//! a line; a last line with `error` says that it broke off. `POST /dead/retry` and `/dead/discard` take an
//! [`Order`] and answer a [`Progress`] a line; they stop when the client goes away.

use std::collections::BTreeSet;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::{Seen, problem, stream};
use crate::broker::BrokerError;
use crate::dead::{DeadError, Fate, Filter, Letter, Order, Progress, Report};
use crate::name::AppName;

/// How many letters are listed unless asked otherwise.
const LIMIT: u64 = 100;

/// What a query asks for.
struct Query {
    filter: Filter,
    limit: u64,
    whole: bool,
}

/// A line of a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Letter(Box<Report>),
    Broken { error: String },
}

pub(super) async fn list(State(seen): State<Seen>, RawQuery(query): RawQuery) -> Response {
    let Query { filter, limit, whole } = match query.as_deref().unwrap_or_default().parse() {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    let (sender, lines) = mpsc::channel(stream::AHEAD);
    tokio::spawn(async move {
        let (taker, mut letters) = mpsc::channel::<Letter>(1);
        let known = known(&seen);
        let listing = async {
            let listed = seen.dead.list(&known, &filter, limit, &taker).await;
            drop(taker);
            listed
        };
        let telling = async {
            while let Some(letter) = letters.recv().await {
                let line = Line::Letter(Box::new(letter.report(whole)));
                if sender.send(line).await.is_err() {
                    break;
                }
            }
        };
        let listed = tokio::select! {
            // What was out goes back with the walk that is dropped.
            () = sender.closed() => return,
            (listed, ()) = async { tokio::join!(listing, telling) } => listed,
        };
        if let Err(error) = listed {
            // Whoever is gone need not be told.
            let _ = sender.send(Line::Broken { error: error.to_string() }).await;
        }
    });
    stream::answer(lines)
}

/// Every letter of one id, whole: several plugins of an application may each have one.
pub(super) async fn show(State(seen): State<Seen>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let filter = match query.as_deref().unwrap_or_default().parse() {
        Ok(Query { filter, .. }) => Filter { id: Some(id), ..filter },
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    match seen.dead.show(&known(&seen), &filter).await {
        Ok(letters) => {
            let reports: Vec<_> = letters.iter().map(|letter| letter.report(true)).collect();
            Json(reports).into_response()
        }
        Err(error) => problem(status(&error), error),
    }
}

pub(super) async fn retry(State(seen): State<Seen>, body: Bytes) -> Response {
    settle(seen, &body, Fate::Retry)
}

pub(super) async fn discard(State(seen): State<Seen>, body: Bytes) -> Response {
    settle(seen, &body, Fate::Discard)
}

fn settle(seen: Seen, body: &[u8], fate: Fate) -> Response {
    let order: Order = match serde_json::from_slice(body) {
        Ok(order) => order,
        Err(error) => return problem(StatusCode::BAD_REQUEST, format!("this is no order: {error}")),
    };
    if let Err(error) = order.check() {
        return problem(status(&error), error);
    }
    let (told, lines) = mpsc::channel(stream::AHEAD);
    tokio::spawn(async move {
        let end = match seen.dead.settle(&known(&seen), &order, fate, &told).await {
            Ok(tally) => Progress::Ended(tally),
            Err(error) => Progress::Failed { error: error.to_string() },
        };
        // Whoever is gone need not be told.
        let _ = told.send(end).await;
    });
    stream::answer(lines)
}

/// The applications that this host knows: of each file in the plugins directory, and of each queue that lost its plugin.
fn known(seen: &Seen) -> BTreeSet<AppName> {
    let files = seen.catalog.status().into_iter().filter_map(|plugin| plugin.plugin).map(|plugin| plugin.app);
    let orphaned = seen.dispatch.orphaned();
    let owner = |queue: &crate::name::QueueName| queue.as_str().split('.').next().and_then(|app| app.parse().ok());
    files.chain(orphaned.iter().filter_map(owner)).collect()
}

fn status(error: &DeadError) -> StatusCode {
    match error {
        DeadError::Unknown(_) => StatusCode::NOT_FOUND,
        DeadError::Ambiguous { .. } | DeadError::Several(_) | DeadError::Busy => StatusCode::CONFLICT,
        DeadError::All | DeadError::Edit => StatusCode::BAD_REQUEST,
        DeadError::Broker(BrokerError::Unreachable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        DeadError::Broker(BrokerError::Refused(_)) | DeadError::Gone => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl std::str::FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut filter, mut limit, mut whole) = (Map::new(), LIMIT, false);
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is a whole number, not {value:?}"));
            match &*name {
                "limit" => limit = number()?,
                "whole" => whole = value == "true",
                "since" | "until" => drop(filter.insert(name.to_string(), number()?.into())),
                _ => drop(filter.insert(name.to_string(), Value::String(value.into_owned()))),
            }
        }
        let filter = serde_json::from_value(Value::Object(filter)).map_err(|error| error.to_string())?;
        Ok(Self { filter, limit, whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_a_filter_with_a_limit() {
        let query: Query = "app=two&reason=no%20mailbox&since=5&limit=7&whole=true".parse().expect("legal");
        let filter = r#"{"app":"two","reason":"no mailbox","since":5}"#;
        assert_eq!(query.filter, serde_json::from_str(filter).expect("legal"));
        assert_eq!((query.limit, query.whole), (7, true));
        let nothing: Query = "".parse().expect("legal");
        assert!(nothing.filter.is_empty() && nothing.limit == LIMIT && !nothing.whole);
        for text in ["limit=many", "since=yesterday", "apps=two", "app=TWO", "plugin=a/b/c"] {
            assert!(text.parse::<Query>().is_err(), "{text}");
        }
    }
}
