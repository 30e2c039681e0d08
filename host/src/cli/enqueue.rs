//! `leveret enqueue`: a task from the command line.

use clap::Args;

use super::Output;
use super::error::CliError;
use super::message::{Content, send};
use crate::config::Settings;
use crate::message::{KEY_LIMIT, Message, Subject};
use crate::name::TaskName;

/// The task waits in its queue until its application's worker performs it. Plugins create tasks of their own application
/// only; here it is the operator who does. It goes the way of an event: see `leveret publish --help`.
#[derive(Debug, Args)]
pub(super) struct Enqueue {
    /// The task's full name, such as pheidi.email.send.
    task: TaskName,
    #[command(flatten)]
    content: Content,
    /// The ordering key: tasks of one key are performed one at a time and in order, where the worker asks for it.
    #[arg(long, value_parser = key)]
    key: Option<String>,
}

fn key(text: &str) -> Result<String, String> {
    if text.len() > KEY_LIMIT { Err(format!("a key has at most {KEY_LIMIT} bytes")) } else { Ok(text.to_owned()) }
}

impl Enqueue {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let message = self.content.message(Subject::Task(self.task))?;
        let accepted = send(settings, Message { key: self.key, ..message })?;
        output
            .answer(&accepted, || format!("enqueued {}\nid   {}\ntid  {}", accepted.subject, accepted.id, accepted.tid))
    }
}
