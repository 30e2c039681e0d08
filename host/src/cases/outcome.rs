//! What can come of a case: as its file expects it, and as the plugin did it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::config::{Time, alternatives};
use crate::json::spread;

/// What comes of a case. What the plugin did is always whole; what a file expects may leave words open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Outcome {
    /// It is done, and this is what it makes.
    Done(Made),
    /// It fails, and may work later.
    Retry(Retry),
    /// It fails for good.
    Reject(Words),
    /// Recovery fails.
    Failed(Words),
    /// The event becomes a dead letter before the plugin sees it.
    Dead(Words),
    /// The probe says that the plugin can work.
    Healthy,
    /// The probe says why it cannot.
    Unhealthy(Words),
}

/// What a handler makes, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Made {
    /// The events that it announces.
    pub events: Vec<Announced>,
    /// The tasks that it emits.
    pub tasks: Vec<Task>,
}

/// An event that is announced.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    /// Its full name: `email.sent`.
    pub name: String,
    #[serde(default = "nothing")]
    #[schemars(with = "Value")]
    pub payload: Box<RawValue>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A task that is emitted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// As the plugin names it, without its application: `email.send`.
    pub name: String,
    #[serde(default = "nothing")]
    #[schemars(with = "Value")]
    pub payload: Box<RawValue>,
    /// The ordering key; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// A failure that may pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    pub reason: Words,
    /// The wait that the plugin asks for; absent where it asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Time>,
}

/// A text, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "this must be a text, or {\"contains\": \"a part of it\"}")]
pub enum Words {
    /// The whole text.
    Exactly(String),
    /// A text that has this in it.
    Containing(Part),
}

/// What a text has in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    contains: String,
}

/// What is expected: one of these, but for `events` and `tasks`, which may come together.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// The events that it announces, in their order; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Announced>>,
    /// The tasks that it emits, in their order; `[]` or absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<Task>>,
    /// The failure that may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<Retry>,
    /// The reason for which it will never work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reject: Option<Words>,
    /// How recovery fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failed: Option<Words>,
    /// The reason for which the event becomes a dead letter before the plugin sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dead: Option<Words>,
    /// `true`: the probe says that the plugin can work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    healthy: Option<bool>,
    /// Why the probe says that it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unhealthy: Option<Words>,
}

const KINDS: [&str; 8] = ["events", "tasks", "retry", "reject", "failed", "dead", "healthy", "unhealthy"];

impl TryFrom<Written> for Outcome {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { events, tasks, retry, reject, failed, dead, healthy, unhealthy } = written;
        let healthy = match healthy {
            Some(false) => return Err("`healthy` can only be true; `unhealthy` takes the reason".into()),
            healthy => healthy.map(|_| Self::Healthy),
        };
        let done = (events.is_some() || tasks.is_some())
            .then(|| Self::Done(Made { events: events.unwrap_or_default(), tasks: tasks.unwrap_or_default() }));
        let said = [
            done,
            retry.map(Self::Retry),
            reject.map(Self::Reject),
            failed.map(Self::Failed),
            dead.map(Self::Dead),
            healthy,
            unhealthy.map(Self::Unhealthy),
        ];
        let mut said: Vec<Self> = said.into_iter().flatten().collect();
        match (said.pop(), said.is_empty()) {
            (Some(only), true) => Ok(only),
            (None, _) => {
                let kinds = KINDS.map(|kind| format!("`{kind}`"));
                Err(format!("nothing is expected; it can be {}", alternatives(&kinds)))
            }
            (Some(last), false) => {
                let said: Vec<_> = said.iter().chain([&last]).map(|outcome| format!("`{}`", outcome.kind())).collect();
                Err(format!("only one thing can come of a case, and {} are expected", said.join(" and ")))
            }
        }
    }
}

impl From<Outcome> for Written {
    fn from(outcome: Outcome) -> Self {
        let none = Self::default();
        match outcome {
            Outcome::Done(Made { events, tasks }) if events.is_empty() => Self { tasks: Some(tasks), ..none },
            Outcome::Done(Made { events, tasks }) => {
                Self { events: Some(events), tasks: Some(tasks).filter(|tasks| !tasks.is_empty()), ..none }
            }
            Outcome::Retry(retry) => Self { retry: Some(retry), ..none },
            Outcome::Reject(words) => Self { reject: Some(words), ..none },
            Outcome::Failed(words) => Self { failed: Some(words), ..none },
            Outcome::Dead(words) => Self { dead: Some(words), ..none },
            Outcome::Healthy => Self { healthy: Some(true), ..none },
            Outcome::Unhealthy(words) => Self { unhealthy: Some(words), ..none },
        }
    }
}

impl Outcome {
    /// A failure that may pass, with the wait that was asked for.
    pub fn retry(reason: String, after: Option<Duration>) -> Self {
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self::Retry(Retry { reason: Words::Exactly(reason), after: after.map(|wait| Time::millis(millis(wait))) })
    }

    /// The key that it has in a file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Done(Made { events, .. }) if !events.is_empty() => "events",
            Self::Done(_) => "tasks",
            Self::Retry(_) => "retry",
            Self::Reject(_) => "reject",
            Self::Failed(_) => "failed",
            Self::Dead(_) => "dead",
            Self::Healthy => "healthy",
            Self::Unhealthy(_) => "unhealthy",
        }
    }

    /// Whether what came is what is expected here.
    pub fn is_met_by(&self, came: &Self) -> bool {
        match (self, came) {
            (Self::Retry(expected), Self::Retry(came)) => {
                expected.after == came.after && expected.reason.are_met_by(&came.reason)
            }
            (Self::Reject(expected), Self::Reject(came))
            | (Self::Failed(expected), Self::Failed(came))
            | (Self::Dead(expected), Self::Dead(came))
            | (Self::Unhealthy(expected), Self::Unhealthy(came)) => expected.are_met_by(came),
            _ => self == came,
        }
    }

    /// As a file has it: with the payloads as they were written, over several lines.
    pub fn text(&self) -> String {
        spread(&serde_json::to_string(self).expect("texts, lists and JSON are JSON"))
    }

    /// The same for every outcome that is the same: names in order, and nothing of how it was written.
    pub fn canonical(&self) -> String {
        // What has no value, such as a number beyond all floats, is compared and shown as it was written.
        let value = serde_json::to_value(self).and_then(|value| serde_json::to_string_pretty(&value));
        value.unwrap_or_else(|_| self.text())
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Self) -> bool {
        let same = self.name == other.name && self.key == other.key && self.headers == other.headers;
        same && are_the_same(&self.payload, &other.payload)
    }
}

impl PartialEq for Announced {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.headers == other.headers && are_the_same(&self.payload, &other.payload)
    }
}

/// Payloads are the same if they are the same JSON value.
fn are_the_same(one: &RawValue, other: &RawValue) -> bool {
    let value = |payload: &RawValue| serde_json::from_str::<Value>(payload.get());
    match (value(one), value(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one.get() == other.get(),
    }
}

impl Words {
    fn are_met_by(&self, came: &Self) -> bool {
        match (self, came) {
            (Self::Containing(part), Self::Exactly(text)) => text.contains(&part.contains),
            _ => self == came,
        }
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self::Exactly(text)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(text) | Self::Containing(Part { contains: text }) => f.write_str(text),
        }
    }
}

/// The payload that is meant where none is written.
pub(super) fn nothing() -> Box<RawValue> {
    RawValue::from_string("{}".into()).expect("an empty object is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Outcome {
        serde_json::from_str(text).expect(text)
    }

    fn refusal(text: &str) -> String {
        serde_json::from_str::<Outcome>(text).expect_err(text).to_string()
    }

    #[test]
    fn payloads_are_compared_as_values_and_tasks_as_a_list() {
        let expected = outcome(r#"{"tasks": [{"name": "a.b", "payload": {"x": 1, "y": [2, null]}}, {"name": "a.c"}]}"#);
        let same = r#"{"tasks":[{"payload":{"y":[2,null],"x":1},"name":"a.b"},{"name":"a.c","payload":{}}]}"#;
        assert!(expected.is_met_by(&outcome(same)));
        assert_eq!(expected.canonical(), outcome(same).canonical());
        for other in [
            r#"{"tasks": [{"name": "a.c"}, {"name": "a.b", "payload": {"x": 1, "y": [2, null]}}]}"#,
            r#"{"tasks": [{"name": "a.b", "payload": {"x": 1, "y": [2, null]}}]}"#,
            r#"{"tasks": [{"name": "a.b", "payload": {"x": 1, "y": [2, null]}}, {"name": "a.c", "key": "k"}]}"#,
            r#"{"tasks": [{"name": "a.b", "payload": {"x": 1, "y": [2, null]}}, {"name": "a.c", "headers": {"h": ""}}]}"#,
            r#"{"reject": "no"}"#,
        ] {
            assert!(!expected.is_met_by(&outcome(other)), "{other}");
        }
    }

    #[test]
    fn words_may_be_a_part_and_a_wait_is_part_of_what_is_expected() {
        let part = outcome(r#"{"retry": {"reason": {"contains": "mail"}}}"#);
        assert!(part.is_met_by(&Outcome::retry("no mailbox".into(), None)));
        assert!(!part.is_met_by(&Outcome::retry("no letter".into(), None)));
        assert!(!part.is_met_by(&Outcome::retry("no mailbox".into(), Some(Duration::from_secs(1)))));
        let waiting = outcome(r#"{"retry": {"reason": "busy", "after": "60s"}}"#);
        assert!(waiting.is_met_by(&Outcome::retry("busy".into(), Some(Duration::from_secs(60)))));
        assert!(!outcome(r#"{"reject": "a"}"#).is_met_by(&outcome(r#"{"reject": "ab"}"#)));
        assert!(!outcome(r#"{"reject": "a"}"#).is_met_by(&outcome(r#"{"failed": "a"}"#)));
    }

    #[test]
    fn exactly_one_thing_is_expected() {
        assert!(refusal("{}").contains("`events`, `tasks`, `retry`"));
        assert!(refusal(r#"{"events": [], "reject": "no"}"#).contains("and `reject`"));
        assert!(refusal(r#"{"tasks": [], "reject": "no"}"#).contains("`tasks` and `reject`"));
        assert!(refusal(r#"{"healthy": false}"#).contains("`unhealthy`"));
        assert!(refusal(r#"{"reject": 7}"#).contains("a text, or"));
        assert!(refusal(r#"{"retry": {"reason": "busy", "after": "soon"}}"#).contains("soon"));
        assert_eq!(outcome(r#"{"healthy": true}"#), Outcome::Healthy);
    }

    #[test]
    fn events_and_tasks_come_together_or_apart() {
        let both = r#"{"events":[{"name":"a.made","payload":{}}],"tasks":[{"name":"b.make","payload":{}}]}"#;
        let events = r#"{"events":[{"name":"a.made","payload":{}}]}"#;
        for text in [both, events, r#"{"tasks":[]}"#] {
            assert_eq!(outcome(text).text().split_whitespace().collect::<String>(), text);
        }
        assert!(!outcome(both).is_met_by(&outcome(events)));
        assert!(outcome(r#"{"events": []}"#).is_met_by(&outcome(r#"{"tasks": []}"#)));
    }

    #[test]
    fn it_is_written_as_it_is_read_with_payloads_as_they_were() {
        let text = r#"{"tasks":[{"name":"a.b","payload":{"z":1.50,"a":12345678901234567890123},"key":"k"}]}"#;
        let written = outcome(text).text();
        assert_eq!(written.split_whitespace().collect::<String>(), text);
        assert!(written.starts_with("{\n  \"tasks\": [\n    {\n      \"name\": \"a.b\",\n"), "{written}");
    }
}
