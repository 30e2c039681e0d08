//! What settings are meant for: the keys of the operator's own tables.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::value::{ValueError, text_value};
use crate::name::{AppName, EventName, PluginId, TaskName};

/// The plugin that settings are meant for: `app` for an application's main plugin, `app/plugin` for another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PluginKey(PluginId);

impl PluginKey {
    /// The plugin.
    pub fn plugin(&self) -> &PluginId {
        &self.0
    }
}

impl From<PluginId> for PluginKey {
    fn from(plugin: PluginId) -> Self {
        Self(plugin)
    }
}

impl FromStr for PluginKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refused = |reason| ValueError::Plugin { text: text.into(), reason };
        let (app, plugin) = text.split_once('/').unwrap_or((text, text));
        // One plugin has one key, so that it cannot be given two tables of settings.
        if text.contains('/') && app == plugin {
            return Err(ValueError::MainPlugin { text: text.into(), app: app.into() });
        }
        Ok(Self(PluginId::new(app.parse().map_err(refused)?, plugin.parse().map_err(refused)?)))
    }
}

impl fmt::Display for PluginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(PluginKey, { "type": "string", "pattern": "^[a-z0-9_-]{1,63}(/[a-z0-9_-]{1,63})?$" });

/// The application that settings are meant for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppKey(AppName);

impl AppKey {
    /// The application.
    pub fn app(&self) -> &AppName {
        &self.0
    }
}

impl FromStr for AppKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|reason| ValueError::App { text: text.into(), reason })
    }
}

impl fmt::Display for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(AppKey, { "type": "string", "pattern": "^[a-z0-9_-]{1,63}$" });

/// The event whose subscription settings are meant for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventKey(EventName);

impl EventKey {
    /// The event.
    pub fn event(&self) -> &EventName {
        &self.0
    }
}

impl From<EventName> for EventKey {
    fn from(event: EventName) -> Self {
        Self(event)
    }
}

impl FromStr for EventKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|reason| ValueError::Event { text: text.into(), reason })
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(EventKey, { "type": "string", "pattern": "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)+$" });

/// The task whose settings are meant for, by its full name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskKey(TaskName);

impl TaskKey {
    /// The task.
    pub fn task(&self) -> &TaskName {
        &self.0
    }
}

impl From<TaskName> for TaskKey {
    fn from(task: TaskName) -> Self {
        Self(task)
    }
}

impl FromStr for TaskKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|reason| ValueError::Task { text: text.into(), reason })
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_value!(TaskKey, { "type": "string", "pattern": "^[a-z0-9_-]{1,63}(\\.[A-Za-z0-9_-]+)+$" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_exactly_one_key() {
        for text in ["pheidi", "pheidi/receipts"] {
            assert_eq!(text.parse::<PluginKey>().expect("legal").to_string(), text);
        }
        for text in ["", "/", "pheidi/", "Pheidi", "pheidi/pheidi", "a/b/c", "leveret"] {
            assert!(text.parse::<PluginKey>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn applications_events_and_tasks_are_keys_by_their_names() {
        assert_eq!("pheidi".parse::<AppKey>().expect("legal").to_string(), "pheidi");
        assert!("pheidi/receipts".parse::<AppKey>().is_err());
        assert_eq!("org.payment.processed".parse::<EventKey>().expect("legal").to_string(), "org.payment.processed");
        assert!("payment.*".parse::<EventKey>().is_err());
        assert_eq!("pheidi.email.send".parse::<TaskKey>().expect("legal").to_string(), "pheidi.email.send");
        assert!("Pheidi.email.send".parse::<TaskKey>().is_err());
    }
}
