//! The queues and exchanges that this adapter declares, as values: what each would be made as.

use std::collections::BTreeMap;
use std::fmt;

use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use super::clash::Clash;
use super::connection::Link;
use super::guard::Failure;
use super::{QueueType, wire};
use crate::broker::{Delay, Exchange, Retention, Routing, Source};
use crate::name::{EventName, QueueName};

/// A limit of deliveries that is never reached. From 4.0 on a quorum queue drops a message after 20 redeliveries unless
/// told otherwise. -1, which means "none" there, makes 3.10 drop every message that is redelivered once.
const NO_DELIVERY_LIMIT: i32 = i32::MAX;
pub(super) const QUEUE_TYPE: &str = "x-queue-type";
/// The setting of a queue whose messages go to one consumer at a time.
pub(super) const SINGLE_ACTIVE: &str = "x-single-active-consumer";

/// In milliseconds: ten years, since what waits for its moment is out for that long. RabbitMQ before 3.12 does not look at it.
const NO_CONSUMER_TIMEOUT: i64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// How many messages may wait for their moment, and how many bytes of them.
const LATER_COUNT: i64 = 50_000;
const LATER_SIZE: i64 = 256 << 20;
/// A stream is trimmed by whole segments, so the history has about so many.
const SEGMENTS: u64 = 64;
/// Bytes of a segment, at the least and at the most.
const SEGMENT_SIZES: (u64, u64) = (1 << 20, 64 << 20);

/// A queue or an exchange, durable, and everything that RabbitMQ compares when it is declared again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Form {
    pub(super) kind: Kind,
    pub(super) name: ShortString,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: BTreeMap<String, AMQPValue>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Queue,
    Exchange(ExchangeKind),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "queue",
            Self::Exchange(_) => "exchange",
        })
    }
}

/// How full a queue is, and how many listen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) consumers: u64,
}

impl Form {
    pub(super) fn queue(name: &str, queue_type: QueueType) -> Self {
        let queue = Self::bare(Kind::Queue, short(name));
        match queue_type {
            QueueType::Classic => queue.with(QUEUE_TYPE, text("classic")),
            QueueType::Quorum => {
                queue.with(QUEUE_TYPE, text("quorum")).with("x-delivery-limit", AMQPValue::LongInt(NO_DELIVERY_LIMIT))
            }
        }
    }

    /// The queue of a source.
    pub(super) fn source(source: &Source, queue_type: QueueType) -> Self {
        if source.queue == QueueName::later() {
            return Self::later();
        }
        let queue = Self::queue(source.queue.as_str(), queue_type);
        if source.single_active { queue.for_one_listener() } else { queue }
    }

    /// The same queue, with messages for one listener at a time.
    fn for_one_listener(self) -> Self {
        self.with(SINGLE_ACTIVE, AMQPValue::Boolean(true))
    }

    /// The queue of a delay: messages wait in it, and go home by the routing key that they were published with.
    /// At-least-once, so that a message is in the delay until its home has it.
    pub(super) fn delay(delay: Delay) -> Self {
        Self::bare(Kind::Queue, short(&delay_name(delay)))
            .with(QUEUE_TYPE, text("quorum"))
            .with("x-message-ttl", AMQPValue::LongLongInt(delay.millis().into()))
            .with("x-dead-letter-exchange", text(""))
            .with("x-dead-letter-strategy", text("at-least-once"))
            // At-least-once needs it; without a length limit it refuses nothing.
            .with("x-overflow", text("reject-publish"))
    }

    /// The queue of messages that wait for a moment. One host at a time has them all out, for as long as that takes; what
    /// does not fit is refused.
    pub(super) fn later() -> Self {
        Self::queue(QueueName::later().as_str(), QueueType::Quorum)
            .for_one_listener()
            .with("x-max-length", AMQPValue::LongLongInt(LATER_COUNT))
            .with("x-max-length-bytes", AMQPValue::LongLongInt(LATER_SIZE))
            .with("x-overflow", text("reject-publish"))
            .with("x-consumer-timeout", AMQPValue::LongLongInt(NO_CONSUMER_TIMEOUT))
    }

    /// The stream of the history.
    pub(super) fn history(Retention { age, size }: Retention) -> Self {
        let (smallest, largest) = SEGMENT_SIZES;
        let bytes = |size: u64| AMQPValue::LongLongInt(i64::try_from(size).unwrap_or(i64::MAX));
        Self::bare(Kind::Queue, short(QueueName::history().as_str()))
            .with(QUEUE_TYPE, text("stream"))
            .with("x-max-age", text(&format!("{}s", age.as_secs().max(1))))
            .with("x-max-length-bytes", bytes(size))
            .with("x-stream-max-segment-size-bytes", bytes((size / SEGMENTS).clamp(smallest, largest)))
    }

    /// The exchange that leads to the history whatever is not routed elsewhere, where a policy makes it somebody's
    /// alternate exchange.
    pub(super) fn alternate_exchange() -> Self {
        Self::fanout(QueueName::history().as_str())
    }

    /// An event's exchange: fanout, without arguments, as every publisher and subscriber of the event declares it.
    pub(super) fn event(event: &EventName) -> Self {
        Self::fanout(event.as_str())
    }

    /// The exchange in front of a delay's queue.
    pub(super) fn delay_exchange(delay: Delay) -> Self {
        Self::fanout(&delay_name(delay))
    }

    /// An exchange of other services.
    pub(super) fn exchange(exchange: &Exchange) -> Result<Self, Failure> {
        let kind = match exchange.routing {
            Routing::Fanout => ExchangeKind::Fanout,
            Routing::Direct(_) => ExchangeKind::Direct,
            Routing::Topic(_) => ExchangeKind::Topic,
            Routing::Headers { .. } => ExchangeKind::Headers,
        };
        let name = &exchange.name;
        if name.is_empty() {
            let words = "the exchange has no name, and nothing can be bound to RabbitMQ's default exchange: name one";
            return Err(Failure::Refused(words.to_owned()));
        }
        let short = wire::short(name);
        let too_long = || Failure::Refused(format!("the exchange {name:?} cannot be: its name is over 255 bytes"));
        Ok(Self::bare(Kind::Exchange(kind), short.ok_or_else(too_long)?))
    }

    fn fanout(name: &str) -> Self {
        Self::bare(Kind::Exchange(ExchangeKind::Fanout), short(name))
    }

    fn bare(kind: Kind, name: ShortString) -> Self {
        Self { kind, name, durable: true, auto_delete: false, internal: false, arguments: BTreeMap::new() }
    }

    fn with(mut self, setting: &str, value: AMQPValue) -> Self {
        self.arguments.insert(setting.to_owned(), value);
        self
    }

    /// Takes the value that was found for a setting; false where it cannot be known.
    pub(super) fn adopt(&mut self, clash: &Clash) -> bool {
        let flag = || clash.found.text().and_then(|text| text.parse().ok());
        match (clash.setting.as_str(), &mut self.kind) {
            ("durable", _) => flag().map(|found| self.durable = found).is_some(),
            ("auto_delete", _) => flag().map(|found| self.auto_delete = found).is_some(),
            ("internal", Kind::Exchange(_)) => flag().map(|found| self.internal = found).is_some(),
            ("type", Kind::Exchange(kind)) => clash.found.text().map(|found| *kind = exchange_kind(found)).is_some(),
            (setting, _) => match clash.found.argument(self.arguments.get(setting)) {
                Some(Some(found)) => {
                    self.arguments.insert(setting.to_owned(), found);
                    true
                }
                Some(None) => self.arguments.remove(setting).is_some(),
                None => false,
            },
        }
    }

    /// Asks whether it exists, whatever its settings. The counts are a queue's.
    pub(super) async fn look(&self, link: &Link) -> Result<Option<Counts>, Failure> {
        match self.ask(link, true).await {
            Ok(counts) => Ok(Some(counts)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Makes it, unless it exists just so. RabbitMQ refuses where it exists otherwise.
    pub(super) async fn declare(&self, link: &Link) -> Result<Counts, Failure> {
        self.ask(link, false).await
    }

    /// Each question has a channel of its own, which closes itself when it is dropped: RabbitMQ answers a failed
    /// declaration by closing the channel, and that must never take consumers or publishes down with it.
    async fn ask(&self, link: &Link, passive: bool) -> Result<Counts, Failure> {
        let channel = link.channel().await?;
        link.guard.run(self.ask_on(&channel, passive)).await
    }

    async fn ask_on(&self, channel: &Channel, passive: bool) -> Result<Counts, lapin::Error> {
        let (name, durable, auto_delete) = (self.name.clone(), self.durable, self.auto_delete);
        match &self.kind {
            Kind::Queue => {
                let options = QueueDeclareOptions { passive, durable, auto_delete, ..Default::default() };
                let queue = channel.queue_declare(name, options, self.table()).await?;
                Ok(Counts { messages: queue.message_count().into(), consumers: queue.consumer_count().into() })
            }
            Kind::Exchange(kind) => {
                let internal = self.internal;
                let options = ExchangeDeclareOptions { passive, durable, auto_delete, internal, ..Default::default() };
                channel.exchange_declare(name, kind.clone(), options, self.table()).await?;
                Ok(Counts { messages: 0, consumers: 0 })
            }
        }
    }

    fn table(&self) -> FieldTable {
        let mut table = FieldTable::default();
        for (setting, value) in &self.arguments {
            table.insert(short(setting), value.clone());
        }
        table
    }
}

/// The name of both the exchange and the queue of a delay.
pub(super) fn delay_name(delay: Delay) -> String {
    format!("leveret.delay.{}", delay.millis())
}

fn exchange_kind(name: &str) -> ExchangeKind {
    match name {
        "direct" => ExchangeKind::Direct,
        "fanout" => ExchangeKind::Fanout,
        "headers" => ExchangeKind::Headers,
        "topic" => ExchangeKind::Topic,
        other => ExchangeKind::Custom(other.to_owned()),
    }
}

/// Every name of the host's fits a short string, since [`crate::name`] sees to it, and so do the names of settings.
pub(super) fn short(name: &str) -> ShortString {
    wire::short(name).unwrap_or_default()
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
