//! One setting that somebody made: its key, where it stands, and its value.

use std::fmt;

use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::error::{Place, Problem};
use super::schema::Node;
use super::settings::Settings;

/// The way to a setting: `delivery.retry.minimum`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The path of a key below.
    pub fn child(&self, key: &str) -> Self {
        Self(self.0.iter().cloned().chain([key.into()]).collect())
    }

    /// Its keys, from the outermost.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The environment variable that overrides this setting.
    pub fn variable(&self) -> String {
        format!("LEVERET_{}", self.0.join("_").replace('-', "_").to_uppercase())
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = |key: &str| !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        for (index, key) in self.0.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            if bare(key) { write!(f, "{dot}{key}")? } else { write!(f, "{dot}{key:?}")? }
        }
        Ok(())
    }
}

impl From<&str> for KeyPath {
    fn from(path: &str) -> Self {
        Self(path.split('.').map(str::to_owned).collect())
    }
}

/// One setting that somebody made.
pub struct Entry {
    pub key: KeyPath,
    pub place: Place,
    pub value: Value,
}

impl Entry {
    /// Whether its value is allowed, by itself. Every setting has a default, so the settings with this one alone are
    /// a whole, and what is wrong with them is wrong with this one.
    pub fn check(&self, node: Node<'_>) -> Result<(), Problem> {
        let mut alone = Value::Object(Map::new());
        self.write(&mut alone);
        let read: Result<Settings, _> = serde_path_to_error::deserialize(alone);
        read.map(drop).map_err(|error| {
            let mut reason = node.refusal(&self.value, &error.inner().to_string());
            // Of an element of a list, the key that is wrong.
            let mut below = error.path().iter().skip(self.key.segments().len());
            if node.is("array")
                && let Some(Segment::Map { key }) = below.find(|one| matches!(one, Segment::Map { .. }))
            {
                reason = format!("`{key}`: {reason}");
            }
            Problem::Value { place: self.place.clone(), key: self.key.clone(), reason }
        })
    }

    /// Puts the value at its place in a document.
    pub fn write(&self, document: &mut Value) {
        let mut at = document;
        for segment in self.key.segments() {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[segment.as_str()];
        }
        *at = self.value.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_its_variable() {
        assert_eq!(KeyPath::from("delivery.retry.minimum").variable(), "LEVERET_DELIVERY_RETRY_MINIMUM");
        assert_eq!(KeyPath::from("broker.rabbitmq.tid-in-body").variable(), "LEVERET_BROKER_RABBITMQ_TID_IN_BODY");
    }

    #[test]
    fn a_path_is_shown_as_toml_writes_it() {
        let path = KeyPath::from("plugin").child("pheidi/receipts").child("time-limit");
        assert_eq!(path.to_string(), "plugin.\"pheidi/receipts\".time-limit");
    }
}
