//! A JSON Schema that payloads must fit.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;

/// A JSON Schema (draft 2020-12) that compiles.
#[derive(Clone)]
pub struct Schema {
    text: Arc<str>,
    validator: Arc<Validator>,
}

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("{0}")]
    NotSchema(String),
}

/// Where and how a payload does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {pointer:?}: {problem}")]
pub struct Misfit {
    /// The JSON pointer of what does not fit; empty for the whole.
    pub pointer: String,
    pub problem: String,
}

impl Schema {
    pub fn parse(text: &str) -> Result<Self, InvalidSchema> {
        let schema = serde_json::from_str(text).map_err(|error| InvalidSchema::NotJson(error.to_string()))?;
        let validator =
            jsonschema::draft202012::new(&schema).map_err(|error| InvalidSchema::NotSchema(error.to_string()))?;
        Ok(Self { text: text.into(), validator: Arc::new(validator) })
    }

    /// Checks a payload, which is JSON.
    pub fn check(&self, payload: &str) -> Result<(), Misfit> {
        let misfit = |pointer: String, problem: String| Misfit { pointer, problem };
        let value = serde_json::from_str(payload).map_err(|error| misfit(String::new(), error.to_string()))?;
        self.validator.validate(&value).map_err(|error| misfit(error.instance_path().to_string(), error.to_string()))
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Schema {}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({})", self.text)
    }
}
