//! A broker for one test, and what to do at it as another service would.

use std::num::NonZeroU16;
use std::sync::Arc;

use leveret::broker::{Broker, BrokerStatus, Destination, Listener, Outgoing, Source};
use leveret::config::Settings;
use leveret::message::{Message, Subject};
use leveret::name::{AppName, QueueName, TaskName};
use tempfile::TempDir;

use crate::rabbitmq::Node;
use crate::wait::{soon, until};

/// A broker that is empty at first and belongs to one test.
#[derive(Debug)]
pub enum TestBroker {
    /// The file is in this directory.
    Embedded(TempDir),
    /// The URL, with a vhost of its own.
    RabbitMq(String),
}

impl TestBroker {
    pub fn embedded() -> Self {
        Self::Embedded(tempfile::tempdir().expect("a temporary directory"))
    }

    /// A vhost of the node that all tests of this process share.
    pub async fn rabbitmq() -> Self {
        // Starting the node blocks.
        let url = tokio::task::spawn_blocking(|| Node::shared().vhost("test")).await;
        Self::RabbitMq(url.expect("a node"))
    }

    /// Makes a host use this broker. At RabbitMQ it keeps no history, so that [`publish`] finds out who hears it; a test of
    /// the history sets that otherwise.
    pub fn write_into(&self, settings: &mut Settings) {
        match self {
            Self::Embedded(directory) => settings.broker.embedded.file = directory.path().join("broker.db"),
            Self::RabbitMq(url) => {
                settings.broker.url = url.parse().expect("a legal URL");
                settings.history.enabled = false;
            }
        }
        settings.broker.rabbitmq.reconnect_maximum = "500ms".parse().expect("a legal time");
    }

    /// The same for a host in a process of its own.
    pub fn variables(&self) -> (&'static str, String) {
        match self {
            Self::Embedded(directory) => {
                let file = directory.path().join("broker.db");
                ("LEVERET_BROKER_EMBEDDED_FILE", file.to_str().expect("a path in UTF-8").to_owned())
            }
            Self::RabbitMq(url) => ("LEVERET_BROKER_URL", url.clone()),
        }
    }

    /// A connection beside the host's. The embedded broker has none while a host runs.
    pub async fn connect(&self) -> Arc<dyn Broker> {
        let mut settings = Settings::default();
        self.write_into(&mut settings);
        let broker = leveret::host::broker(&settings).expect("nobody else has it open");
        let mut status = broker.status();
        let ready = soon("the broker", status.wait_for(|status| *status == BrokerStatus::Ready)).await.is_ok();
        assert!(ready, "the broker was closed");
        broker
    }
}

/// The queue of a task, by its full name.
pub fn tasks(name: &str) -> Source {
    let task: TaskName = name.parse().expect("a legal task name");
    Source::task(task, PREFETCH)
}

/// The dead letters of an application. Taken as if they were tasks: a queue listened to for an event would be bound to it.
pub fn dead_letters(app: &str) -> Source {
    let queue = QueueName::dead(&app.parse::<AppName>().expect("a legal name"));
    Source { queue, ..tasks(&format!("{app}.dead.letter")) }
}

const PREFETCH: NonZeroU16 = NonZeroU16::MAX;

/// A new event.
pub fn event(name: &str, body: impl Into<Vec<u8>>) -> Message {
    Message::new(event_subject(name), body.into())
}

fn event_subject(name: &str) -> Subject {
    Subject::Event(name.parse().expect("a legal event name"))
}

/// Publishes an event, again and again until somebody hears it: a subscription may be on its way.
pub async fn publish(broker: &Arc<dyn Broker>, message: Message) {
    let Subject::Event(name) = message.subject.clone() else { panic!("{} is no event", message.subject) };
    let outgoing = Outgoing { destination: Destination::Event(name), message };
    until("a subscription", async || {
        let published = broker.publish(vec![outgoing.clone()]).await.expect("published");
        published.unheard.is_empty().then_some(())
    })
    .await;
}

/// Creates a task, again and again as a host does: RabbitMQ may fail one of two who make a queue at once.
pub async fn enqueue(broker: &Arc<dyn Broker>, task: &Message) {
    let outgoing = Outgoing { destination: Destination::of(&task.subject), message: task.clone() };
    until("the task's publish", async || broker.publish(vec![outgoing.clone()]).await.ok()).await;
}

/// Listens to a queue, again and again as the host itself does: RabbitMQ may fail one of two who make a queue at once.
async fn listen(broker: &Arc<dyn Broker>, source: Source) -> Box<dyn Listener> {
    until("a listener", async || broker.listen(source.clone()).await.ok()).await
}

/// Takes this many messages out of a queue.
pub async fn take(broker: &Arc<dyn Broker>, source: Source, number: usize) -> Vec<Message> {
    let mut listener = listen(broker, source).await;
    let mut messages = Vec::with_capacity(number);
    for _ in 0..number {
        let received = soon("a message", listener.next()).await.expect("the listener goes on");
        soon("an acknowledgement", received.receipt.acknowledge()).await.expect("acknowledged");
        messages.push(received.message);
    }
    messages
}

/// Takes the one message of a queue.
pub async fn take_one(broker: &Arc<dyn Broker>, source: Source) -> Message {
    take(broker, source, 1).await.remove(0)
}
