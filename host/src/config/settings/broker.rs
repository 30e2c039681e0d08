//! Where messages come from and go to.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::broker_url::BrokerUrl;
use crate::config::value::Time;

/// Where messages come from and go to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Broker {
    /// `embedded`, or RabbitMQ's `amqp://` or `amqps://` URL with user, password and vhost.
    pub url: BrokerUrl,
    /// The embedded broker.
    pub embedded: Embedded,
    /// RabbitMQ.
    pub rabbitmq: RabbitMq,
}

/// The embedded broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Embedded {
    /// The one file that holds every message.
    pub file: PathBuf,
}

impl Default for Embedded {
    fn default() -> Self {
        Self { file: ".leveret/broker.db".into() }
    }
}

/// RabbitMQ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RabbitMq {
    /// The type of queues that Leveret makes. A queue that exists is adopted as it is.
    pub queue_type: QueueType,
    /// How long to wait for the broker's confirmation of a publish, and for every other answer.
    pub answer_limit: Time,
    /// The wait before the first attempt to connect again; it doubles with each that fails.
    pub reconnect_minimum: Time,
    /// The longest wait between two attempts to connect.
    pub reconnect_maximum: Time,
    /// Whether to write the TID into the body as `tid` where the body is a JSON object, since Ponos reads it there.
    pub tid_in_body: bool,
}

impl Default for RabbitMq {
    fn default() -> Self {
        Self {
            queue_type: QueueType::Quorum,
            answer_limit: Time::seconds(30),
            reconnect_minimum: Time::millis(100),
            reconnect_maximum: Time::seconds(10),
            tid_in_body: true,
        }
    }
}

/// A type of RabbitMQ queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum QueueType {
    /// Replicated, safe under `kill -9`, and faster once pipelined.
    Quorum,
    /// One node's.
    Classic,
}
