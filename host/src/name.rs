//! Names, parsed once at the edge. Inside the host a name is a type, so a foreign or illegal one cannot be written.
//!
//! Segments are ASCII letters, digits, `-` and `_`, joined by dots. That leaves no room for look-alike letters, NUL
//! bytes or trailing dots, and every name fits the 255 bytes that AMQP 0.9.1 allows a short string.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

/// AMQP's limit on a queue, exchange or routing key, in bytes.
const SHORT_STRING: usize = 255;
/// The longest application or plugin name, in bytes. Chosen so that `<app>.<plugin>.<event>` fits [`SHORT_STRING`].
const OWNER: usize = 63;
/// The longest event name, in bytes; see [`OWNER`].
const EVENT: usize = 127;
/// The name space of what stands for names that are too long (a random UUID, fixed for ever).
const LONG_NAMES: Uuid = Uuid::from_u128(0x3f60_9d1c_52e8_4c07_b9a4_77d1_0e6c_25f3);
/// First segments that belong to the broker (`amq`) and to this host (`leveret`).
const RESERVED: [&str; 2] = ["amq", "leveret"];

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("the {what} is empty")]
    Empty { what: &'static str },
    #[error("the {what} is {length} bytes long; at most {limit} are allowed")]
    TooLong { what: &'static str, length: usize, limit: usize },
    #[error("the {what} {text:?} has {character:?}, which is not allowed: use {allowed}")]
    Character { what: &'static str, text: String, character: char, allowed: &'static str },
    #[error("the {what} {text:?} has an empty part between its dots")]
    EmptySegment { what: &'static str, text: String },
    #[error("the {what} {text:?} has {found} part(s); it needs at least {needed}, such as {example:?}")]
    TooFewSegments { what: &'static str, text: String, found: usize, needed: usize, example: &'static str },
    #[error("the {what} {text:?} begins with {segment:?}, which is reserved")]
    Reserved { what: &'static str, text: String, segment: &'static str },
}

/// What one kind of name may look like.
struct Rules {
    what: &'static str,
    limit: usize,
    segments: usize,
    example: &'static str,
}

impl Rules {
    fn check(&self, text: &str) -> Result<(), NameError> {
        let what = self.what;
        if text.is_empty() {
            return Err(NameError::Empty { what });
        }
        if text.len() > self.limit {
            return Err(NameError::TooLong { what, length: text.len(), limit: self.limit });
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(character) = text.chars().find(|&c| !legal(c)) {
            let allowed = "letters, digits, '-', '_' and '.' of ASCII";
            return Err(NameError::Character { what, text: text.into(), character, allowed });
        }
        if text.split('.').any(str::is_empty) {
            return Err(NameError::EmptySegment { what, text: text.into() });
        }
        let found = text.split('.').count();
        if found < self.segments {
            let (needed, example) = (self.segments, self.example);
            return Err(NameError::TooFewSegments { what, text: text.into(), found, needed, example });
        }
        self.check_reserved(text)
    }

    /// Owners are one lower-case segment, since they come from file names and some file systems fold case.
    fn check_owner(&self, text: &str) -> Result<(), NameError> {
        let what = self.what;
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if let Some(character) = text.chars().find(|&c| !legal(c)) {
            let allowed = "lower-case letters, digits, '-' and '_' of ASCII";
            return Err(NameError::Character { what, text: text.into(), character, allowed });
        }
        self.check(text)
    }

    fn check_reserved(&self, text: &str) -> Result<(), NameError> {
        let first = text.split('.').next().unwrap_or_default();
        match RESERVED.into_iter().find(|reserved| first.eq_ignore_ascii_case(reserved)) {
            Some(segment) => Err(NameError::Reserved { what: self.what, text: text.into(), segment }),
            None => Ok(()),
        }
    }
}

const APP: Rules = Rules { what: "application name", limit: OWNER, segments: 1, example: "pheidi" };
const PLUGIN: Rules = Rules { what: "plugin name", limit: OWNER, segments: 1, example: "receipts" };
const BUCKET: Rules = Rules { what: "bucket name", limit: OWNER, segments: 1, example: "sent" };
const EVENTS: Rules = Rules { what: "event name", limit: EVENT, segments: 2, example: "user.authorized" };
const TASKS: Rules = Rules { what: "task name", limit: SHORT_STRING, segments: 2, example: "pheidi.email.send" };
const RELATIVE_TASKS: Rules = Rules { what: "task name", limit: SHORT_STRING, segments: 1, example: "email.send" };

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<(), NameError> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_name!(
    /// An application: the owner of every task whose name starts with it. One lower-case segment of at most 63 bytes.
    AppName, |text| APP.check_owner(text)
);
text_name!(
    /// A plugin within its application. One lower-case segment of at most 63 bytes.
    PluginName, |text| PLUGIN.check_owner(text)
);
text_name!(
    /// A bucket of an application. One lower-case segment of at most 63 bytes.
    BucketName, |text| BUCKET.check_owner(text)
);
text_name!(
    /// An event, such as `org.payment.processed`: at least two segments, at most 127 bytes.
    EventName, |text| EVENTS.check(text)
);
text_name!(
    /// A task by its full name, such as `pheidi.email.send`; its first segment is its application. At most 255 bytes.
    TaskName, |text| {
        APP.check_owner(text.split('.').next().unwrap_or_default())?;
        TASKS.check(text)
    }
);

impl EventName {
    /// Whether it begins like the tasks of an application, whichever case its letters have.
    pub fn is_in_the_namespace_of(&self, app: &AppName) -> bool {
        self.0.split('.').next().is_some_and(|first| first.eq_ignore_ascii_case(app.as_str()))
    }
}

impl TaskName {
    /// The task that an application means by a relative name such as `email.send`.
    ///
    /// This is the only way from a plugin's words to a task, so a plugin cannot name another application's (I3).
    pub fn within(app: &AppName, relative: &str) -> Result<Self, NameError> {
        let full = format!("{app}.{relative}");
        if full.len() > SHORT_STRING {
            let limit = SHORT_STRING - app.as_str().len() - 1;
            return Err(NameError::TooLong { what: "task name", length: relative.len(), limit });
        }
        // The reserved words only matter in front, and there the application stands.
        match RELATIVE_TASKS.check(relative) {
            Ok(()) | Err(NameError::Reserved { .. }) => Ok(Self(full.into())),
            Err(error) => Err(error),
        }
    }

    /// The name within its application, as plugins say it: `email.send`.
    pub fn relative(&self) -> &str {
        // Whatever made it put the application and a dot in front.
        self.0.split_once('.').map_or("", |(_, relative)| relative)
    }

    /// The application that alone may create and perform this task.
    pub fn app(&self) -> AppName {
        AppName(self.0.split('.').next().unwrap_or_default().into())
    }
}

/// A plugin's identity: its application and its name there, both from the place of its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginId {
    pub app: AppName,
    pub plugin: PluginName,
}

impl PluginId {
    pub fn new(app: AppName, plugin: PluginName) -> Self {
        Self { app, plugin }
    }

    /// Whether this is the application's main plugin: the one that carries its name, as `plugins/<app>.wasm` does.
    pub fn is_main(&self) -> bool {
        self.app.as_str() == self.plugin.as_str()
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_main() { write!(f, "{}", self.app) } else { write!(f, "{}/{}", self.app, self.plugin) }
    }
}

impl FromStr for PluginId {
    type Err = NameError;

    /// Reads what [`fmt::Display`] writes: `app`, or `app/plugin`.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (app, plugin) = text.split_once('/').unwrap_or((text, text));
        Ok(Self::new(app.parse()?, plugin.parse()?))
    }
}

impl<'de> serde::Deserialize<'de> for PluginId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for PluginId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A queue of the broker. Only made from other names, so it is legal by construction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// The queue of a plugin's interest in an event: `<app>.<event>` for the application's main plugin,
    /// `<app>.<plugin>.<event>` for every other. The rule looks at the file's place only, so a queue keeps its name
    /// whichever plugins come and go beside it.
    pub fn subscription(plugin: &PluginId, event: &EventName) -> Self {
        let PluginId { app, plugin: name } = plugin;
        Self(if plugin.is_main() { format!("{app}.{event}") } else { format!("{app}.{name}.{event}") }.into())
    }

    /// The queue in which an application's task waits to be performed.
    pub fn task(task: &TaskName) -> Self {
        Self(task.0.clone())
    }

    /// Where an application's dead letters are kept.
    pub fn dead(app: &AppName) -> Self {
        Self(format!("leveret.dead.{app}").into())
    }

    /// Where the history is kept, and which exchange leads there.
    pub fn history() -> Self {
        Self("leveret.history".into())
    }

    /// Where messages wait for the moment that they are to be published at.
    pub fn later() -> Self {
        Self("leveret.later".into())
    }

    /// How far the subscription of this queue has come through the past.
    pub fn backfill(subscription: &Self) -> Self {
        let readable = format!("leveret.past.{subscription}");
        if readable.len() <= SHORT_STRING {
            return Self(readable.into());
        }
        Self(format!("leveret.past.{}", Uuid::new_v5(&LONG_NAMES, subscription.0.as_bytes())).into())
    }

    /// Which tick of a timekeeping event was announced last.
    pub fn tick(event: &EventName) -> Self {
        Self(format!("leveret.tick.{event}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(text: &str) -> AppName {
        text.parse().expect("a legal application name")
    }

    #[test]
    fn an_event_has_a_model_and_a_verb() {
        assert!("org.payment.processed".parse::<EventName>().is_ok());
        assert!("time.five-minutes.passed".parse::<EventName>().is_ok());
        assert!(matches!("authorized".parse::<EventName>(), Err(NameError::TooFewSegments { .. })));
    }

    #[test]
    fn odd_characters_are_refused_and_named() {
        for text in ["user.ünlocked", "user.\0x", "user. x", "user/x.y", "user.x\n", "user.*", "user.#", "usеr.x"] {
            assert!(matches!(text.parse::<EventName>(), Err(NameError::Character { .. })), "{text:?}");
        }
        for text in [".user.x", "user.x.", "user..x"] {
            assert!(matches!(text.parse::<EventName>(), Err(NameError::EmptySegment { .. })), "{text:?}");
        }
    }

    #[test]
    fn the_broker_s_and_the_host_s_own_names_are_reserved() {
        for text in ["amq.direct", "leveret.delay.1000", "Leveret.x"] {
            assert!(matches!(text.parse::<EventName>(), Err(NameError::Reserved { .. })), "{text:?}");
        }
        assert!("leveret".parse::<AppName>().is_err());
    }

    #[test]
    fn i3_a_relative_task_name_stays_inside_its_app() {
        let pheidi = app("pheidi");
        for relative in ["email.send", "billing.invoice.pay", "leveret.delay.1", "Pheidi", "a"] {
            let task = TaskName::within(&pheidi, relative).expect("legal");
            assert_eq!(task.as_str(), format!("pheidi.{relative}"));
            assert_eq!(task.relative(), relative);
            assert_eq!(task.app(), pheidi);
        }
        for relative in ["", ".", "..x", "email send", "email\0", "e\u{301}", "x".repeat(255).as_str()] {
            assert!(TaskName::within(&pheidi, relative).is_err(), "{relative:?}");
        }
    }

    #[test]
    fn owners_are_one_lower_case_segment() {
        for text in ["Pheidi", "phe.idi", "", "phéidi", "..", "pheidi "] {
            assert!(text.parse::<AppName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_plugin_is_read_as_it_is_written() {
        for text in ["pheidi", "pheidi/receipts"] {
            assert_eq!(text.parse::<PluginId>().expect("legal").to_string(), text);
        }
        assert_eq!("pheidi/pheidi".parse::<PluginId>(), "pheidi".parse());
        for text in ["", "/", "pheidi/", "Pheidi", "a/b/c", "leveret"] {
            assert!(text.parse::<PluginId>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn every_queue_fits_a_short_string() {
        let plugin = PluginId::new(app(&"a".repeat(63)), "p".repeat(63).parse().expect("legal"));
        let event: EventName = format!("{}.x", "e".repeat(125)).parse().expect("legal");
        assert_eq!(QueueName::subscription(&plugin, &event).as_str().len(), 255);
    }

    #[test]
    fn only_the_main_plugin_leaves_its_name_out_of_the_queue() {
        let event: EventName = "org.payment.processed".parse().expect("legal");
        let main = PluginId::new(app("pheidi"), "pheidi".parse().expect("legal"));
        let second = PluginId::new(app("pheidi"), "receipts".parse().expect("legal"));
        assert_eq!(QueueName::subscription(&main, &event).as_str(), "pheidi.org.payment.processed");
        assert_eq!(QueueName::subscription(&second, &event).as_str(), "pheidi.receipts.org.payment.processed");
    }
}
