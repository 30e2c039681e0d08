//! Listening: one channel and one consumer for each listener, rebuilt whenever they end.

use std::num::NonZeroU16;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use lapin::Consumer;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::condition::Teller;
use super::connection::{Backoff, Connector, Link, Supervised};
use super::form::short;
use super::guard::{Failure, Loss};
use super::receipt::{Receipt, Session};
use super::{Options, topology, wire};
use crate::broker::{Binding, BrokerError, Condition, Listener, Received, Source};
use crate::message::Subject;

/// Subscribes to a source, and keeps the subscription up until the listener is stopped or dropped.
pub(super) async fn listen(
    connection: &Supervised,
    connector: &Connector,
    source: Source,
) -> Result<RabbitMqListener, BrokerError> {
    let options = &connector.options;
    let link = connection.link().await.map_err(BrokerError::Unreachable)?;
    let subscription = Subscription::new(&link, options, &source, None).await?;
    let (sender, arrivals) = mpsc::channel(NonZeroU16::get(source.prefetch).into());
    let (teller, condition) = Teller::new();
    let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
    let listener = RabbitMqListener {
        arrivals,
        subject: source.subject.clone(),
        by_exchange: matches!(source.binding, Binding::Exchange(_)),
        tid_in_body: options.tid_in_body,
        condition,
        stop: stop.clone(),
        stopped: stopped.clone(),
    };
    let (connection, connector) = (connection.clone(), connector.clone());
    let tasks = connector.tasks.clone();
    let pump = Pump { connection, apart: None, connector, source, arrivals: sender, teller, stop };
    tasks.spawn(async move {
        // Told however the pump ends, so that nobody waits for ever.
        let _stopped = stopped.clone().drop_guard();
        pump.run(subscription, stopped).await;
    });
    Ok(listener)
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
        topology::source(link, source, options.queue_type).await?;
        if source.single_active {
            topology::demand_single_active(link, source, options.queue_type).await?;
        }
        let channel = link.channel().await?;
        let guard = link.guard.clone();
        guard.run(channel.basic_qos(source.prefetch.get(), BasicQosOptions::default())).await?;
        let tag = format!("leveret-{}", Uuid::new_v4());
        let consume = channel.basic_consume(
            short(source.queue.as_str()),
            tag.into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let consumer = guard.run(consume).await?;
        Ok(Self { session: Arc::new(Session::new(channel, guard, apart)), consumer })
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
    fn received(self, subject: Subject, by_exchange: bool, tid_in_body: bool) -> Received {
        let Delivery { redelivered, properties, data, acker, exchange, routing_key, .. } = self.delivery;
        let mut message = wire::message(subject, &properties, Bytes::from(data), tid_in_body);
        if by_exchange {
            wire::note_routing_key(&mut message, exchange.as_str(), routing_key.as_str());
        }
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
    teller: Teller,
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
                    tracing::warn!(queue = %self.source.queue, reason, "no deliveries; trying again");
                    self.teller.interrupted(reason);
                }
            }
            subscription = tokio::select! {
                again = self.subscribe_again(&mut backoff) => match again {
                    Some(subscription) => subscription,
                    None => return,
                },
                () = self.unwanted() => return self.teller.interrupted("it was stopped".to_owned()),
            };
        }
    }

    /// Hands deliveries on, and takes each from RabbitMQ only when there is room for it.
    async fn forward(&mut self, subscription: &mut Subscription, backoff: &mut Backoff) -> End {
        let mut probation = pin!(tokio::time::sleep(self.teller.probation()));
        let mut on_probation = true;
        loop {
            let next = async {
                let room = self.arrivals.reserve().await;
                (room, subscription.consumer.next().await)
            };
            let (room, delivery) = tokio::select! {
                biased;
                () = self.unwanted() => return End::Unwanted,
                () = &mut probation, if on_probation => {
                    on_probation = false;
                    self.teller.consuming();
                    continue;
                }
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
        let queue = &self.source.queue;
        if self.apart.is_some() {
            let reason = "a message in this queue cannot be read, since a property or a header's name is not UTF-8; \
                          nothing comes from the queue until it is taken out, as with RabbitMQ's management page";
            tracing::error!(%queue, reason, "no deliveries; other queues go on");
            return self.teller.interrupted_in_doubt(reason.to_owned());
        }
        let reason = "a message that cannot be read ended the connection that is shared";
        tracing::warn!(%queue, reason, "no deliveries; trying again on a connection apart");
        self.teller.interrupted_in_doubt(reason.to_owned());
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
                Err(failure) => {
                    tracing::warn!(queue = %self.source.queue, %failure, "not subscribed; trying again");
                    self.teller.interrupted(failure.to_string());
                }
            }
        }
    }

    /// Asks for no more, and hands on what came already, or back to RabbitMQ if nobody listens any longer.
    async fn wind_up(&self, subscription: Subscription, stopped: CancellationToken) {
        self.teller.interrupted("it was stopped".to_owned());
        let Subscription { session, mut consumer } = subscription;
        if self.source.single_active {
            session.keep(consumer);
            return stopped.cancel();
        }
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
    by_exchange: bool,
    tid_in_body: bool,
    condition: watch::Receiver<Condition>,
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
                return Some(arrival.received(self.subject.clone(), self.by_exchange, self.tid_in_body));
            }
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }
}
