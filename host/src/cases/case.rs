//! A case file, parsed at the edge: every problem is told with its place and key.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::outcome::{self, Outcome};
use crate::config::{PluginSetting, alternatives, nearest};
use crate::dead::{self, Letter};
use crate::message::{
    Attempt, FailedAttempt, HeaderValue, Headers, Message, MessageId, Receipt, Subject, Tid, Timestamp,
};
use crate::name::{AppName, EventName, TaskName};

/// The moment of a case that says none: 2026-01-01T00:00:00Z.
const TIME: Timestamp = Timestamp::from_millis(1_767_225_600_000);
/// The version that failed, of an attempt that says none.
const VERSION: &str = "1.0.0 (00000000)";

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its path among the cases, without the ending: `payments/of-nothing`.
    pub name: String,
    pub file: PathBuf,
    pub given: Given,
    /// What the plugin reads as the operator's settings. There are no others in a case.
    pub settings: BTreeMap<String, String>,
    /// What is to come of it; `None` where the file does not say it yet.
    pub expect: Option<Outcome>,
}

/// What happens to the plugin.
#[derive(Debug, Clone)]
pub enum Given {
    /// An event is delivered.
    Event(Message),
    /// A task is to be performed. Its application is whichever the plugin has.
    Task(Message),
    /// The plugin gets its last chance for a message that failed for good.
    Failed(Message),
    /// It is asked whether it can work.
    Probe,
}

/// What is wrong with a case file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    pub file: PathBuf,
    /// Line and column, both from 1, where there is one place to point at.
    pub place: Option<(usize, usize)>,
    /// The way to what is wrong: `expect.tasks[0].name`. Empty for the whole.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        match self.key.as_str() {
            "" => write!(f, ": {}", self.reason),
            key => write!(f, ": `{key}`: {}", self.reason),
        }
    }
}

/// A case of a Leveret plugin: what happens to it (`event`, `task`, `dead` or `healthy`), and what is to come of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// The schema of this file, for editors.
    #[serde(default, rename = "$schema")]
    #[allow(dead_code, reason = "it is the editor's")]
    schema: Option<String>,
    /// The event that is delivered.
    event: Option<WrittenEvent>,
    /// The task that is to be performed.
    task: Option<WrittenTask>,
    /// The attempts at the event or task that failed, oldest first. With them it is the plugin's recovery that runs.
    attempts: Option<Vec<WrittenAttempt>>,
    /// A dead letter as `leveret dead export` writes it. The plugin's recovery runs for it.
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    dead: Option<dead::Report>,
    /// `true` asks the plugin's probe.
    healthy: Option<bool>,
    /// The plugin's settings, as an operator writes them in `[plugin.NAME.settings]`.
    #[serde(default)]
    settings: BTreeMap<String, PluginSetting>,
    /// What is to come of it. `leveret test --update` writes what does.
    #[schemars(with = "Option<outcome::Written>")]
    expect: Option<Outcome>,
}

/// An event.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    /// Its name, such as `org.payment.processed`.
    #[schemars(with = "String")]
    name: EventName,
    /// Any JSON; `{}` where there is none.
    #[serde(default = "outcome::nothing")]
    #[schemars(with = "Value")]
    payload: Box<RawValue>,
    /// The message's id: the case's name, unless said.
    id: Option<String>,
    /// The transaction ID: the case's name, unless said.
    tid: Option<String>,
    /// When it was published, as `2026-01-01T00:00:00Z` or in milliseconds since 1970: that moment, unless said.
    time: Option<Moment>,
    /// The application that published it.
    source: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// A task.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenTask {
    /// Its name within the plugin's application, such as `email.send`.
    name: String,
    /// Any JSON; `{}` where there is none.
    #[serde(default = "outcome::nothing")]
    #[schemars(with = "Value")]
    payload: Box<RawValue>,
    /// The message's id: the case's name, unless said.
    id: Option<String>,
    /// The transaction ID: the case's name, unless said.
    tid: Option<String>,
    /// When it was created, as `2026-01-01T00:00:00Z` or in milliseconds since 1970: that moment, unless said.
    time: Option<Moment>,
    /// Which attempt it is, from 1: the first, unless said.
    attempt: Option<u32>,
    /// The ordering key.
    key: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// An attempt that failed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenAttempt {
    /// Its number, from 1: its place in the list, unless said.
    attempt: Option<u32>,
    /// Why it failed.
    reason: String,
    /// When: the event's time, unless said.
    time: Option<Moment>,
    /// The plugin's version that failed: `1.0.0 (00000000)`, unless said.
    version: Option<String>,
}

/// A moment, as a text of RFC 3339 or in milliseconds since 1970.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenMoment")]
#[schemars(with = "WrittenMoment")]
struct Moment(Timestamp);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "this is no moment: use one such as \"2026-01-01T00:00:00Z\"")]
enum WrittenMoment {
    Text(String),
    Millis(u64),
}

impl TryFrom<WrittenMoment> for Moment {
    type Error = String;

    fn try_from(written: WrittenMoment) -> Result<Self, String> {
        let text = match written {
            WrittenMoment::Millis(millis) => return Ok(Self(Timestamp::from_millis(millis))),
            WrittenMoment::Text(text) => text,
        };
        let moment = humantime::parse_rfc3339(&text);
        let since = moment.ok().and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
        let millis = since.as_ref().map(Duration::as_millis).and_then(|millis| u64::try_from(millis).ok());
        let millis =
            millis.ok_or_else(|| format!("{text:?} is no moment: use one such as \"2026-01-01T00:00:00Z\""))?;
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

impl Case {
    /// Reads the text of a case file for a plugin of this application. The name stands in for what the event or task does
    /// not say of itself.
    pub fn read(app: &AppName, name: &str, file: &Path, text: &str) -> Result<Self, Problem> {
        let problem =
            |place, key: String, reason| Problem { file: file.into(), place, key: key.replace('?', "…"), reason };
        let mut reader = serde_json::Deserializer::from_str(text);
        let written: Written = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let key = if error.path().iter().len() == 0 { String::new() } else { error.path().to_string() };
            let error = error.into_inner();
            problem(Some((error.line(), error.column())), key, reason(&error))
        })?;
        reader.end().map_err(|error| problem(Some((error.line(), error.column())), String::new(), reason(&error)))?;
        let whole = |reason| problem(None, String::new(), reason);
        let settings = written.settings.iter().map(|(name, setting)| (name.clone(), setting.to_string())).collect();
        let expect = written.expect.clone();
        let given = written.given(app, name).map_err(whole)?;
        if let Some(expected) = &expect {
            given.can_come_to(expected).map_err(whole)?;
        }
        Ok(Self { name: name.into(), file: file.into(), given, settings, expect })
    }
}

impl Written {
    fn given(self, app: &AppName, name: &str) -> Result<Given, String> {
        let message = match (self.event, self.task) {
            (Some(event), None) => Some(event.message(name)?),
            (None, Some(task)) => Some(task.message(app, name)?),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(ONE.into()),
        };
        match (message, self.dead, self.healthy, self.attempts) {
            (Some(message), None, None, None) => Ok(match &message.subject {
                Subject::Event(_) => Given::Event(message),
                Subject::Task(_) => Given::Task(message),
            }),
            (Some(message), None, None, Some(attempts)) => {
                let time = message.time;
                let mut attempts = attempts.into_iter().zip(1..);
                let failures = attempts.try_fold(Vec::new(), |mut failures, (attempt, place)| {
                    failures.push(attempt.failed(place, time)?);
                    Ok::<_, String>(failures)
                })?;
                Ok(Given::Failed(Message { failures, ..message }))
            }
            (None, Some(letter), None, None) => self::message(letter).map(Given::Failed),
            (None, None, Some(true), None) => Ok(Given::Probe),
            (None, None, Some(false), None) => Err("`healthy` can only be true: it asks the probe".into()),
            (None, None, None, None) => {
                Err("it has none of `event`, `task`, `dead` and `healthy`, so nothing happens".into())
            }
            (None, _, _, Some(_)) => Err("`attempts` need the `event` or `task` that they are of".into()),
            _ => Err(ONE.into()),
        }
    }
}

const ONE: &str = "one thing happens in a case: use only one of `event`, `task`, `dead` and `healthy`";

/// What a message does not say of itself, as the case's name says it.
struct Said<'c> {
    /// The key of the message in the file.
    of: &'static str,
    id: Option<&'c str>,
    tid: Option<&'c str>,
    time: Option<Moment>,
    headers: BTreeMap<String, String>,
}

impl Said<'_> {
    fn message(self, case: &str, subject: Subject, payload: &RawValue) -> Result<Message, String> {
        // The last of a long path: the rest is in the words of whoever reads it anyway.
        let case = case.rsplit('/').next().unwrap_or(case);
        let header = |(name, value): (String, String)| (name, HeaderValue::Text(value));
        let bounds = |key| format!("`{}.{key}` must have 1 to 255 bytes", self.of);
        Ok(Message {
            id: MessageId::from_wire(self.id.unwrap_or(case)).ok_or_else(|| bounds("id"))?,
            tid: Tid::from_wire(self.tid.unwrap_or(case)).ok_or_else(|| bounds("tid"))?,
            time: self.time.map_or(TIME, |Moment(time)| time),
            headers: self.headers.into_iter().map(header).collect::<Headers>(),
            ..Message::new(subject, payload.get().to_owned())
        })
    }
}

impl WrittenEvent {
    fn message(self, case: &str) -> Result<Message, String> {
        let Self { name, payload, id, tid, time, source, headers } = self;
        let said = Said { of: "event", id: id.as_deref(), tid: tid.as_deref(), time, headers };
        Ok(Message { source, ..said.message(case, Subject::Event(name), &payload)? })
    }
}

impl WrittenTask {
    fn message(self, app: &AppName, case: &str) -> Result<Message, String> {
        let Self { name, payload, id, tid, time, attempt, key, headers } = self;
        let name = TaskName::within(app, &name).map_err(|error| format!("`task.name`: {error}"))?;
        let attempt = Attempt::new(attempt.unwrap_or(1)).ok_or("`task.attempt` is counted from 1")?;
        let said = Said { of: "task", id: id.as_deref(), tid: tid.as_deref(), time, headers };
        Ok(Message { attempt, key, ..said.message(case, Subject::Task(name), &payload)? })
    }
}

impl WrittenAttempt {
    fn failed(self, place: u32, time: Timestamp) -> Result<FailedAttempt, String> {
        Ok(FailedAttempt {
            attempt: Attempt::new(self.attempt.unwrap_or(place)).ok_or("`attempts` are counted from 1")?,
            time: self.time.map_or(time, |Moment(time)| time),
            version: self.version.unwrap_or_else(|| VERSION.into()),
            reason: self.reason,
            receipt: Receipt::default(),
        })
    }
}

/// The message that a dead letter was before it became one.
fn message(letter: dead::Report) -> Result<Message, String> {
    let headers = match letter.headers {
        Some(headers) => serde_json::from_value(headers).map_err(|error| format!("`dead.headers`: {error}"))?,
        None => Headers::new(),
    };
    let body = match (letter.body, letter.text, letter.binary) {
        (Some(json), ..) => json.get().to_owned().into(),
        (None, Some(text), _) => text.into_bytes(),
        (None, None, binary) => {
            binary.ok_or("`dead` has no body: use `leveret dead export`, which writes letters whole")?
        }
    };
    let message = Message {
        subject: letter.subject,
        id: letter.id,
        tid: letter.tid,
        source: letter.source,
        time: letter.published,
        attempt: letter.attempt,
        failures: letter.attempts,
        key: letter.key,
        headers,
        body: body.into(),
    };
    Ok(Letter::new(letter.app, message).revived(None))
}

impl Given {
    /// Whether this can come of it at all.
    fn can_come_to(&self, expected: &Outcome) -> Result<(), String> {
        let (what, possible): (_, &[&str]) = match self {
            Self::Event(_) => ("an event that is delivered", &["tasks", "retry", "reject", "dead"]),
            Self::Task(_) => ("a task that is performed", &["events", "tasks", "retry", "reject", "dead"]),
            Self::Failed(_) => ("recovery", &["tasks", "failed", "dead"]),
            Self::Probe => ("a probe", &["healthy", "unhealthy"]),
        };
        if possible.contains(&expected.kind()) {
            return Ok(());
        }
        let possible: Vec<_> = possible.iter().map(|kind| format!("`{kind}`")).collect();
        Err(format!("{what} comes to {}, never to `{}`", alternatives(&possible), expected.kind()))
    }
}

/// What serde says, without the place, and with what may have been meant.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or(&words);
    let mut quoted = words.split('`').skip(1).step_by(2);
    let meant =
        words.starts_with("unknown field").then(|| quoted.next().and_then(|key| nearest(key, quoted))).flatten();
    match meant {
        Some(meant) => format!("{}; did you mean `{meant}`?", words.split(", expected").next().unwrap_or(words)),
        None => words.to_owned(),
    }
}

/// The JSON Schema of a case file, for editors and for `leveret test --schema`.
pub fn schema() -> Value {
    schemars::schema_for!(Written).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::outcome::Words;

    fn read(text: &str) -> Result<Case, Problem> {
        Case::read(
            &"pheidi".parse().expect("legal"),
            "payments/thanked",
            Path::new("cases/payments/thanked.json"),
            text,
        )
    }

    fn problem(text: &str) -> String {
        read(text).expect_err(text).to_string()
    }

    #[test]
    fn what_an_event_does_not_say_follows_from_the_case() {
        let case = read(r#"{"event": {"name": "a.b", "payload": null}}"#).expect("legal");
        let Given::Event(message) = case.given else { panic!("{case:?}") };
        assert_eq!((message.id.as_str(), message.tid.as_str()), ("thanked", "thanked"));
        assert_eq!((message.time, &message.body[..], message.source), (TIME, &b"null"[..], None));
        assert!(case.expect.is_none() && case.settings.is_empty());
    }

    #[test]
    fn what_an_event_says_is_taken_as_it_is() {
        let text = r#"{"$schema": "x.json", "settings": {"a": "b", "n": 7, "on": true},
            "event": {"name": "a.b", "payload": {"z":1, "a": 12345678901234567890123}, "id": "i", "tid": "t",
                      "time": "2026-02-03T04:05:06.007Z", "source": "s", "headers": {"h": "v"}},
            "attempts": [{"reason": "busy"}, {"attempt": 5, "reason": "worse", "time": 9, "version": "2"}],
            "expect": {"failed": {"contains": "x"}}}"#;
        let case = read(text).expect("legal");
        let Given::Failed(message) = case.given else { panic!("{case:?}") };
        assert_eq!(&message.body[..], br#"{"z":1, "a": 12345678901234567890123}"#);
        assert_eq!((message.id.as_str(), message.time.millis()), ("i", 1_770_091_506_007));
        assert_eq!(message.headers["h"], HeaderValue::from("v"));
        let told = |attempt: &FailedAttempt| (attempt.attempt.number(), attempt.time.millis(), attempt.version.clone());
        let told: Vec<_> = message.failures.iter().map(told).collect();
        assert_eq!(told, [(1, 1_770_091_506_007, VERSION.into()), (5, 9, "2".into())]);
        let settings: Vec<_> = case.settings.values().map(String::as_str).collect();
        assert_eq!(settings, ["b", "7", "true"]);
    }

    #[test]
    fn a_task_is_of_the_plugin_s_own_application() {
        let case = read(r#"{"task": {"name": "email.send", "payload": [], "attempt": 3, "key": "k"}}"#).expect("legal");
        let Given::Task(message) = case.given else { panic!("{case:?}") };
        assert_eq!(message.subject.as_str(), "pheidi.email.send");
        assert_eq!((message.attempt.number(), message.key.as_deref()), (3, Some("k")));
    }

    #[test]
    fn a_dead_letter_is_the_message_that_it_was() {
        let headers = Headers::from([("h".into(), "v".into()), (crate::message::DEAD_REASON.into(), "no".into())]);
        let message = Message { headers, ..Message::new(Subject::Event("a.b".parse().expect("legal")), "[1]") };
        let letter = Letter::new("pheidi".parse().expect("legal"), message.clone()).report(true);
        let text = format!(r#"{{"dead": {}}}"#, serde_json::to_string(&letter).expect("JSON"));
        let Given::Failed(revived) = read(&text).expect("legal").given else { panic!("{text}") };
        assert_eq!((&revived.id, &revived.body, revived.time), (&message.id, &message.body, message.time));
        assert_eq!(revived.headers.keys().collect::<Vec<_>>(), ["h"]);
    }

    #[test]
    fn a_mistake_is_told_with_its_place_and_what_may_be_meant() {
        let text = "{\n  \"event\": {\n    \"name\": \"a.b\",\n    \"paylod\": {}\n  }\n}";
        let told = problem(text);
        assert!(told.starts_with("cases/payments/thanked.json:4:"), "{told}");
        assert!(told.ends_with("`event.paylod`: unknown field `paylod`; did you mean `payload`?"), "{told}");
        for (text, words) in [
            ("", "EOF"),
            ("{} {}", "trailing characters"),
            ("{}", "`event`, `task`, `dead` and `healthy`"),
            (r#"{"task": {"name": "billing..pay"}}"#, "`task.name`"),
            (r#"{"task": {"name": "email.send", "attempt": 0}}"#, "`task.attempt`"),
            (r#"{"task": {"name": "a"}, "event": {"name": "a.b"}}"#, "only one of"),
            (r#"{"event": {"name": "nonsense"}}"#, "`event.name`"),
            (r#"{"event": {"name": "a.b", "time": "noon"}}"#, "2026-01-01T00:00:00Z"),
            (r#"{"event": {"name": "a.b", "id": ""}}"#, "`event.id`"),
            (r#"{"event": {"name": "a.b"}, "healthy": true}"#, "only one of"),
            (r#"{"event": {"name": "a.b"}, "attempts": [{"attempt": 0, "reason": "x"}]}"#, "from 1"),
            (r#"{"attempts": []}"#, "need the `event`"),
            (r#"{"event": {"name": "a.b"}, "expect": {"failed": "x"}}"#, "never to `failed`"),
            (r#"{"event": {"name": "a.b"}, "expect": {"tasks": [{"name": "x", "payloads": 1}]}}"#, "expect"),
            (r#"{"event": {"name": "a.b"}, "expect": {"reject": []}}"#, "a text, or"),
            (r#"{"healthy": true, "expect": {"tasks": []}}"#, "`healthy` or `unhealthy`"),
        ] {
            let told = problem(text);
            assert!(told.contains(words), "{words} is missing in {told}");
        }
    }

    #[test]
    fn what_is_expected_is_read() {
        let case = read(r#"{"event": {"name": "a.b"}, "expect": {"reject": "no"}}"#).expect("legal");
        assert_eq!(case.expect, Some(Outcome::Reject(Words::Exactly("no".into()))));
    }

    #[test]
    fn the_schema_has_every_key() {
        let schema = schema();
        for key in ["$schema", "event", "task", "attempts", "dead", "healthy", "settings", "expect"] {
            assert!(schema["properties"][key].is_object(), "{key}: {schema}");
        }
        assert_eq!(schema["additionalProperties"], false);
    }
}
