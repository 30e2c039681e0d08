//! What is wrong with a configuration: every problem with its place, and what to do next.

use std::fmt;
use std::path::PathBuf;

use super::entry::KeyPath;

/// Where a setting was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file, at a line and a column, both from 1.
    File { path: PathBuf, line: usize, column: usize },
    /// In an environment variable.
    Variable(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{place}: this is not TOML: {reason}")]
    Syntax { place: Place, reason: String },
    #[error("{place}: unknown key `{key}`; {advice}")]
    UnknownKey { place: Place, key: KeyPath, advice: String },
    #[error("{place}: no setting has this variable; {advice}")]
    UnknownVariable { place: Place, advice: String },
    #[error("{place}: `{key}`: {reason}")]
    Value { place: Place, key: KeyPath, reason: String },
    #[error("{place}: {reason}")]
    Conflict { place: Place, reason: String },
    #[error("the settings do not fit together: {reason}")]
    Whole { reason: String },
}

impl Problem {
    fn place(&self) -> Option<&Place> {
        match self {
            Self::Unreadable { .. } | Self::Whole { .. } => None,
            Self::Syntax { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::UnknownVariable { place, .. }
            | Self::Value { place, .. }
            | Self::Conflict { place, .. } => Some(place),
        }
    }
}

/// Why there are no settings: every problem that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|one, other| one.place().cmp(&other.place()));
        Self { problems }
    }

    /// Every problem, in the order of the file, then of the environment.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        f.write_str("Mend this, then run `leveret config check`; `leveret config print` shows every setting.")
    }
}
