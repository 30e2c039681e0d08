//! A dead letter: a message that will not be tried again by itself, kept whole.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::message::{
    Attempt, DEAD_PLUGIN, DEAD_QUEUE, DEAD_REASON, DEAD_TIME, FailedAttempt, HeaderValue, Message, MessageId, Subject,
    Tid, Timestamp, json_text,
};
use crate::name::{AppName, PluginId, QueueName};

/// A message among an application's dead letters.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Whose dead letters it is among. It is known from the queue; everything else was written on the message, and may
    /// have been written by anybody with rights at the broker.
    pub app: AppName,
    /// The plugin that it was for, if a legal one is written on it.
    pub plugin: Option<PluginId>,
    pub reason: String,
    /// When it became a dead letter.
    pub time: Option<Timestamp>,
    pub message: Message,
}

/// Why a letter cannot go back to where it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHome {
    #[error("it does not say which plugin it was for; publish its body as a new event, or discard it")]
    Unsaid,
    #[error("it claims to be of {owner}, which {app} must not write to: discard it, and look who put it there")]
    Foreign { owner: AppName, app: AppName },
    #[error("there is no queue {0}: install the plugin that listens to it first, or discard the letter")]
    Absent(QueueName),
}

impl Letter {
    pub fn new(app: AppName, message: Message) -> Self {
        let text = |name: &str| message.headers.get(name).and_then(HeaderValue::as_text);
        let plugin = text(DEAD_PLUGIN).and_then(|plugin| plugin.parse().ok());
        let said = text(DEAD_REASON).or_else(|| message.failures.last().map(|failure| failure.reason.as_str()));
        let reason = said.unwrap_or_default().to_owned();
        let time = message.headers.get(DEAD_TIME).and_then(millis).map(Timestamp::from_millis);
        Self { app, plugin, reason, time, message }
    }

    /// The queue that it came from. Only names that lie within the application of the dead letters make it, never the
    /// name of a queue that is written on the letter (I3).
    pub fn home(&self) -> Result<QueueName, NoHome> {
        let own = |owner: AppName| {
            if owner == self.app { Ok(()) } else { Err(NoHome::Foreign { owner, app: self.app.clone() }) }
        };
        match &self.message.subject {
            Subject::Task(task) => own(task.app()).map(|()| QueueName::task(task)),
            Subject::Event(event) => {
                let plugin = self.plugin.as_ref().ok_or(NoHome::Unsaid)?;
                own(plugin.app.clone()).map(|()| QueueName::subscription(plugin, event))
            }
        }
    }

    /// The message for its home: the same id and TID, all attempts ahead of it, and its failures remembered. With a
    /// body, that in place of its own.
    pub fn revived(&self, body: Option<Bytes>) -> Message {
        let mut message = Message { attempt: Attempt::FIRST, ..self.message.clone() };
        for name in [DEAD_REASON, DEAD_QUEUE, DEAD_PLUGIN, DEAD_TIME] {
            message.headers.remove(name);
        }
        message.body = body.unwrap_or(message.body);
        message
    }

    /// What there is to tell of it; its attempts, headers and body only if it is to be `whole`.
    pub fn report(&self, whole: bool) -> Report {
        let message = &self.message;
        let mut report = Report {
            id: message.id.clone(),
            tid: message.tid.clone(),
            subject: message.subject.clone(),
            app: self.app.clone(),
            plugin: self.plugin.clone(),
            reason: self.reason.clone(),
            time: self.time,
            source: message.source.clone(),
            published: message.time,
            attempt: message.attempt,
            key: message.key.clone(),
            bytes: message.body.len(),
            attempts: Vec::new(),
            headers: None,
            body: None,
            text: None,
            binary: None,
        };
        if whole {
            report.attempts = message.failures.clone();
            report.headers = serde_json::to_value(&message.headers).ok();
            match std::str::from_utf8(&message.body) {
                Ok(text) => match json(text) {
                    Some(json) => report.body = Some(json),
                    None => report.text = Some(text.to_owned()),
                },
                Err(_) => report.binary = Some(message.body.to_vec()),
            }
        }
        report
    }
}

/// A dead letter, for people and their programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub id: MessageId,
    pub tid: Tid,
    pub subject: Subject,
    pub app: AppName,
    pub plugin: Option<PluginId>,
    pub reason: String,
    /// When it became a dead letter.
    pub time: Option<Timestamp>,
    /// The application that published it, where it says so.
    pub source: Option<String>,
    pub published: Timestamp,
    /// The number of its last attempt.
    pub attempt: Attempt,
    pub key: Option<String>,
    /// The size of its body.
    pub bytes: usize,
    /// Its failures, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<FailedAttempt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<serde_json::Value>,
    /// The body, if it is JSON: in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
    /// The body, if it is other text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body, if it is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Vec<u8>>,
}

/// A JSON text in one line, with every number and name as it was written: JSON has no line break but between its parts.
fn json(text: &str) -> Option<Box<RawValue>> {
    json_text(text.as_bytes()).ok()?;
    RawValue::from_string(text.trim().replace(['\n', '\r'], " ")).ok()
}

fn millis(value: &HeaderValue) -> Option<u64> {
    match value {
        HeaderValue::Unsigned(millis) => Some(*millis),
        HeaderValue::Integer(millis) => u64::try_from(*millis).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead::fake::dead_event;

    fn queue(letter: &Letter) -> Result<String, NoHome> {
        letter.home().map(|queue| queue.to_string())
    }

    #[test]
    fn a_letter_goes_home_to_the_queue_of_its_plugin_and_event() {
        assert_eq!(queue(&dead_event("two", "two", "m-1")), Ok("two.user.authorized".into()));
        assert_eq!(queue(&dead_event("two", "two/more", "m-1")), Ok("two.more.user.authorized".into()));
    }

    #[test]
    fn a_task_goes_home_to_its_own_queue() {
        let task = Subject::Task("two.email.send".parse().expect("legal"));
        let letter = Letter::new("two".parse().expect("legal"), Message::new(task, "{}"));
        assert_eq!(queue(&letter), Ok("two.email.send".into()));
    }

    #[test]
    fn i3_what_is_written_on_a_letter_never_leads_out_of_its_application() {
        let foreign = dead_event("two", "one", "m-1");
        assert!(matches!(foreign.home(), Err(NoHome::Foreign { owner, .. }) if owner.as_str() == "one"));
        let task = Subject::Task("one.email.send".parse().expect("legal"));
        let letter = Letter::new("two".parse().expect("legal"), Message::new(task, "{}"));
        assert!(matches!(letter.home(), Err(NoHome::Foreign { .. })));

        let mut forged = dead_event("two", "two", "m-1");
        forged.message.headers.insert(DEAD_QUEUE.into(), "one.user.authorized".into());
        let forged = Letter::new(forged.app, forged.message);
        assert_eq!(queue(&forged), Ok("two.user.authorized".into()));

        for plugin in ["", "two/", "../one", "TWO", "two/more/and"] {
            assert_eq!(queue(&dead_event("two", plugin, "m-1")), Err(NoHome::Unsaid), "{plugin:?}");
        }
    }

    #[test]
    fn a_revived_message_is_the_same_with_fresh_attempts() {
        let letter = dead_event("two", "two", "m-1");
        let revived = letter.revived(None);
        assert_eq!((&revived.id, &revived.tid, revived.attempt.number()), (&letter.message.id, &letter.message.tid, 1));
        assert_eq!(revived.failures, letter.message.failures);
        assert_eq!(revived.headers.keys().collect::<Vec<_>>(), ["traceparent"]);
        assert_eq!(letter.revived(Some("{\"fixed\":true}".into())).body, "{\"fixed\":true}");
    }

    #[test]
    fn absurd_headers_are_read_as_none() {
        for value in [HeaderValue::Null, HeaderValue::Integer(-1), HeaderValue::Float(1.0), "now".into()] {
            let Letter { app, mut message, .. } = dead_event("two", "two", "m-1");
            message.headers.extend([(DEAD_TIME.into(), value), (DEAD_REASON.into(), HeaderValue::Null)]);
            let letter = Letter::new(app, message);
            // What the last failure says stands for the reason.
            assert_eq!((letter.time, letter.reason.as_str()), (None, "busy"));
        }
    }

    #[test]
    fn a_report_has_the_body_in_one_line_whatever_it_is() {
        let body = |body: &'static [u8]| {
            let mut letter = dead_event("two", "two", "m-1");
            letter.message.body = Bytes::from_static(body);
            let line = serde_json::to_string(&letter.report(true)).expect("JSON");
            assert!(!line.contains('\n'), "{line}");
            serde_json::from_str::<Report>(&line).expect("readable")
        };
        let json = body(b"{\r\n \"n\": 12345678901234567890123,\n \"t\": \"a\\nb\" }").body.expect("JSON");
        assert_eq!(json.get(), "{   \"n\": 12345678901234567890123,  \"t\": \"a\\nb\" }");
        assert_eq!(body(b"not\njson").text.as_deref(), Some("not\njson"));
        assert_eq!(body(b"\xff").binary, Some(vec![255]));
        let brief = dead_event("two", "two", "m-1").report(false);
        assert!(brief.body.is_none() && brief.headers.is_none() && brief.attempts.is_empty() && brief.bytes == 2);
    }
}
