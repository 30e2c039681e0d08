//! What the fuzz targets in `tests/fuzz` reach of this part.

use super::since_v0_1::manifest;
use super::{Description, describe};
use crate::name::AppName;

/// A name, and the JSON Schema that is declared for it.
pub type Declared = (String, Option<String>);

/// What a plugin may answer to `describe`: anything that the contract can carry.
#[derive(Debug, Clone)]
pub struct Answer {
    pub version: String,
    pub summary: String,
    pub subscriptions: Vec<Declared>,
    pub emits: Vec<Declared>,
    pub performs: Vec<Declared>,
    pub announces: Vec<Declared>,
    /// Milliseconds.
    pub time: Option<u64>,
    /// Bytes.
    pub memory: Option<u64>,
    pub prefetch: Option<u16>,
    pub attempts: Option<u32>,
}

/// Reads an answer as that of a plugin of this application; the error is everything that is wrong with it.
pub fn description(app: &AppName, answer: Answer) -> Result<Description, Vec<String>> {
    let shapes =
        |declared: Vec<Declared>| declared.into_iter().map(|(name, schema)| manifest::Shape { name, schema }).collect();
    let Answer { time, memory, prefetch, attempts, .. } = answer;
    let subscriptions = answer.subscriptions.into_iter();
    let answer = manifest::Description {
        version: answer.version,
        summary: answer.summary,
        subscriptions: subscriptions.map(|(event, schema)| manifest::Subscription { event, schema }).collect(),
        emits: shapes(answer.emits),
        performs: shapes(answer.performs),
        announces: shapes(answer.announces),
        limits: manifest::Limits { time, memory, prefetch, attempts },
    };
    describe::parse(app, answer)
}
