//! What is special about the RabbitMQ adapter, shown against a real node.

mod browse;
mod clash;
mod conditions;
mod deep;
mod exchanges;
mod faults;
mod history;
mod later;
mod messages;
mod publishing;
mod size;
mod status;
mod topology;
mod unreadable;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use leveret::broker::rabbitmq::{Options, RabbitMqBroker};
use leveret::broker::{Broker, BrokerStatus, Destination, Listener, Outgoing, Received, Source};
use leveret::message::{Message, Subject};
use leveret::name::TaskName;
use leveret_tests::wait::{PATIENCE, soon};

fn options() -> Options {
    Options { reconnect_maximum: Duration::from_millis(500), ..Options::default() }
}

/// A broker that is connected.
async fn connected(url: &str) -> Arc<RabbitMqBroker> {
    let broker = RabbitMqBroker::connect(url, options()).expect("a legal URL");
    until(&broker, |status| *status == BrokerStatus::Ready).await;
    broker
}

async fn until(broker: &RabbitMqBroker, wanted: impl FnMut(&BrokerStatus) -> bool) -> BrokerStatus {
    let mut status = broker.status();
    let status = tokio::time::timeout(PATIENCE, status.wait_for(wanted)).await.expect("the status in time");
    status.expect("the broker lives").clone()
}

fn task(name: &str) -> TaskName {
    name.parse().expect("a legal task name")
}

fn tasks_of(name: &str, prefetch: u16) -> Source {
    let prefetch = NonZeroU16::new(prefetch).expect("not 0");
    Source::task(task(name), prefetch)
}

fn outgoing(name: &str, body: &str) -> Outgoing {
    let message = Message::new(Subject::Task(task(name)), body.to_owned());
    Outgoing { destination: Destination::Task(task(name)), message }
}

async fn next(listener: &mut Box<dyn Listener>) -> Received {
    let next = tokio::time::timeout(PATIENCE, listener.next()).await;
    next.expect("a message in time").expect("the listener is not stopped")
}

async fn acknowledge(received: Received) -> Message {
    received.receipt.acknowledge().await.expect("the connection is up");
    received.message
}

/// Another service, with a channel of its own.
struct Stranger {
    channel: Channel,
    _connection: Connection,
}

impl Stranger {
    async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        Self { channel, _connection: connection }
    }

    async fn publish(&self, queue: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions::default();
        self.channel.basic_publish("".into(), queue.into(), options, body, properties).await.expect("published");
    }
}
