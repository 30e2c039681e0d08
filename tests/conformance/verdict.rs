//! What comes of a case: nothing, or what was expected and what came instead.

use std::fmt::Display;

use leveret::plugin::Outcome;
use serde_json::Value;

use super::guest::shown;

/// Why a case failed.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub expected: String,
    pub came: String,
}

pub type Verdict<T = ()> = Result<T, Wrong>;

pub fn wrong<T>(expected: impl Display, came: impl Display) -> Verdict<T> {
    Err(Wrong { expected: expected.to_string(), came: came.to_string() })
}

pub fn holds(fact: bool, expected: impl Display, came: impl Display) -> Verdict {
    if fact { Ok(()) } else { wrong(expected, came) }
}

/// Whether two JSON values mean the same.
pub fn same(came: &Value, expected: &Value) -> Verdict {
    holds(came == expected, short(expected), short(came))
}

/// Whether an outcome is a retry without a wait of its own, with each of these words in its reason.
pub fn retried(outcome: &Outcome, words: &[&str]) -> Verdict {
    let fits = |reason: &str| !reason.is_empty() && words.iter().all(|word| reason.contains(word));
    let right = matches!(outcome, Outcome::Retry { reason, after: None } if fits(reason));
    holds(right, format!("retry: …{}…", words.join("…")), shown(outcome))
}

/// Whether an outcome is a rejection with each of these words in its reason.
pub fn rejected(outcome: &Outcome, words: &[&str]) -> Verdict {
    let right = matches!(outcome, Outcome::Reject { reason } if words.iter().all(|word| reason.contains(word)));
    holds(right, format!("reject: …{}…", words.join("…")), shown(outcome))
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 400 {
        format!("{}… ({} bytes)", &text[..text.floor_char_boundary(400)], text.len())
    } else {
        text
    }
}
