//! Environment variables: `LEVERET_` and the key path, as in `LEVERET_DELIVERY_RETRY_MINIMUM`.
//!
//! The settings of single plugins have none, since the names of applications are not the host's to spell.

use std::collections::BTreeMap;

use serde_json::Value;

use super::advice::nearest;
use super::entry::{Entry, KeyPath};
use super::error::{Place, Problem};
use super::schema::Node;

const PREFIX: &str = "LEVERET_";
/// Names the file to read, and is no setting itself.
const FILE: &str = "LEVERET_CONFIG";
/// Begins the variables of the developer's script.
const DEVELOPMENT: &str = "LEVERET_DEV_";

/// Reads the variables that are meant for the host. One that names no setting is a problem: it is most likely a slip,
/// and a setting that silently does not apply is found late.
pub fn read(variables: impl Iterator<Item = (String, String)>, root: Node<'_>) -> (Vec<Entry>, Vec<Problem>) {
    let settings: BTreeMap<String, (KeyPath, Node<'_>)> =
        root.leaves(&KeyPath::default()).into_iter().map(|(key, node)| (key.variable(), (key, node))).collect();
    let (mut entries, mut problems) = (Vec::new(), Vec::new());
    for (variable, text) in variables.filter(|(variable, _)| is_setting(variable)) {
        let place = Place::Variable(variable.clone());
        let Some((key, node)) = settings.get(&variable) else {
            problems.push(Problem::UnknownVariable { place, advice: advice(&variable, settings.keys()) });
            continue;
        };
        let entry = Entry { key: key.clone(), place, value: value(&text, *node) };
        match entry.check(*node) {
            Ok(()) => entries.push(entry),
            Err(problem) => problems.push(problem),
        }
    }
    (entries, problems)
}

fn is_setting(variable: &str) -> bool {
    variable.starts_with(PREFIX) && variable != FILE && !variable.starts_with(DEVELOPMENT)
}

/// What a text means where a number, a truth value, a table (as JSON) or a text is expected. What does not fit stays a
/// text, and is refused as one.
fn value(text: &str, node: Node<'_>) -> Value {
    let read = match () {
        () if node.is("boolean") => text.parse().map(Value::Bool).ok(),
        () if node.is("integer") => text.parse::<i64>().map(Value::from).ok(),
        () if node.is("object") => serde_json::from_str(text).ok().filter(Value::is_object),
        () if node.is("number") => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        () => None,
    };
    read.unwrap_or_else(|| text.into())
}

fn advice<'a>(variable: &str, known: impl Iterator<Item = &'a String>) -> String {
    match nearest(variable, known.map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None if variable.starts_with("LEVERET_PLUGIN_") => "settings of single plugins are made in leveret.toml".into(),
        None => "`leveret config print` shows the variable of every setting".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::schema::schema;

    #[test]
    fn no_two_settings_share_a_variable() {
        let schema = schema();
        let mut variables: Vec<String> =
            Node::root(&schema).leaves(&KeyPath::default()).iter().map(|(key, _)| key.variable()).collect();
        let all = variables.len();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }

    #[test]
    fn only_the_host_s_own_variables_are_looked_at() {
        for variable in ["HOME", "LEVERET_CONFIG", "LEVERET_DEV_WITHOUT_RUSTUP", "leveret_broker_url"] {
            assert!(!is_setting(variable), "{variable}");
        }
        for variable in ["LEVERET_BROKER_URL", "LEVERET_CONFIGURATION", "LEVERET_DEV"] {
            assert!(is_setting(variable), "{variable}");
        }
    }
}
