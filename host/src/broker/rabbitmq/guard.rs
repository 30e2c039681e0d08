//! No await on lapin without a way out.
//!
//! After a connection is lost, some of lapin's futures never complete (an acknowledgement, a confirmation). So each runs
//! beside the connection's end, which the connection's events tell, and beside a deadline.

use std::future::Future;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{ConnectionStatus, ErrorKind, Event};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::clash::Clash;
use crate::broker::BrokerError;

/// Why a connection ended that nobody wanted any more.
const CLOSED: &str = "the host closed it";

/// Why something asked of RabbitMQ did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// The connection ended, for the reason.
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error("RabbitMQ did not answer within {0:?}")]
    Late(Duration),
    #[error("{}", explain(.0))]
    Lapin(#[from] lapin::Error),
    /// Something stands in the way that a person has to decide about, in words for that person.
    #[error("{0}")]
    Refused(String),
}

impl Failure {
    /// Whether RabbitMQ answered that there is no such queue or exchange.
    pub(super) fn is_not_found(&self) -> bool {
        self.is_soft(&AMQPSoftError::NOTFOUND)
    }

    /// Whether RabbitMQ said no, and would say it again on another connection.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Lapin(error) => error.is_amqp_soft_error(),
            Self::Refused(_) => true,
            Self::Lost(_) | Self::Late(_) => false,
        }
    }

    /// Whether RabbitMQ refused arguments, such as those of a queue that exists with others.
    pub(super) fn is_precondition_failed(&self) -> bool {
        self.is_soft(&AMQPSoftError::PRECONDITIONFAILED)
    }

    /// Whether another connection has the queue for itself.
    pub(super) fn is_resource_locked(&self) -> bool {
        self.is_soft(&AMQPSoftError::RESOURCELOCKED)
    }

    /// The setting that RabbitMQ found to stand otherwise than declared, if that is what went wrong.
    pub(super) fn clash(&self) -> Option<Clash> {
        let Self::Lapin(error) = self else { return None };
        match error.kind() {
            ErrorKind::ProtocolError(answer) if self.is_precondition_failed() => {
                Clash::parse(answer.get_message().as_str())
            }
            _ => None,
        }
    }

    /// The largest body that RabbitMQ takes, in bytes, if it refused a message for a larger one.
    pub(super) fn body_limit(&self) -> Option<usize> {
        let Self::Lapin(error) = self else { return None };
        match error.kind() {
            ErrorKind::ProtocolError(answer) if self.is_precondition_failed() => {
                let (_, limit) = answer.get_message().as_str().split_once(" max size ")?;
                limit.trim().parse().ok()
            }
            _ => None,
        }
    }

    fn is_soft(&self, expected: &AMQPSoftError) -> bool {
        let Self::Lapin(error) = self else { return false };
        matches!(error.kind(), ErrorKind::ProtocolError(e) if matches!(e.kind(), AMQPErrorKind::Soft(s) if s == expected))
    }
}

impl From<Failure> for BrokerError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Refused(words) => Self::Refused(words.clone()),
            Failure::Lapin(error) if error.is_amqp_soft_error() => Self::Refused(failure.to_string()),
            _ => Self::Unreachable(failure.to_string()),
        }
    }
}

/// An error of lapin's, with RabbitMQ's own words where there are any.
pub(super) fn explain(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(answer) => format!("RabbitMQ answered {}", answer.get_message()),
        _ => error.to_string(),
    }
}

/// How a connection ended.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    pub(super) reason: String,
    /// RabbitMQ sent a message that lapin cannot read, and will send it again on the next connection.
    pub(super) unreadable: bool,
}

impl Loss {
    pub(super) fn because(reason: &str) -> Self {
        Self { reason: reason.to_owned(), unreadable: false }
    }
}

impl From<&lapin::Error> for Loss {
    fn from(error: &lapin::Error) -> Self {
        Self { reason: explain(error), unreadable: matches!(error.kind(), ErrorKind::ParsingError(_)) }
    }
}

/// Watches one connection.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    lost: watch::Receiver<Option<Loss>>,
    limit: Duration,
}

impl Guard {
    /// Watches a connection by its events until it ends or `closing` says that it is no longer wanted.
    pub(super) fn watching(
        events: impl Stream<Item = Event> + Send + 'static,
        status: ConnectionStatus,
        limit: Duration,
        closing: CancellationToken,
    ) -> Self {
        let (ended, lost) = watch::channel(None);
        tokio::spawn(async move {
            let loss = tokio::select! {
                loss = end(events, status) => loss,
                () = closing.cancelled() => Loss::because(CLOSED),
            };
            ended.send_replace(Some(loss));
            // Guards outlive this task, and a watch without a sender would say "closed" rather than why.
            ended.closed().await;
        });
        Self { lost, limit }
    }

    /// Runs one exchange with RabbitMQ: until it is done, the connection is lost or the limit has passed.
    pub(super) async fn run<T>(&self, exchange: impl Future<Output = Result<T, lapin::Error>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            result = exchange => Ok(result?),
            loss = self.lost() => Err(Failure::Lost(loss.reason)),
            () = tokio::time::sleep(self.limit) => Err(Failure::Late(self.limit)),
        }
    }

    /// Waits for the connection's end, and says how it came.
    pub(super) async fn lost(&self) -> Loss {
        let mut lost = self.lost.clone();
        let loss = lost.wait_for(Option::is_some).await;
        loss.ok().and_then(|loss| loss.clone()).unwrap_or_else(|| Loss::because(CLOSED))
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.borrow().is_some()
    }
}

/// How a connection ended, once it has.
async fn end(events: impl Stream<Item = Event>, status: ConnectionStatus) -> Loss {
    let mut events = std::pin::pin!(events);
    // What went wrong before anybody listened is not among the events.
    while status.connected() {
        match events.next().await {
            // A channel's error is an event of its connection too, and leaves the connection as it was.
            Some(Event::Error(error)) if !status.connected() => return Loss::from(&error),
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(reason, "RabbitMQ takes no more messages until it has resources again");
            }
            Some(Event::ConnectionUnblocked) => tracing::info!("RabbitMQ takes messages again"),
            Some(_) => {}
            None => break,
        }
    }
    Loss::because("the connection ended")
}
