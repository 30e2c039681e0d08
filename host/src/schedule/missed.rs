//! What becomes of ticks that nobody announced in time.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of ticks that nobody announced in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// Nothing: the next that comes tells how many there were.
    Skip,
    /// The newest is announced, and tells how many there were before it.
    #[default]
    Once,
    /// Each is announced, oldest first: the newest 10,000, the first of which tells how many there were before it.
    All,
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        })
    }
}
