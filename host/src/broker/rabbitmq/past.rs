//! Reading the history: a consumer of the stream, from a place on.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Consumer};
use uuid::Uuid;

use super::connection::Link;
use super::form::short;
use super::guard::{Failure, Guard};
use super::{header, wire};
use crate::broker::{BrokerError, From, Offset, Passage, Past, Recorded};
use crate::message::Timestamp;
use crate::name::QueueName;

/// How many messages may be under way. Streams ask for a limit, and are slow with a small one.
const PREFETCH: u16 = 1000;
/// The most messages of one passage.
const BATCH: usize = 512;
/// What so many messages have come since is acknowledged in one go.
const ACKNOWLEDGED_AT_ONCE: usize = 256;
/// The header of a message that marks a place, and is no event.
const MARKER: &str = "x-leveret-marker";
/// The name space of the ids of events that have none, which is their place (a random UUID, fixed for ever).
const PLACES: Uuid = Uuid::from_u128(0x6d1b_47a0_93ce_4f52_8e07_15f9_c2ba_64d3);

/// A walk through the stream.
pub(super) struct RabbitMqPast {
    reader: Reader,
    tid_in_body: bool,
    /// The newest moment seen, in AMQP's seconds, for messages without one.
    latest: Option<u64>,
}

impl RabbitMqPast {
    pub(super) async fn begin(link: &Link, from: From, tid_in_body: bool) -> Result<Self, Failure> {
        let (place, latest) = match from {
            From::First => (AMQPValue::LongString("first".into()), None),
            From::Time(moment) => {
                let seconds = moment.since_epoch().as_secs();
                (AMQPValue::Timestamp(seconds), Some(seconds))
            }
            From::Offset(offset) => (AMQPValue::LongLongInt(offset.0.try_into().unwrap_or(i64::MAX)), None),
        };
        let reader = Reader::attach(link, place).await?;
        Ok(Self { reader, tid_in_body, latest })
    }

    fn recorded(&mut self, offset: Offset, delivery: Delivery) -> Recorded {
        let Delivery { exchange, routing_key, mut properties, data, .. } = delivery;
        // The same each time that it is read.
        if properties.message_id().is_none() {
            let id = Uuid::new_v5(&PLACES, &offset.0.to_be_bytes());
            properties = properties.with_message_id(id.to_string().into());
        }
        match (properties.timestamp(), self.latest) {
            (None, Some(latest)) => properties = properties.with_timestamp(latest),
            (Some(moment), latest) => {
                let moment = Timestamp::from_wire(*moment).since_epoch().as_secs();
                self.latest = latest.max(Some(moment));
            }
            (None, None) => {}
        }
        let subject = wire::recorded_subject(exchange.as_str(), &properties, routing_key.as_str());
        let message = wire::message(subject, &properties, Bytes::from(data), self.tid_in_body);
        Recorded { offset, exchange: exchange.to_string(), routing_key: routing_key.to_string(), message }
    }
}

#[async_trait]
impl Past for RabbitMqPast {
    async fn next(&mut self) -> Result<Passage, BrokerError> {
        let deliveries = self.reader.next().await?;
        let mut passage = Passage::default();
        for delivery in deliveries {
            let offset = offset(&delivery.properties).unwrap_or(passage.reached);
            passage.reached = offset.next();
            if marker(&delivery.properties).is_none() {
                passage.events.push(self.recorded(offset, delivery));
            }
        }
        Ok(passage)
    }
}

/// The end of the stream: marks it, and reads where the mark has come to lie.
pub(super) async fn end(link: &Link, limit: Duration) -> Result<Offset, Failure> {
    let seeking = async {
        let mut reader = Reader::attach(link, AMQPValue::LongString("next".into())).await?;
        let mark = Uuid::new_v4().to_string();
        reader.mark(&mark).await?;
        loop {
            for delivery in reader.next().await? {
                if marker(&delivery.properties) == Some(mark.as_bytes()) {
                    return offset(&delivery.properties).ok_or_else(no_offset);
                }
            }
        }
    };
    tokio::time::timeout(limit, seeking).await.unwrap_or(Err(Failure::Late(limit)))
}

fn no_offset() -> Failure {
    Failure::Refused(format!("RabbitMQ tells no places in {}: it is no stream", QueueName::history()))
}

fn offset(properties: &BasicProperties) -> Option<Offset> {
    properties.headers().as_ref()?.inner().get(wire::STREAM_OFFSET).and_then(header::unsigned).map(Offset)
}

fn marker(properties: &BasicProperties) -> Option<&[u8]> {
    match properties.headers().as_ref()?.inner().get(MARKER)? {
        AMQPValue::LongString(mark) => Some(mark.as_bytes()),
        _ => Some(&[]),
    }
}

/// A consumer of the stream.
struct Reader {
    channel: Channel,
    guard: Guard,
    consumer: Consumer,
    /// The newest that is not acknowledged, and how many there are.
    unacknowledged: Option<(u64, usize)>,
}

impl Reader {
    async fn attach(link: &Link, place: AMQPValue) -> Result<Self, Failure> {
        let (channel, guard) = (link.channel().await?, link.guard.clone());
        let limit = || guard.run(channel.basic_qos(PREFETCH, BasicQosOptions::default()));
        limit().await?;
        let mut arguments = FieldTable::default();
        arguments.insert(wire::STREAM_OFFSET.into(), place);
        let tag = format!("leveret-{}", Uuid::new_v4()).into();
        let consume = channel.basic_consume(history(), tag, BasicConsumeOptions::default(), arguments);
        let consumer = guard.run(consume).await?;
        // RabbitMQ answers before it seeks the place, and does what comes next on the channel after that.
        limit().await?;
        Ok(Self { channel, guard, consumer, unacknowledged: None })
    }

    /// What has come, or comes next. Dropped while it waits, it loses nothing.
    async fn next(&mut self) -> Result<Vec<Delivery>, Failure> {
        self.acknowledge().await?;
        let first = tokio::select! {
            biased;
            first = self.consumer.next() => first,
            loss = self.guard.lost() => return Err(Failure::Lost(loss.reason)),
        };
        let mut deliveries = Vec::new();
        let mut next = first;
        loop {
            match next {
                Some(Ok(delivery)) => deliveries.push(delivery),
                // What came before it is told first: it is the end.
                Some(Err(error)) if deliveries.is_empty() => return Err(error.into()),
                None if deliveries.is_empty() => return Err(Failure::Refused(ended())),
                Some(Err(_)) | None => break,
            }
            let there = (deliveries.len() < BATCH).then(|| self.consumer.next().now_or_never()).flatten();
            let Some(there) = there else { break };
            next = there;
        }
        if let Some(newest) = deliveries.last() {
            let count = self.unacknowledged.map_or(0, |(_, count)| count) + deliveries.len();
            self.unacknowledged = Some((newest.delivery_tag, count));
        }
        Ok(deliveries)
    }

    /// Lets more come.
    async fn acknowledge(&mut self) -> Result<(), Failure> {
        // Taken first: it is on its way with the first poll, and RabbitMQ ends a channel on which it comes twice, as it
        // would where this is dropped meanwhile.
        match self.unacknowledged.take_if(|(_, count)| *count >= ACKNOWLEDGED_AT_ONCE) {
            Some((newest, _)) => {
                self.guard.run(self.channel.basic_ack(newest, BasicAckOptions { multiple: true })).await
            }
            None => Ok(()),
        }
    }

    /// Writes a mark into the stream.
    async fn mark(&self, mark: &str) -> Result<(), Failure> {
        let mut headers = FieldTable::default();
        headers.insert(MARKER.into(), AMQPValue::LongString(mark.into()));
        let properties = BasicProperties::default().with_delivery_mode(wire::PERSISTENT).with_headers(headers);
        let options = BasicPublishOptions::default();
        let publish = self.channel.basic_publish(ShortString::default(), history(), options, &[], properties);
        self.guard.run(publish).await.map(drop)
    }
}

fn history() -> ShortString {
    short(QueueName::history().as_str())
}

fn ended() -> String {
    format!("RabbitMQ ended the walk through {}, as when the stream is deleted", QueueName::history())
}
