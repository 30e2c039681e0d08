//! A message from the command line, on its way to the broker.

use std::io::Read;
use std::path::PathBuf;

use bytes::Bytes;
use clap::Args;

use super::api::Api;
use super::argument::{id, tid};
use super::error::CliError;
use super::runtime;
use crate::admin::Accepted;
use crate::broker::{BrokerStatus, Destination, Outgoing};
use crate::config::Settings;
use crate::host;
use crate::message::{Message, MessageId, Subject, Tid, json_text};

/// What a message holds.
#[derive(Debug, Args)]
pub(super) struct Content {
    /// The payload, a JSON text; `-` reads it from standard input.
    #[arg(default_value = "{}")]
    payload: String,
    /// Read the payload from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "payload")]
    file: Option<PathBuf>,
    /// The message's id, to make a repeated command the same message [default: a new one].
    #[arg(long, value_parser = id)]
    id: Option<MessageId>,
    /// The transaction ID [default: a new one].
    #[arg(long, value_parser = tid)]
    tid: Option<Tid>,
}

impl Content {
    /// The message of this content.
    pub(super) fn message(self, subject: Subject) -> Result<Message, CliError> {
        let message = Message::new(subject, self.payload()?);
        let id = self.id.unwrap_or_else(|| message.id.clone());
        let tid = self.tid.unwrap_or_else(|| message.tid.clone());
        Ok(Message { id, tid, ..message })
    }

    fn payload(&self) -> Result<Bytes, CliError> {
        let unreadable =
            |what: &str, error: std::io::Error| CliError::Usage(format!("{what} is not readable: {error}"));
        let bytes = match (&self.file, self.payload.as_str()) {
            (Some(file), _) => std::fs::read(file).map_err(|error| unreadable(&file.display().to_string(), error))?,
            (None, "-") => {
                let mut bytes = Vec::new();
                std::io::stdin().read_to_end(&mut bytes).map_err(|error| unreadable("standard input", error))?;
                bytes
            }
            (None, payload) => payload.as_bytes().to_owned(),
        };
        json_text(&bytes).map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(bytes.into())
    }
}

/// Brings a message to the broker. On the embedded broker it goes through the running host, or straight into its file if none
/// runs; on RabbitMQ it goes straight to the broker.
pub(super) fn send(settings: &Settings, message: Message) -> Result<Accepted, CliError> {
    let embedded = settings.broker.url.secret_url().is_none();
    match if embedded { through_host(settings, &message)? } else { None } {
        Some(accepted) => Ok(accepted),
        None => straight(settings, message),
    }
}

/// `None` if no host runs.
fn through_host(settings: &Settings, message: &Message) -> Result<Option<Accepted>, CliError> {
    let path = match &message.subject {
        Subject::Event(event) => format!("/events/{event}"),
        Subject::Task(task) => format!("/tasks/{task}"),
    };
    let mut headers = vec![("x-message-id", message.id.as_str()), ("x-tid", message.tid.as_str())];
    headers.extend(message.key.as_deref().map(|key| ("x-key", key)));
    let Some(answer) = Api::new(settings).post(&path, &message.body, &headers)? else { return Ok(None) };
    if !answer.good {
        return Err(CliError::Failed(answer.body["error"].as_str().unwrap_or("the host refused it").to_owned()));
    }
    serde_json::from_value(answer.body).map(Some).map_err(|error| CliError::Failed(error.to_string()))
}

fn straight(settings: &Settings, message: Message) -> Result<Accepted, CliError> {
    let (subject, id, tid) = (message.subject.clone(), message.id.clone(), message.tid.clone());
    let outgoing = Outgoing { destination: Destination::of(&subject), message };
    let published = runtime()?.block_on(async {
        let broker = host::broker(settings)?;
        let mut status = broker.status();
        // Someone waits at the terminal: a broker that is away is said at once, not waited for.
        let away = status.wait_for(|status| matches!(status, BrokerStatus::Down { .. }));
        let published = tokio::select! {
            published = broker.publish(vec![outgoing]) => published.map_err(|error| error.to_string()),
            away = away => Err(away.map_or_else(|_| "it is closed".to_owned(), |away| format!("the broker is {}", *away))),
        };
        broker.close().await;
        published.map_err(|error| CliError::Unreachable(format!("not published: {error}")))
    })?;
    Ok(Accepted::new(subject, id, tid, &published))
}
