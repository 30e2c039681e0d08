//! What waits for its moment, as it lies in the queue of those that do: the message itself, with headers that say when,
//! under which key, and what it is about. A listener's messages do not say the last by themselves.
//!
//! Anybody with rights at the broker can write them, and could as well publish the message itself.

use super::{Destination, Outgoing};
use crate::message::{HeaderValue, Message, Subject, Timestamp};
use crate::name::AppName;

/// When: milliseconds since 1970-01-01 UTC, or null for never.
const MOMENT: &str = "leveret-deliver-at";
const KEY: &str = "leveret-deliver-id";
const SUBJECT: &str = "leveret-deliver-as";

/// A word to those that wait for their moment. They are heard in the order in which they were published.
#[derive(Debug, Clone, PartialEq)]
pub enum Later {
    /// The message is to be published at the moment, in place of what waits under the key.
    At { moment: Timestamp, key: String, message: Message },
    /// What waits under the key is not to be published. The message only carries the word.
    Never { key: String, message: Message },
}

impl Later {
    /// The key of what an application has a name for.
    pub fn named(app: &AppName, name: &str) -> String {
        format!("{app}/{name}")
    }

    /// How it is said.
    pub fn outgoing(self) -> Outgoing {
        let (moment, key, mut message) = match self {
            Self::At { moment, key, message } => (HeaderValue::Unsigned(moment.millis()), key, message),
            Self::Never { key, message } => (HeaderValue::Null, key, message),
        };
        let subject = match &message.subject {
            Subject::Event(event) => format!("event {event}"),
            Subject::Task(task) => format!("task {task}"),
        };
        message.headers.extend([
            (MOMENT.to_owned(), moment),
            (KEY.to_owned(), HeaderValue::Text(key)),
            (SUBJECT.to_owned(), HeaderValue::Text(subject)),
        ]);
        Outgoing { destination: Destination::Later, message }
    }

    /// What was said, with the message as it was before.
    ///
    /// # Errors
    /// The message as it came, where it says nothing of the kind.
    pub fn heard(mut message: Message) -> Result<Self, Box<Message>> {
        let text = |name| message.headers.get(name).and_then(HeaderValue::as_text);
        let (key, subject) = (text(KEY).map(str::to_owned), text(SUBJECT).and_then(subject));
        let moment = match message.headers.get(MOMENT) {
            Some(HeaderValue::Null) => Some(None),
            Some(HeaderValue::Unsigned(millis)) => Some(Some(*millis)),
            Some(HeaderValue::Integer(millis)) => u64::try_from(*millis).ok().map(Some),
            _ => None,
        };
        let (Some(key), Some(subject), Some(moment)) = (key, subject, moment) else { return Err(Box::new(message)) };
        [MOMENT, KEY, SUBJECT].iter().for_each(|header| drop(message.headers.remove(*header)));
        let message = Message { subject, ..message };
        Ok(match moment {
            Some(millis) => Self::At { moment: Timestamp::from_millis(millis), key, message },
            None => Self::Never { key, message },
        })
    }
}

fn subject(text: &str) -> Option<Subject> {
    match text.split_once(' ')? {
        ("event", name) => name.parse().map(Subject::Event).ok(),
        ("task", name) => name.parse().map(Subject::Task).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(subject: Subject) -> Message {
        let mut message = Message::new(subject, "{}");
        message.headers.insert("traceparent".into(), "00-1-2-3".into());
        message
    }

    #[test]
    fn what_is_said_is_heard_and_the_message_is_as_it_was() {
        let subjects = [
            Subject::Event("user.authorized".parse().expect("legal")),
            Subject::Task("pheidi.email.send".parse().expect("legal")),
        ];
        for subject in subjects {
            let (moment, key) = (Timestamp::from_millis(5), "pheidi/reminder 7".to_owned());
            let words = [
                Later::At { moment, key: key.clone(), message: message(subject.clone()) },
                Later::Never { key, message: message(subject.clone()) },
            ];
            for word in words {
                let mut outgoing = word.clone().outgoing();
                assert_eq!(outgoing.destination, Destination::Later);
                // Whatever a listener takes it for.
                outgoing.message.subject = Subject::Event("message.delivered.later".parse().expect("legal"));
                assert_eq!(Later::heard(outgoing.message), Ok(word));
            }
        }
    }

    #[test]
    fn what_somebody_put_there_by_hand_comes_back_as_it_is() {
        let bare = message(Subject::Event("user.authorized".parse().expect("legal")));
        assert_eq!(Later::heard(bare.clone()), Err(Box::new(bare.clone())));
        for odd in [HeaderValue::Bool(true), HeaderValue::Integer(-1), "5".into()] {
            let said = Later::At { moment: Timestamp::from_millis(5), key: "k".into(), message: bare.clone() };
            let mut message = said.outgoing().message;
            message.headers.insert(MOMENT.into(), odd);
            assert_eq!(Later::heard(message.clone()), Err(Box::new(message)));
        }
    }
}
