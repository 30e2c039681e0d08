//! Which dead letters are meant.

use serde::{Deserialize, Serialize};

use super::Letter;
use crate::message::{Tid, Timestamp};
use crate::name::{AppName, PluginId};

/// Which dead letters are meant: those that everything here fits. Without anything, all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginId>,
    /// The event or task that it is about, by its whole name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A part of its reason, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It became a dead letter at this moment or after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// It became a dead letter before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<Tid>,
    /// Its id, or the beginning of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Filter {
    /// Whether it leaves nothing out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The application whose dead letters alone can fit.
    pub fn app(&self) -> Option<&AppName> {
        self.app.as_ref().or(self.plugin.as_ref().map(|plugin| &plugin.app))
    }

    pub fn fits(&self, letter: &Letter) -> bool {
        let Self { app, plugin, name, reason, since, until, tid, id } = self;
        let message = &letter.message;
        // A letter that does not say when is of no time.
        let in_time = |fits: &dyn Fn(Timestamp) -> bool| letter.time.is_some_and(fits);
        app.as_ref().is_none_or(|app| *app == letter.app)
            && plugin.as_ref().is_none_or(|plugin| letter.plugin.as_ref() == Some(plugin))
            && name.as_ref().is_none_or(|name| name == message.subject.as_str())
            && reason.as_ref().is_none_or(|part| letter.reason.to_lowercase().contains(&part.to_lowercase()))
            && since.is_none_or(|since| in_time(&|time| time >= since))
            && until.is_none_or(|until| in_time(&|time| time < until))
            && tid.as_ref().is_none_or(|tid| *tid == message.tid)
            && id.as_ref().is_none_or(|id| message.id.as_str().starts_with(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dead::fake::dead_event;

    #[test]
    fn each_part_of_a_filter_narrows_it() {
        // It died at 1,000 ms, since it was busy.
        let letter = dead_event("two", "two/more", "abc-1");
        let fits = |json: &str| serde_json::from_str::<Filter>(json).expect("legal").fits(&letter);
        for json in [
            r"{}",
            r#"{"app":"two"}"#,
            r#"{"plugin":"two/more"}"#,
            r#"{"name":"user.authorized"}"#,
            r#"{"reason":"BUS"}"#,
            r#"{"since":1000,"until":1001}"#,
            r#"{"tid":"t-1"}"#,
            r#"{"id":"abc"}"#,
        ] {
            assert!(fits(json), "{json}");
        }
        for json in [
            r#"{"app":"one"}"#,
            r#"{"plugin":"two"}"#,
            r#"{"name":"user"}"#,
            r#"{"reason":"away"}"#,
            r#"{"since":1001}"#,
            r#"{"until":1000}"#,
            r#"{"tid":"t-2"}"#,
            r#"{"id":"bc-1"}"#,
            r#"{"app":"two","reason":"away"}"#,
        ] {
            assert!(!fits(json), "{json}");
        }
    }

    #[test]
    fn only_a_filter_of_nothing_is_empty() {
        assert!(Filter::default().is_empty());
        assert!(!serde_json::from_str::<Filter>(r#"{"app":"two"}"#).expect("legal").is_empty());
        assert!(serde_json::from_str::<Filter>(r#"{"apps":"two"}"#).is_err(), "a misspelt key must not mean all");
    }
}
