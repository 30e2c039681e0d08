//! The history over HTTP; see [`crate::history`].
//!
//! `GET /history` takes the parts of a filter as its query (`event` and `where`, each as often as needed, `from` and
//! `until` in milliseconds since 1970, `tid`, `id`, `source`) and, of those that fit,
//!
//! - all, oldest first, or the `first` so many,
//! - the `newest` so many, at most 10,000,
//! - with `count=true` none but their number, with `by=event` for each name;
//!
//! with `whole=true` headers and payloads too, and with `follow=true` what comes after that, until the client goes away. It
//! answers a [`Line`] each, and four times a second how far it has come.
//!
//! `POST /history` takes such events, one a line, into the history alone. `POST /replay` takes a [`Replay`] and answers a
//! [`ReplayProgress`] a line; it stops when the client goes away.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;
use url::form_urlencoded;

use super::{Seen, problem, stream};
use crate::broker::{BrokerError, Source};
use crate::history::{
    Begin, Entry, Filter, History, HistoryError, MOST, Newest, Replay, ReplayProgress, Turn, Walk, Walked,
};
use crate::name::PluginId;

/// How often it is told how far a walk has come.
const TELL: Duration = Duration::from_millis(250);
/// How many names are counted apart; what has another name is counted as [`OTHERS`].
const NAMES: usize = 1000;
/// No event has this name.
pub const OTHERS: &str = "(others)";

/// A line of the answer to `GET /history`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Line {
    Event(Box<Entry>),
    Progress(Walked),
    /// All is told that was there.
    Ended(Ended),
    /// It breaks off.
    Error(String),
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    #[serde(flatten)]
    pub walked: Walked,
    /// How many of each name, where that was asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<String, u64>,
}

/// What a query asks for.
#[derive(Debug, PartialEq)]
struct Query {
    filter: Filter,
    what: What,
    whole: bool,
    follow: bool,
}

/// Which of the events that fit are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    First(u64),
    Newest(usize),
    Count { by_event: bool },
}

pub(super) async fn list(State(seen): State<Seen>, RawQuery(query): RawQuery) -> Response {
    let query: Query = match query.as_deref().unwrap_or_default().parse() {
        Ok(query) => query,
        Err(error) => return problem(StatusCode::BAD_REQUEST, error),
    };
    let (sender, lines) = mpsc::channel(stream::AHEAD);
    // What keeps it from beginning at all is the answer's status.
    let begun = async {
        let turn = seen.history.turn()?;
        let (history, filter) = (seen.history.clone(), query.filter.clone());
        let begun = match query.what {
            What::First(limit) => Begun::First(seen.history.walk(filter, Begin::ByTime).await?, limit),
            What::Newest(limit) => {
                Begun::Newest(Box::new(seen.history.clone().newest(filter, limit, query.whole).await?))
            }
            What::Count { by_event } => Begun::Count(seen.history.walk(filter, Begin::ByTime).await?, by_event),
        };
        let telling = Telling { turn, history, lines: sender, told: Instant::now() };
        Ok::<_, HistoryError>(telling.run(begun, query))
    };
    match begun.await {
        Ok(telling) => {
            tokio::spawn(telling);
            stream::answer_many(lines)
        }
        Err(error) => problem(status(&error), error),
    }
}

/// What is looked for.
enum Begun {
    First(Walk, u64),
    Newest(Box<Newest>),
    Count(Walk, bool),
}

/// An answer on its way.
struct Telling {
    #[expect(dead_code, reason = "it is given back when this is dropped")]
    turn: Turn,
    history: Arc<History>,
    lines: mpsc::Sender<Vec<Line>>,
    told: Instant,
}

impl Telling {
    async fn run(mut self, begun: Begun, query: Query) {
        let lines = self.lines.clone();
        let told = tokio::select! {
            () = lines.closed() => return,
            told = self.tell(begun, query) => told,
        };
        // Whoever is gone need not be told.
        let _ = match told {
            Ok(()) | Err(HistoryError::Gone) => Ok(()),
            Err(error) => lines.send(vec![Line::Error(error.to_string())]).await,
        };
    }

    async fn tell(&mut self, begun: Begun, query: Query) -> Result<(), HistoryError> {
        let Query { filter, whole, follow, .. } = query;
        let ended = match begun {
            Begun::First(walk, limit) => self.first(walk, limit, whole).await?,
            Begun::Newest(newest) => self.newest(newest).await?,
            Begun::Count(walk, by_event) => self.count(walk, by_event).await?,
        };
        let place = ended.walked.end;
        self.send(vec![Line::Ended(ended)]).await?;
        if !follow {
            return Ok(());
        }
        let walk = self.history.follow(filter, place).await?;
        self.first(walk, u64::MAX, whole).await.map(drop)
    }

    async fn first(&mut self, mut walk: Walk, limit: u64, whole: bool) -> Result<Ended, HistoryError> {
        let mut left = limit;
        while left > 0
            && let Some(events) = walk.next().await?
        {
            let room = usize::try_from(left).unwrap_or(usize::MAX);
            let entries = events.into_iter().filter_map(|event| Entry::of(event, whole)).take(room);
            let lines: Vec<_> = entries.map(|entry| Line::Event(Box::new(entry))).collect();
            left -= lines.len() as u64;
            self.send(lines).await?;
            self.progress(walk.walked()).await?;
        }
        let mut walked = walk.walked();
        // The last events that were looked at may be more than were wanted.
        walked.matched = walked.matched.min(limit);
        Ok(Ended { walked, ..Ended::default() })
    }

    async fn count(&mut self, mut walk: Walk, by_event: bool) -> Result<Ended, HistoryError> {
        let mut totals: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(events) = walk.next().await? {
            for event in events.iter().filter(|_| by_event) {
                let name = event.message.subject.as_str();
                let is_known = totals.contains_key(name);
                let name = if is_known || totals.len() < NAMES { name } else { OTHERS };
                *totals.entry(name.to_owned()).or_default() += 1;
            }
            self.progress(walk.walked()).await?;
        }
        Ok(Ended { walked: walk.walked(), totals })
    }

    async fn newest(&mut self, mut newest: Box<Newest>) -> Result<Ended, HistoryError> {
        while newest.step().await? {
            self.progress(newest.walked()).await?;
        }
        let walked = newest.walked();
        let found: Vec<_> = newest.found().into_iter().map(|entry| Line::Event(Box::new(entry))).collect();
        let walked = Walked { matched: found.len() as u64, ..walked };
        self.send(found).await?;
        Ok(Ended { walked, ..Ended::default() })
    }

    async fn progress(&mut self, walked: Walked) -> Result<(), HistoryError> {
        // A walk in memory never waits by itself.
        tokio::task::yield_now().await;
        if self.told.elapsed() < TELL {
            return Ok(());
        }
        self.told = Instant::now();
        self.send(vec![Line::Progress(walked)]).await
    }

    async fn send(&self, lines: Vec<Line>) -> Result<(), HistoryError> {
        if lines.is_empty() {
            return Ok(());
        }
        self.lines.send(lines).await.map_err(|_| HistoryError::Gone)
    }
}

/// Lines of events into the history.
pub(super) async fn import(State(seen): State<Seen>, body: Bytes) -> Response {
    match seen.history.import(&body, seen.payload_limit).await {
        Ok(imported) => Json(imported).into_response(),
        Err(error) => problem(status(&error), error),
    }
}

pub(super) async fn replay(State(seen): State<Seen>, body: Bytes) -> Response {
    let order: Replay = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return problem(StatusCode::BAD_REQUEST, format!("this is no order: {error}")),
    };
    let begun = order.check().and_then(|()| seen.history.turn());
    let turn = match begun {
        Ok(turn) => turn,
        Err(error) => return problem(status(&error), error),
    };
    if !seen.catalog.live().borrow().contains_key(&order.to) {
        let error = format!("no plugin {} is live here; `leveret plugin list` shows those that are", order.to);
        return problem(StatusCode::NOT_FOUND, error);
    }
    let sources = sources(&seen, &order.to);
    let (told, lines) = mpsc::channel(stream::AHEAD);
    tokio::spawn(async move {
        let _turn = turn;
        let end = match seen.history.replay(&order, &sources, &told).await {
            Ok(replayed) => ReplayProgress::Ended(replayed),
            Err(error) => ReplayProgress::Failed { error: error.to_string() },
        };
        // Whoever is gone need not be told.
        let _ = told.send(end).await;
    });
    stream::answer(lines)
}

/// Where a plugin's events come from.
fn sources(seen: &Seen, plugin: &PluginId) -> Vec<Source> {
    let subscriptions = seen.dispatch.subscriptions();
    let own = |source: &Source| {
        let subscription = subscriptions.iter().find(|subscription| subscription.queue == source.queue);
        subscription.is_some_and(|subscription| subscription.plugin == *plugin) && source.is_of_event()
    };
    seen.dispatch.sources().into_iter().filter(own).collect()
}

fn status(error: &HistoryError) -> StatusCode {
    match error {
        HistoryError::Broker(BrokerError::Unreachable(_)) | HistoryError::Publish(_) => StatusCode::SERVICE_UNAVAILABLE,
        HistoryError::Broker(BrokerError::Refused(_)) | HistoryError::NoSubscription(_) => StatusCode::CONFLICT,
        HistoryError::Busy => StatusCode::TOO_MANY_REQUESTS,
        HistoryError::All => StatusCode::BAD_REQUEST,
        HistoryError::Gone => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl std::str::FromStr for Query {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut filter, mut what) = (Map::new(), None);
        let (mut count, mut by_event, mut whole, mut follow) = (false, false, false, false);
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let number = || value.parse::<u64>().map_err(|_| format!("`{name}` is a whole number, not {value:?}"));
            match &*name {
                "first" => what = Some(What::First(number()?)),
                "newest" => what = Some(What::Newest(newest(number()?)?)),
                "count" => count = value == "true",
                "by" if value == "event" => by_event = true,
                "by" => return Err(format!("`by` is `event`, not {value:?}")),
                "whole" => whole = value == "true",
                "follow" => follow = value == "true",
                "from" | "until" => drop(filter.insert(name.to_string(), number()?.into())),
                "event" | "where" => {
                    let several = filter.entry(&*name).or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(several) = several {
                        several.push(Value::String(value.into_owned()));
                    }
                }
                _ => drop(filter.insert(name.to_string(), Value::String(value.into_owned()))),
            }
        }
        let filter = serde_json::from_value(Value::Object(filter)).map_err(|error| error.to_string())?;
        let what = match what {
            None if count => What::Count { by_event },
            Some(_) if count => return Err("`count` goes without `first` and `newest`".into()),
            what => what.unwrap_or(What::First(u64::MAX)),
        };
        Ok(Self { filter, what, whole, follow })
    }
}

fn newest(number: u64) -> Result<usize, String> {
    let number = usize::try_from(number).ok().filter(|number| *number <= MOST);
    number.ok_or_else(|| format!("the newest are {MOST} at the most; without `newest` there is no limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_a_filter_with_what_is_to_be_told() {
        let query: Query =
            "event=a.b&event=org.%23&where=/a/b=1&from=5&tid=t&newest=7&whole=true&follow=true".parse().expect("legal");
        let filter = r#"{"event":["a.b","org.#"],"from":5,"tid":"t","where":["/a/b=1"]}"#;
        let filter = serde_json::from_str(filter).expect("legal");
        assert_eq!(query, Query { filter, what: What::Newest(7), whole: true, follow: true });
        let nothing: Query = "".parse().expect("legal");
        assert!(nothing.filter.is_empty() && nothing.what == What::First(u64::MAX) && !nothing.whole);
        let count: Query = "count=true&by=event".parse().expect("legal");
        assert_eq!(count.what, What::Count { by_event: true });
        for text in ["first=many", "newest=10001", "from=yesterday", "events=a.b", "event=a..b", "where=a", "by=time"] {
            assert!(text.parse::<Query>().is_err(), "{text}");
        }
    }
}
