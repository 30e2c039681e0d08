//! Taking messages out of a queue one by one.
//!
//! On a connection of its own: a message that lapin cannot read then ends nothing else, and what was not settled goes
//! back when the connection closes.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use lapin::message::Delivery;
use lapin::options::BasicGetOptions;
use tokio_util::sync::DropGuard;

use super::connection::{Connector, Link};
use super::form::short;
use super::guard::Failure;
use super::receipt::{Receipt, Session};
use super::wire;
use crate::broker::{BrokerError, Browse, Received};
use crate::name::QueueName;

/// The messages of one queue of RabbitMQ's, for a command.
pub(super) struct RabbitMqBrowse {
    link: Arc<Link>,
    /// None until there is something to ask for, and after RabbitMQ closed it because there is no such queue.
    session: Option<Arc<Session>>,
    queue: QueueName,
    tid_in_body: bool,
    /// Ends the connection with the browse; receipts that are left are then worth nothing.
    _apart: DropGuard,
}

impl RabbitMqBrowse {
    pub(super) async fn start(connector: &Connector, queue: &QueueName) -> Result<Self, BrokerError> {
        let (connection, apart) = connector.start_apart();
        let link = connection.link().await.map_err(BrokerError::Unreachable)?;
        let tid_in_body = connector.options.tid_in_body;
        Ok(Self { link, session: None, queue: queue.clone(), tid_in_body, _apart: apart })
    }

    async fn session(&mut self) -> Result<Arc<Session>, Failure> {
        if let Some(session) = &self.session {
            return Ok(session.clone());
        }
        let (channel, guard) = (self.link.channel().await?, self.link.guard.clone());
        let session = Arc::new(Session::new(channel, guard, None));
        self.session = Some(session.clone());
        Ok(session)
    }

    fn received(&self, delivery: Delivery, session: Arc<Session>) -> Received {
        let Delivery { redelivered, properties, data, acker, .. } = delivery;
        let subject = wire::subject(&properties, &self.queue);
        let message = wire::message(subject, &properties, Bytes::from(data), self.tid_in_body);
        Received { message, redelivered, receipt: Box::new(Receipt { acker, session }) }
    }

    /// What a person is told who cannot go on.
    async fn explain(&self, failure: Failure) -> BrokerError {
        match failure {
            Failure::Lost(_) if self.link.guard.lost().await.unreadable => BrokerError::Refused(format!(
                "the next message of {} cannot be read, since a property or a header's name is not UTF-8: take it out \
                 with RabbitMQ's own tools, such as its management page",
                self.queue
            )),
            failure => failure.into(),
        }
    }
}

#[async_trait]
impl Browse for RabbitMqBrowse {
    async fn next(&mut self) -> Result<Option<Received>, BrokerError> {
        let session = self.session().await?;
        let get = session.channel.basic_get(short(self.queue.as_str()), BasicGetOptions::default());
        match session.guard.run(get).await {
            Ok(got) => Ok(got.map(|got| self.received(got.delivery, session))),
            Err(failure) if failure.is_not_found() => {
                self.session = None;
                Ok(None)
            }
            Err(failure) => Err(self.explain(failure).await),
        }
    }
}
