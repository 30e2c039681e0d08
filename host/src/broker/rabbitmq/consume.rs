//! Listening: one channel and one consumer for each listener, rebuilt whenever they end.

use std::num::NonZeroU16;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Acker, Channel, Consumer};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::connection::{Backoff, Connector, Link, Supervised};
use super::guard::{Failure, Guard, Loss};
use super::{Options, topology, wire};
use crate::broker::{Acknowledge, BrokerError, Condition, Listener, Received, Source};
use crate::message::Subject;

/// Subscribes to a source, and keeps the subscription up until the listener is stopped or dropped.
pub(super) async fn listen(
    connection: &Supervised,
    connector: &Connector,
    source: Source,
) -> Result<RabbitMqListener, BrokerError> {
    let options = connector.options;
    let link = connection.link().await.map_err(BrokerError::Unreachable)?;
    let subscription = Subscription::new(&link, &options, &source, None).await?;
    let (sender, arrivals) = mpsc::channel(NonZeroU16::get(source.prefetch).into());
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    let listener = RabbitMqListener {
        arrivals,
        subject: source.subject.clone(),
        tid_in_body: options.tid_in_body,
        stop: stop.clone(),
        stopped: stopped.clone(),
    };
    let (connection, connector) = (connection.clone(), connector.clone());
    let tasks = connector.tasks.clone();
    let pump = Pump { connection, apart: None, connector, source, arrivals: sender, stop };
    tasks.spawn(async move {
        // Told however the pump ends, so that nobody waits for ever.
        let _stopped = stopped.clone().drop_guard();
        pump.run(subscription, stopped).await;
    });
    Ok(listener)
}

/// A channel with the connection that it is on. Lives until the last message that came on it is settled or dropped;
/// RabbitMQ then takes back whatever was not settled.
#[derive(Debug)]
struct Session {
    channel: Channel,
    guard: Guard,
    /// Keeps up a connection that only this listener has.
    _apart: Option<Arc<DropGuard>>,
}

/// A consumer at work.
struct Subscription {
    session: Arc<Session>,
    consumer: Consumer,
}

impl Subscription {
    async fn new(
        link: &Link,
        options: &Options,
        source: &Source,
        apart: Option<Arc<DropGuard>>,
    ) -> Result<Self, Failure> {
        let queue = source.queue.as_str();
        topology::queue(link, queue, options.queue_type).await?;
        if let Subject::Event(event) = &source.subject {
            topology::event(link, event.as_str()).await?;
            topology::bind(link, queue, event.as_str()).await?;
        }
        let channel = link.channel().await?;
        let guard = link.guard.clone();
        guard.run(channel.basic_qos(source.prefetch.get(), BasicQosOptions::default())).await?;
        let tag = format!("leveret-{}", Uuid::new_v4());
        let consume = channel.basic_consume(
            wire::short(queue).unwrap_or_default(),
            tag.into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = guard.run(consume).await?;
        Ok(Self { session: Arc::new(Session { channel, guard, _apart: apart }), consumer })
    }

    fn arrival(&self, delivery: Delivery) -> Arrival {
        Arrival { delivery, session: self.session.clone() }
    }
}

/// A delivery and the channel that it can be settled on.
struct Arrival {
    delivery: Delivery,
    session: Arc<Session>,
}

impl Arrival {
    fn received(self, subject: Subject, tid_in_body: bool) -> Received {
        let Delivery { redelivered, properties, data, acker, .. } = self.delivery;
        let message = wire::message(subject, &properties, Bytes::from(data), tid_in_body);
        Received { message, redelivered, receipt: Box::new(Receipt { acker, session: self.session }) }
    }
}

/// Why deliveries no longer come.
enum End {
    Unwanted,
    Broken(Loss),
}

/// Carries deliveries from RabbitMQ to the listener.
struct Pump {
    connection: Supervised,
    /// Set once the listener has a connection of its own.
    apart: Option<Arc<DropGuard>>,
    connector: Connector,
    source: Source,
    arrivals: mpsc::Sender<Arrival>,
    stop: CancellationToken,
}

impl Pump {
    async fn run(mut self, first: Subscription, stopped: CancellationToken) {
        let mut backoff = Backoff::new(&self.connector.options);
        let mut subscription = first;
        loop {
            match self.forward(&mut subscription, &mut backoff).await {
                End::Unwanted => return self.wind_up(subscription, stopped).await,
                End::Broken(loss) if loss.unreadable => self.stand_apart(),
                End::Broken(Loss { reason, .. }) => {
                    tracing::warn!(queue = %self.source.queue, reason, "no deliveries; trying again")
                }
            }
            subscription = tokio::select! {
                again = self.subscribe_again(&mut backoff) => match again {
                    Some(subscription) => subscription,
                    None => return,
                },
                () = self.unwanted() => return,
            };
        }
    }

    /// Hands deliveries on, and takes each from RabbitMQ only when there is room for it.
    async fn forward(&self, subscription: &mut Subscription, backoff: &mut Backoff) -> End {
        loop {
            let next = async {
                let room = self.arrivals.reserve().await;
                (room, subscription.consumer.next().await)
            };
            let (room, delivery) = tokio::select! {
                biased;
                () = self.unwanted() => return End::Unwanted,
                next = next => next,
                loss = subscription.session.guard.lost() => return End::Broken(loss),
            };
            match (room, delivery) {
                (Ok(room), Some(Ok(delivery))) => {
                    room.send(subscription.arrival(delivery));
                    backoff.reset();
                }
                (Err(_), _) => return End::Unwanted,
                (_, Some(Err(error))) => return End::Broken(Loss::from(&error)),
                (_, None) => {
                    return End::Broken(Loss::because("RabbitMQ cancelled the consumer, as when its queue is deleted"));
                }
            }
        }
    }

    /// Takes a connection of its own. A message that lapin cannot read ends its connection each time that it comes, and
    /// comes again, so that on a shared one it would keep every other queue from its messages (I6).
    fn stand_apart(&mut self) {
        if self.apart.is_some() {
            tracing::error!(
                queue = %self.source.queue,
                "a message in this queue cannot be read, since a property or a header's name is not UTF-8; nothing \
                 comes from the queue until it is taken out, as with RabbitMQ's management page; other queues go on"
            );
            return;
        }
        tracing::warn!(queue = %self.source.queue, "a message that cannot be read ended the connection that is shared");
        let (connection, apart) = self.connector.start_apart();
        (self.connection, self.apart) = (connection, Some(Arc::new(apart)));
    }

    /// A new subscription, as soon as there can be one; `None` once the broker is closed.
    async fn subscribe_again(&self, backoff: &mut Backoff) -> Option<Subscription> {
        loop {
            backoff.wait().await;
            let link = self.connection.link_whenever().await?;
            let subscription = Subscription::new(&link, &self.connector.options, &self.source, self.apart.clone());
            match subscription.await {
                Ok(subscription) => return Some(subscription),
                Err(failure) => tracing::warn!(queue = %self.source.queue, %failure, "not subscribed; trying again"),
            }
        }
    }

    /// Asks for no more, and hands on what came already, or back to RabbitMQ if nobody listens any longer.
    async fn wind_up(&self, subscription: Subscription, stopped: CancellationToken) {
        let Subscription { session, mut consumer } = subscription;
        let cancel = session.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
        let cancelled = session.guard.run(cancel).await;
        stopped.cancel();
        if let Err(failure) = cancelled {
            tracing::debug!(queue = %self.source.queue, %failure, "the consumer was not cancelled in order");
            return;
        }
        loop {
            let delivery = tokio::select! {
                biased;
                delivery = consumer.next() => delivery,
                _ = session.guard.lost() => return,
            };
            let Some(Ok(delivery)) = delivery else { return };
            let arrival = Arrival { delivery, session: session.clone() };
            if let Err(mpsc::error::SendError(arrival)) = self.arrivals.send(arrival).await {
                let Arrival { delivery, session } = arrival;
                // If this fails, the message goes back when the channel ends.
                let _ = Receipt { acker: delivery.acker, session }.nack().await;
            }
        }
    }

    async fn unwanted(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.arrivals.closed() => {}
        }
    }
}

/// The messages of one queue of RabbitMQ's.
pub(super) struct RabbitMqListener {
    arrivals: mpsc::Receiver<Arrival>,
    subject: Subject,
    tid_in_body: bool,
    stop: CancellationToken,
    stopped: CancellationToken,
}

#[async_trait]
impl Listener for RabbitMqListener {
    async fn next(&mut self) -> Option<Received> {
        loop {
            let arrival = self.arrivals.recv().await?;
            // What came on a connection that is lost could not be settled, and comes again.
            if !arrival.session.guard.is_lost() {
                return Some(arrival.received(self.subject.clone(), self.tid_in_body));
            }
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        watch::channel(Condition::Consuming).1
    }
}

/// The right to settle one delivery, on the channel that it came on.
#[derive(Debug)]
struct Receipt {
    acker: Acker,
    session: Arc<Session>,
}

impl Receipt {
    async fn nack(&self) -> Result<(), BrokerError> {
        self.settle(self.acker.nack(BasicNackOptions { multiple: false, requeue: true })).await
    }

    async fn settle(&self, settling: impl Future<Output = Result<bool, lapin::Error>>) -> Result<(), BrokerError> {
        match self.session.guard.run(settling).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(BrokerError::Unreachable("the channel that the message came on is closed".into())),
            Err(failure) => Err(BrokerError::Unreachable(failure.to_string())),
        }
    }
}

#[async_trait]
impl Acknowledge for Receipt {
    async fn acknowledge(self: Box<Self>) -> Result<(), BrokerError> {
        self.settle(self.acker.ack(BasicAckOptions::default())).await
    }

    async fn give_back(self: Box<Self>) -> Result<(), BrokerError> {
        self.nack().await
    }
}
