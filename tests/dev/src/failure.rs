//! What can go wrong, and what to do then.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

#[derive(Debug)]
pub enum Failure {
    Verb(String),
    RabbitMq(String),
    Suite { name: String, known: Vec<&'static str> },
    Start { command: String, error: io::Error },
    Status { command: String, status: String, output: String },
    File { path: PathBuf, error: io::Error },
    Seconds(String),
    Target { name: String, known: Vec<String> },
    Flag { flag: String, known: &'static str },
    Sdk(&'static str),
    Skipped { language: &'static str, reason: String },
    NoWorkspace,
    Missing { what: &'static str, remedy: String },
    Sources { what: String, remedy: &'static str },
}

impl Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verb(verb) => write!(f, "There is no `./dev {verb}`. `./dev help` lists what there is."),
            Self::RabbitMq(number) => {
                write!(f, "Tests run on RabbitMQ 3 or 4, not {number:?}: 3 stands for the system's own.")
            }
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
            Self::Seconds(text) => write!(f, "{text:?} is no number of seconds; `--seconds` takes a whole one from 1."),
            Self::Target { name, known } => {
                write!(f, "There is no fuzz target {name:?}. There are: {}.", known.join(", "))
            }
            Self::Flag { flag, known } => write!(f, "There is no flag {flag:?} here, but {known}."),
            Self::Sdk(name) => write!(f, "The tests of guest-sdk/{name} failed; it says why above."),
            Self::Skipped { language, reason } => {
                write!(f, "{language} cannot be tested, and on a build server no language may be skipped: {reason}")
            }
            Self::NoWorkspace => f.write_str("This is no checkout of Leveret. Start it by `./dev` of the repository."),
            Self::Missing { what, remedy } => write!(f, "{what} is missing. {remedy}"),
            Self::Sources { what, remedy } => write!(f, "Cannot get what is needed: {what}. {remedy}"),
        }
    }
}
