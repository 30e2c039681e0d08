//! A JSON Schema that payloads must fit.
//!
//! A schema is a program of the plugin's author that runs outside of the sandbox, over payloads of anybody. So only what
//! is bounded beforehand is let in: no recursion and no foreign text (`size`), patterns in linear time, and no more work
//! than [`WORK`] for one payload.

mod size;

use std::fmt::{self, Display, Write as _};
use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use tokio::sync::Semaphore;

use size::Size;

/// The longest schema, in bytes.
const TEXT: usize = 64 * 1024;
/// The largest pattern, in bytes as it is compiled.
const PATTERN: usize = 64 * 1024;
/// The most values that a payload may have: in memory each takes up to 640 bytes.
const VALUES: u64 = 1_000_000;
/// The most work that one payload may be: a unit is one value of the payload beside one of the schema, some 10 ns.
const WORK: u64 = 1 << 28;
/// The most work after which a misfit is still told with its place: to find it, every misfit is written down first.
const LOCATED: u64 = 1 << 20;
/// The most work that an async thread may be kept busy with.
const BRIEF: u64 = 1 << 17;
/// How much a byte of payload is against a pattern.
const PATTERN_BYTE: u64 = 8;
/// The longest words about a misfit and the longest pointer, in bytes.
const WORDS: usize = 256;

/// Checks that take a while run two at a time, so that they leave processors and memory to deliveries.
static LONG: Semaphore = Semaphore::const_new(2);

/// A JSON Schema (draft 2020-12) that compiles, and whose cost is known.
#[derive(Clone)]
pub struct Schema {
    text: Arc<str>,
    size: Size,
    validator: Arc<Validator>,
}

/// Why a text is no schema, or none that is let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    #[error("it is {0} bytes long; at most {TEXT} are allowed")]
    TooLong(usize),
    #[error("it is not JSON: {0}")]
    NotJson(String),
    #[error("{0}")]
    NotSchema(String),
    #[error("`$ref` is {0:?}; it may be `#/…`, a place within the schema, and nothing else: nothing is fetched")]
    Foreign(String),
    #[error("there is nothing at {0:?}, which a `$ref` names")]
    Dangling(String),
    #[error("{0:?} refers to itself, which may take for ever to check")]
    Recursive(String),
    #[error("`{0}` is not supported")]
    Unsupported(&'static str),
    #[error("`$schema` is {0:?}; it may be `https://json-schema.org/draft/2020-12/schema` or absent")]
    Draft(String),
    #[error("with each `$ref` followed it has more than {limit} {what}")]
    TooLarge { limit: u64, what: &'static str },
}

/// Where and how a payload does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at {pointer:?}: {problem}")]
pub struct Misfit {
    /// The JSON pointer (RFC 6901) of what does not fit; empty for the whole. A very long one ends in `…`.
    pub pointer: String,
    /// What is wrong there, without the value itself; at most 256 bytes.
    pub problem: String,
}

impl Misfit {
    fn whole(problem: impl Into<String>) -> Self {
        Self { pointer: String::new(), problem: problem.into() }
    }
}

impl Schema {
    /// Compiles a schema. May take a second of a processor if the text means harm: call it off the async threads.
    pub fn parse(text: &str) -> Result<Self, InvalidSchema> {
        if text.len() > TEXT {
            return Err(InvalidSchema::TooLong(text.len()));
        }
        let mut schema: Value =
            serde_json::from_str(text).map_err(|error| InvalidSchema::NotJson(error.to_string()))?;
        if let Some(root) = schema.as_object_mut() {
            // It could only make `#` mean another schema.
            root.remove("$id");
        }
        let size = Size::of(&schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN).dfa_size_limit(1 << 20))
            .should_validate_formats(false)
            .offline()
            .build(&schema)
            .map_err(|error| InvalidSchema::NotSchema(beginning(&error)))?;
        Ok(Self { text: text.into(), size, validator: Arc::new(validator) })
    }

    /// Checks a payload, which is JSON. May take seconds of a processor: on an async thread use [`Self::check_apart`].
    pub fn check(&self, payload: &str) -> Result<(), Misfit> {
        let work = self.work(payload)?;
        let value: Value = serde_json::from_str(payload).map_err(|error| unreadable(&error))?;
        if work > LOCATED {
            let fits = self.validator.is_valid(&value);
            return if fits { Ok(()) } else { Err(Misfit::whole("somewhere in it; it is too large to say where")) };
        }
        self.validator
            .validate(&value)
            .map_err(|error| Misfit { pointer: beginning(error.instance_path()), problem: beginning(&error.masked()) })
    }

    /// Checks a payload, away from the async threads where that takes more than a moment.
    pub async fn check_apart(&self, payload: &str) -> Result<(), Misfit> {
        if self.work(payload)? <= BRIEF {
            return self.check(payload);
        }
        let _turn = LONG.acquire().await.expect("the semaphore is never closed");
        let (schema, payload) = (self.clone(), payload.to_owned());
        match tokio::task::spawn_blocking(move || schema.check(&payload)).await.map_err(|error| error.try_into_panic())
        {
            Ok(checked) => checked,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits here.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// What checking a payload comes to at the most.
    fn work(&self, payload: &str) -> Result<u64, Misfit> {
        // Those inside of texts count too, which is on the safe side.
        let values = 1 + payload.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() as u64;
        if values > VALUES {
            return Err(Misfit::whole(format!("it has more than the {VALUES} values that can be checked")));
        }
        let length = payload.len() as u64;
        let patterns = length.saturating_mul(self.size.patterns).saturating_mul(PATTERN_BYTE);
        let work = values.saturating_mul(self.size.values).saturating_add(patterns).saturating_add(length / 8);
        if work > WORK {
            Err(Misfit::whole("it is too large to be checked against a schema of this size"))
        } else {
            Ok(work)
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Misfit {
    let words = error.to_string();
    if words.starts_with("recursion limit") {
        return Misfit::whole("it is nested deeper than the 128 levels that can be checked");
    }
    Misfit::whole(format!("it cannot be checked: {words}"))
}

/// The first [`WORDS`] bytes of what is written, without writing the rest: it may hold the whole payload.
fn beginning(text: &impl Display) -> String {
    struct Room(String);
    impl fmt::Write for Room {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for character in text.chars() {
                if self.0.len() + character.len_utf8() > WORDS - '…'.len_utf8() {
                    return Err(fmt::Error);
                }
                self.0.push(character);
            }
            Ok(())
        }
    }
    let mut room = Room(String::new());
    if write!(room, "{text}").is_err() {
        room.0.push('…');
    }
    room.0
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

#[cfg(test)]
mod tests;
