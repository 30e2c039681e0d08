//! Whose files are let in, as an operator writes it.

use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use crate::config::key::AppKey;
use crate::config::value::ValueError;

/// Whose files are let in as plugins.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Trust {
    /// Everybody's who can write into the plugins directory.
    #[default]
    Any,
    /// Only those that one of these vouches for; they are never all empty.
    Only { digests: Vec<Stated>, keys: Vec<TrustedKey> },
}

/// What is written here, or in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stated {
    Here(String),
    File(PathBuf),
}

/// A public key of minisign, and whose plugins it may vouch for.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedKey {
    /// The key as `minisign -G` shows it, or the file that it writes.
    pub key: Stated,
    /// `None` for every application.
    pub apps: Option<Vec<AppKey>>,
}

impl Trust {
    /// The files that it is stated in.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let (digests, keys) = match self {
            Self::Any => (&[][..], &[][..]),
            Self::Only { digests, keys } => (&digests[..], &keys[..]),
        };
        digests.iter().chain(keys.iter().map(|key| &key.key)).filter_map(|stated| match stated {
            Stated::Here(_) => None,
            Stated::File(file) => Some(file.as_path()),
        })
    }
}

fn illegal<T>(reason: impl Into<String>) -> Result<T, ValueError> {
    Err(ValueError::Trust(reason.into()))
}

/// The values of a list, each read.
fn list<T>(name: &str, value: Value, read: impl Fn(Value) -> Result<T, ValueError>) -> Result<Vec<T>, ValueError> {
    match value {
        Value::Array(values) => values.into_iter().map(read).collect(),
        _ => illegal(format!("`{name}` is not a list")),
    }
}

/// A SHA-256, or `{ file = "…" }` with many of them.
fn digest(value: Value) -> Result<Stated, ValueError> {
    const DIGITS: usize = 64;
    match value {
        Value::String(text) if text.len() == DIGITS && text.chars().all(|c| c.is_ascii_hexdigit()) => {
            Ok(Stated::Here(text.to_lowercase()))
        }
        Value::Object(mut table) => match (table.remove("file"), table.is_empty()) {
            (Some(Value::String(file)), true) => Ok(Stated::File(file.into())),
            _ => illegal("a table in `digests` is { file = \"…\" }, and no more"),
        },
        value => illegal(format!("{value} is not a SHA-256: 64 hexadecimal digits, as `sha256sum` writes them")),
    }
}

/// A key, or a table with it.
fn key(value: Value) -> Result<TrustedKey, ValueError> {
    let mut table = match value {
        Value::String(text) => return Ok(TrustedKey { key: public_key(text)?, apps: None }),
        Value::Object(table) => table,
        value => return illegal(format!("{value} is neither a key nor a table with one")),
    };
    let key = match (table.remove("key"), table.remove("file")) {
        (Some(Value::String(text)), None) => public_key(text)?,
        (None, Some(Value::String(file))) => Stated::File(file.into()),
        _ => return illegal("a table in `keys` has either `key` or `file`, as a text"),
    };
    let app = |value: Value| match value {
        Value::String(app) => app.parse(),
        value => illegal(format!("{value} in `apps` is not the name of an application")),
    };
    let apps = table.remove("apps").map(|apps| list("apps", apps, app)).transpose()?;
    if apps.as_ref().is_some_and(Vec::is_empty) {
        return illegal("`apps` is empty, so the key could vouch for nothing");
    }
    match table.keys().next() {
        Some(unknown) => illegal(format!("a table in `keys` has no `{unknown}`; it has `key` or `file`, and `apps`")),
        None => Ok(TrustedKey { key, apps }),
    }
}

/// A public key of minisign: 42 bytes in base64, the first of them "Ed" or "ED".
fn public_key(text: String) -> Result<Stated, ValueError> {
    const LENGTH: usize = 56;
    let legal = text.len() == LENGTH && text.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c));
    if legal && ["RW", "RU"].iter().any(|kind| text.starts_with(kind)) {
        return Ok(Stated::Here(text));
    }
    illegal(format!(
        "{text:?} is not a public key of minisign: 56 characters that begin with RW, as `minisign -G` shows"
    ))
}

impl TryFrom<Value> for Trust {
    type Error = ValueError;

    fn try_from(value: Value) -> Result<Self, ValueError> {
        let mut table = match value {
            Value::String(word) if word == "any" => return Ok(Self::Any),
            Value::Object(table) => table,
            value => return illegal(format!("{value} is neither \"any\" nor a table")),
        };
        let mut take = |name: &str| table.remove(name).unwrap_or_else(|| Value::Array(Vec::new()));
        let digests = list("digests", take("digests"), digest)?;
        let keys = list("keys", take("keys"), key)?;
        if let Some(unknown) = table.keys().next() {
            return illegal(format!("there is no `{unknown}` here; there are `digests` and `keys`"));
        }
        // Whoever takes out the last key does not mean to let everything in.
        if digests.is_empty() && keys.is_empty() {
            return illegal("it names neither a digest nor a key, so no file at all could be let in");
        }
        Ok(Self::Only { digests, keys })
    }
}

impl<'de> Deserialize<'de> for Trust {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl Serialize for Trust {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Only { digests, keys } = self else { return serializer.serialize_str("any") };
        let stated = |stated: &Stated, name: &str| match stated {
            Stated::Here(text) => (name.to_owned(), json!(text)),
            Stated::File(file) => ("file".to_owned(), json!(file)),
        };
        let digest = |digest: &Stated| match digest {
            Stated::Here(text) => json!(text),
            Stated::File(file) => json!({ "file": file }),
        };
        let key = |TrustedKey { key, apps }: &TrustedKey| match (key, apps) {
            (Stated::Here(text), None) => json!(text),
            (key, apps) => {
                let apps = apps.as_ref().map(|apps| ("apps".to_owned(), json!(apps)));
                Value::Object([stated(key, "key")].into_iter().chain(apps).collect())
            }
        };
        let mut table = Map::new();
        let lists =
            [("digests", digests.iter().map(digest).collect::<Vec<_>>()), ("keys", keys.iter().map(key).collect())];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            table.insert(name.into(), list.into());
        }
        table.serialize(serializer)
    }
}

impl JsonSchema for Trust {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Trust".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let text = json!({ "type": "string" });
        let table = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let digest = json!({ "oneOf": [
            { "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" },
            table(json!({ "file": text }), &["file"]),
        ] });
        let apps = json!({ "type": "array", "items": text, "minItems": 1 });
        let public_key = json!({ "type": "string", "pattern": "^R[UW][A-Za-z0-9+/]{54}$" });
        let key = json!({ "oneOf": [
            public_key,
            table(json!({ "key": public_key, "apps": apps }), &["key"]),
            table(json!({ "file": text, "apps": apps }), &["file"]),
        ] });
        let digests = json!({ "type": "array", "items": digest });
        let keys = json!({ "type": "array", "items": key });
        json_schema!({
            "type": ["string", "object"],
            "examples": ["any", { "keys": ["RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"] }],
            "oneOf": [
                { "type": "string", "enum": ["any"] },
                table(json!({ "digests": digests, "keys": keys }), &[])
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn digests_and_keys_are_written_here_or_in_files() {
        for value in [
            json!("any"),
            json!({ "digests": ["0".repeat(64), { "file": "SHA256SUMS" }] }),
            json!({ "keys": [KEY, { "key": KEY, "apps": ["pheidi", "docker"] }, { "file": "ci.pub" }] }),
            json!({ "digests": ["a".repeat(64)], "keys": [{ "apps": ["pheidi"], "file": "ci.pub" }] }),
        ] {
            let trust = Trust::try_from(value.clone()).expect("legal");
            assert_eq!(serde_json::to_value(trust).expect("plain"), value);
        }
        let both = json!({ "digests": [{ "file": "SHA256SUMS" }], "keys": [KEY, { "file": "ci.pub" }] });
        let files: Vec<_> = Trust::try_from(both).expect("legal").files().map(Path::to_owned).collect();
        assert_eq!(files, ["SHA256SUMS", "ci.pub"].map(PathBuf::from));
    }

    #[test]
    fn a_list_that_is_empty_lets_nobody_in_by_mistake() {
        for value in [json!({}), json!({ "digests": [] }), json!({ "keys": [], "digests": [] })] {
            let error = Trust::try_from(value).expect_err("illegal").to_string();
            assert!(error.contains("neither a digest nor a key"), "{error}");
        }
    }

    #[test]
    fn what_vouches_for_nothing_is_refused_with_what_is_right() {
        for (value, reason) in [
            (json!("none"), "\"any\""),
            (json!(7), "\"any\""),
            (json!({ "digests": "0" }), "`digests` is not a list"),
            (json!({ "digests": ["0".repeat(63)] }), "64 hexadecimal digits"),
            (json!({ "digests": [{ "file": "a", "apps": ["b"] }] }), "and no more"),
            (json!({ "keys": ["RWQf"] }), "56 characters"),
            (json!({ "keys": [KEY.replace("RW", "XX")] }), "56 characters"),
            (json!({ "keys": [{ "key": KEY, "file": "ci.pub" }] }), "either `key` or `file`"),
            (json!({ "keys": [{ "apps": ["pheidi"] }] }), "either `key` or `file`"),
            (json!({ "keys": [{ "key": KEY, "apps": [] }] }), "`apps` is empty"),
            (json!({ "keys": [{ "key": KEY, "apps": ["Pheidi"] }] }), "not an application"),
            (json!({ "keys": [{ "key": KEY, "plugins": ["pheidi"] }] }), "no `plugins`"),
            (json!({ "key": [KEY] }), "`digests` and `keys`"),
        ] {
            let error = Trust::try_from(value.clone()).expect_err("illegal").to_string();
            assert!(error.contains(reason), "{value}: {error}");
        }
    }
}
