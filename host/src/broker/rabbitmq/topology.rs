//! What is declared at RabbitMQ.
//!
//! Each declaration has a channel of its own, which is thrown away: RabbitMQ answers a failed declaration by closing the
//! channel, and that must never take consumers or publishes down with it.

use std::future::Future;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::connection::Link;
use super::guard::Failure;
use super::{QueueType, wire};
use crate::broker::Delay;

/// A limit of deliveries that is never reached. From 4.0 on a quorum queue drops a message after 20 redeliveries unless
/// told otherwise. -1, which means "none" there, makes 3.10 drop every message that is redelivered once.
const NO_DELIVERY_LIMIT: i32 = i32::MAX;

/// Makes sure that a queue exists. One that does is adopted, whatever its type and arguments: another service owns it.
pub(super) async fn queue(link: &Link, name: &str, queue_type: QueueType) -> Result<(), Failure> {
    if exists(link, name).await? {
        return Ok(());
    }
    let mut arguments = FieldTable::default();
    match queue_type {
        QueueType::Classic => arguments.insert("x-queue-type".into(), text("classic")),
        QueueType::Quorum => arguments
            .insert("x-queue-type".into(), text("quorum"))
            .insert("x-delivery-limit".into(), AMQPValue::LongInt(NO_DELIVERY_LIMIT)),
    };
    declare_queue(link, name, arguments).await
}

/// Makes sure that an event's exchange exists: durable, fanout, without arguments, as every publisher and subscriber of
/// the event declares it. One that is a fanout with other arguments is adopted.
pub(super) async fn event(link: &Link, name: &str) -> Result<(), Failure> {
    let declared = on_channel(link, async |channel| {
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel.exchange_declare(short(name), ExchangeKind::Fanout, options, FieldTable::default()).await
    })
    .await;
    match declared {
        Err(failure) if failure.is_precondition_failed() && !failure.to_string().contains("arg 'type'") => Ok(()),
        result => result,
    }
}

/// Makes sure that a queue gets every message of an event.
pub(super) async fn bind(link: &Link, queue: &str, event: &str) -> Result<(), Failure> {
    on_channel(link, async |channel| {
        let options = QueueBindOptions::default();
        channel.queue_bind(short(queue), short(event), short(""), options, FieldTable::default()).await
    })
    .await
}

/// The name of both the exchange and the queue of a delay.
pub(super) fn delay_name(delay: Delay) -> String {
    format!("leveret.delay.{}", delay.millis())
}

/// Makes sure that messages can wait for a delay: one queue for all plugins, whose messages go home by the routing key
/// that they were published with. At-least-once, so that a message is in the delay until its home has it.
pub(super) async fn delay(link: &Link, delay: Delay) -> Result<(), Failure> {
    let name = delay_name(delay);
    if !exists(link, &name).await? {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(delay.millis().into()));
        arguments.insert("x-dead-letter-exchange".into(), text(""));
        arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
        // At-least-once needs it; without a length limit it refuses nothing.
        arguments.insert("x-overflow".into(), text("reject-publish"));
        declare_queue(link, &name, arguments).await?;
    }
    event(link, &name).await?;
    bind(link, &name, &name).await
}

/// How many messages are ready in a queue; `None` if there is no such queue.
pub(super) async fn depth(link: &Link, queue: &str) -> Result<Option<u64>, Failure> {
    let channel = link.channel().await?;
    let options = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
    match link.guard.run(channel.queue_declare(short(queue), options, FieldTable::default())).await {
        Ok(queue) => Ok(Some(queue.message_count().into())),
        Err(failure) if failure.is_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn exists(link: &Link, queue: &str) -> Result<bool, Failure> {
    Ok(depth(link, queue).await?.is_some())
}

async fn declare_queue(link: &Link, name: &str, arguments: FieldTable) -> Result<(), Failure> {
    on_channel(link, async |channel| {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        channel.queue_declare(short(name), options, arguments).await.map(drop)
    })
    .await
}

/// Runs one declaration on a channel of its own. The channel closes itself when it is dropped.
async fn on_channel<F>(link: &Link, declaration: impl FnOnce(Channel) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), lapin::Error>>,
{
    let channel = link.channel().await?;
    link.guard.run(declaration(channel.clone())).await
}

/// Every name fits a short string, since [`crate::name`] sees to it.
fn short(name: &str) -> ShortString {
    wire::short(name).unwrap_or_default()
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
