//! What a plugin is told and nobody else: read by name beside its settings, and never written anywhere by the host.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::plugin::PluginSettings;

/// A shorter text is not hidden: it would be found in too much else.
const SHORTEST: usize = 4;
/// What stands where a secret stood.
const HIDDEN: &str = "***";

/// The secrets of one plugin. Cheap to clone.
#[derive(Clone, Default)]
pub struct Secrets(Option<Arc<Known>>);

struct Known {
    names: Vec<String>,
    /// The plugin's settings with the secrets among them; `None` where the secrets are not read.
    settings: Option<PluginSettings>,
    /// What must not be seen, the longest first, since one may have another in it.
    hidden: Vec<String>,
}

impl Secrets {
    /// Secrets by name, beside the settings of the same plugin.
    pub fn new(secrets: BTreeMap<String, String>, settings: impl IntoIterator<Item = (String, String)>) -> Self {
        if secrets.is_empty() {
            return Self(None);
        }
        let mut hidden: Vec<String> = secrets.values().cloned().collect();
        // What a plugin writes comes line by line.
        hidden.extend(secrets.values().flat_map(|secret| secret.lines()).map(|line| line.trim().to_owned()));
        hidden.retain(|text| text.len() >= SHORTEST);
        hidden.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        hidden.dedup();
        let names = secrets.keys().cloned().collect();
        let settings = Some(settings.into_iter().chain(secrets).collect());
        Self(Some(Arc::new(Known { names, settings, hidden })))
    }

    /// What is granted where no plugin is told of any.
    pub fn untold(names: impl IntoIterator<Item = String>) -> Self {
        Self(Some(Arc::new(Known { names: names.into_iter().collect(), settings: None, hidden: Vec::new() })))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|known| known.names.iter().map(String::as_str))
    }

    /// The settings with the secrets among them, if there are any.
    pub(in crate::plugin) fn settings(&self) -> Option<&PluginSettings> {
        self.0.as_ref().and_then(|known| known.settings.as_ref())
    }

    /// The text with `***` for every secret in it.
    pub(in crate::plugin) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter().flat_map(|known| &known.hidden) {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), HIDDEN));
            }
        }
        text
    }

    /// The bytes of the longest text that is hidden.
    pub(in crate::plugin) fn longest(&self) -> usize {
        self.0.as_ref().and_then(|known| known.hidden.first()).map_or(0, String::len)
    }
}

impl fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        let named = values.iter().enumerate().map(|(number, value)| (format!("s{number}"), value.to_string()));
        Secrets::new(named.collect(), [])
    }

    #[test]
    fn every_secret_is_hidden_wherever_it_stands() {
        let known = secrets(&["hunter2", "hunter2-and-more", "key:\n  abcdefgh\n", "abc"]);
        for (text, expected) in [
            ("nothing", "nothing"),
            ("hunter2", "***"),
            ("a hunter2 and hunter2-and-more!", "a *** and ***!"),
            ("line abcdefgh", "line ***"),
            ("abc is too short", "abc is too short"),
        ] {
            assert_eq!(known.hide(text), expected);
        }
        assert_eq!(secrets(&[]).hide("hunter2"), "hunter2");
    }

    #[test]
    fn they_are_shown_by_name_only() {
        assert_eq!(format!("{:?}", secrets(&["hunter2"])), r#"{"s0"}"#);
    }
}
