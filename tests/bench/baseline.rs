//! The same work without Leveret: what the client library, the broker and the disk can do here and now.

use std::io::Write;
use std::num::NonZeroU16;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, LongString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::task::JoinSet;

use leveret_tests::stage::Failure;

const EVENTS: &str = "bench.events";
const TASKS: &str = "bench.tasks";
/// Messages published at once, when the queue is filled.
const BATCH: u32 = 250;
/// How often the disk is made to write.
const SYNCS: u32 = 200;

/// A consumer and publisher by hand.
pub struct Plain {
    connection: Connection,
    publishing: Channel,
    prefetch: NonZeroU16,
}

impl Plain {
    /// Connects, and makes a quorum queue to consume from and one to publish to.
    pub async fn connect(url: &str, prefetch: NonZeroU16) -> Result<Self, Failure> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let publishing = connection.create_channel().await?;
        publishing.confirm_select(ConfirmSelectOptions::default()).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(LongString::from("quorum")));
        for queue in [EVENTS, TASKS] {
            let options = QueueDeclareOptions { durable: true, ..Default::default() };
            publishing.queue_declare(queue.into(), options, arguments.clone()).await?;
        }
        Ok(Self { connection, publishing, prefetch })
    }

    /// Fills the queue, then consumes it: publishes one message for each, and acknowledges it once that is confirmed.
    /// Says how many a second.
    pub async fn round(&self, messages: u32, payload: &str) -> Result<f64, Failure> {
        for _ in 0..messages / BATCH {
            try_join_all((0..BATCH).map(|_| publish(&self.publishing, EVENTS, payload.as_bytes()))).await?;
        }
        let consuming = self.connection.create_channel().await?;
        consuming.basic_qos(self.prefetch.get(), BasicQosOptions::default()).await?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let mut consumer = consuming.basic_consume(EVENTS.into(), "bench".into(), options, arguments).await?;
        let mut begun = None;
        let mut working = JoinSet::new();
        for _ in 0..messages {
            let delivery = consumer.next().await.ok_or("the consumer has ended")??;
            begun.get_or_insert_with(Instant::now);
            working.spawn(work(self.publishing.clone(), delivery));
            while let Some(worked) = working.try_join_next() {
                worked??;
            }
        }
        while let Some(worked) = working.join_next().await {
            worked??;
        }
        let seconds = begun.unwrap_or_else(Instant::now).elapsed().as_secs_f64();
        consuming.basic_cancel("bench".into(), BasicCancelOptions::default()).await?;
        consuming.close(200, "done".into()).await?;
        Ok(f64::from(messages) / seconds)
    }
}

async fn work(publishing: Channel, delivery: Delivery) -> Result<(), Failure> {
    publish(&publishing, TASKS, &[b'x'; 256]).await?;
    delivery.acker.ack(BasicAckOptions::default()).await?;
    Ok(())
}

/// Publishes to a queue, mandatory and persistent, and waits for the confirmation.
async fn publish(channel: &Channel, queue: &str, body: &[u8]) -> Result<(), Failure> {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let confirmation = channel.basic_publish("".into(), queue.into(), options, body, properties).await?.await?;
    if confirmation.is_ack() { Ok(()) } else { Err("RabbitMQ did not take a message".into()) }
}

/// How often a second 4 KiB can be appended to a file and made durable.
pub fn syncs_per_second() -> Result<f64, Failure> {
    let mut file = tempfile::tempfile()?;
    let begun = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[b'x'; 4096])?;
        file.sync_data()?;
    }
    Ok(f64::from(SYNCS) / begun.elapsed().as_secs_f64())
}
