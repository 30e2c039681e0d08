//! What can go wrong, and what to do then.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

#[derive(Debug)]
pub enum Failure {
    Verb(String),
    Suite { name: String, known: Vec<&'static str> },
    Start { command: String, error: io::Error },
    Status { command: String, status: String, output: String },
    File { path: PathBuf, error: io::Error },
    NoWorkspace,
    Missing { what: &'static str, remedy: String },
    Sources { what: String, remedy: &'static str },
}

impl Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verb(verb) => write!(f, "There is no `./dev {verb}`. `./dev help` lists what there is."),
            Self::Suite { name, known } => write!(f, "There is no suite {name:?}. There are: {}.", known.join(", ")),
            Self::Start { command, error } => {
                write!(f, "Cannot start `{command}`: {error}. Is it installed, and in the PATH?")
            }
            Self::Status { command, status, output } if output.is_empty() => {
                write!(f, "`{command}` failed ({status}); it says why above.")
            }
            Self::Status { command, status, output } => {
                write!(f, "`{command}` failed ({status}):\n{}", output.trim_end())
            }
            Self::File { path, error } => write!(f, "Cannot use {}: {error}.", path.display()),
            Self::NoWorkspace => f.write_str("This is no checkout of Leveret. Start it by `./dev` of the repository."),
            Self::Missing { what, remedy } => write!(f, "{what} is missing. {remedy}"),
            Self::Sources { what, remedy } => write!(f, "Cannot build the plugins' standard library: {what}. {remedy}"),
        }
    }
}
