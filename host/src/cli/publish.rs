//! `leveret publish`: an event from the command line.

use clap::Args;

use super::Output;
use super::error::CliError;
use super::message::{Content, send};
use crate::config::Settings;
use crate::message::Subject;
use crate::name::EventName;

/// On the embedded broker the event goes through the running host, or straight into its file if none runs. On RabbitMQ
/// it goes straight to the broker.
#[derive(Debug, Args)]
pub(super) struct Publish {
    /// The event's name, such as org.payment.processed.
    event: EventName,
    #[command(flatten)]
    content: Content,
}

impl Publish {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let accepted = send(settings, self.content.message(Subject::Event(self.event))?)?;
        output.answer(&accepted, || {
            let heard = match (accepted.heard, accepted.kept) {
                (true, _) => "",
                (false, true) => "\nnobody subscribes to it yet; the history keeps it",
                (false, false) => "\nnobody subscribes to it, so it is gone",
            };
            format!("published {}\nid   {}\ntid  {}{heard}", accepted.subject, accepted.id, accepted.tid)
        })
    }
}
