//! From the file and the environment to settings, or to everything that is wrong with them.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::entry::{Entry, KeyPath};
use super::error::{ConfigError, Place, Problem};
use super::schema::{Node, schema};
use super::settings::Settings;
use super::{check, environment, file};

/// The file that is looked for where none is named.
const FILE: &str = "leveret.toml";

/// Loads the settings: the environment's over the file's over the defaults.
///
/// Where no file is named, `leveret.toml` of the working directory is read if it is there.
pub fn load(
    named: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let path = named.unwrap_or(Path::new(FILE));
    settings(path, read(path, named.is_none()), environment)
}

/// Puts a file's text and the environment together.
pub(super) fn settings(
    path: &Path,
    text: Result<String, Problem>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Settings, ConfigError> {
    let schema = schema();
    let root = Node::root(&schema);
    let (mut entries, mut problems) = match text {
        Ok(text) => file::read(path, &text, root),
        Err(problem) => (Vec::new(), vec![problem]),
    };
    let (overrides, more) = environment::read(environment, root);
    entries.extend(overrides);
    problems.extend(more);
    if !problems.is_empty() {
        return Err(ConfigError::new(problems));
    }
    let settings = assemble(&entries).map_err(|problem| ConfigError::new(vec![problem]))?;
    let conflicts = conflicts(&settings, &entries);
    if conflicts.is_empty() { Ok(settings) } else { Err(ConfigError::new(conflicts)) }
}

fn read(path: &Path, optional: bool) -> Result<String, Problem> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if optional && error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problem::Unreadable { path: path.into(), reason: error.to_string() }),
    }
}

fn assemble(entries: &[Entry]) -> Result<Settings, Problem> {
    let mut document = Value::Object(Map::new());
    for entry in entries {
        entry.write(&mut document);
    }
    Settings::deserialize(document).map_err(|error| Problem::Whole { reason: error.to_string() })
}

/// Contradictions, each at the first of its keys that somebody set. Where a plugin set none of them it is the
/// contradiction of `[delivery]`, which is reported there.
fn conflicts(settings: &Settings, entries: &[Entry]) -> Vec<Problem> {
    let places: HashMap<&KeyPath, &Place> = entries.iter().map(|entry| (&entry.key, &entry.place)).collect();
    let placed = |conflict: check::Conflict| {
        let place = conflict.keys.iter().find_map(|key| places.get(key))?;
        Some(Problem::Conflict { place: (*place).clone(), reason: conflict.reason })
    };
    check::conflicts(settings).into_iter().filter_map(placed).collect()
}

#[cfg(test)]
mod tests;
