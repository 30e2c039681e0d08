//! The checker: takes tasks and dead letters out of their queues, beside the host, and enters them into the account.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use leveret::broker::{Broker, Source};
use leveret::config::Settings;
use leveret::name::QueueName;
use leveret_tests::broker::{dead_letters, tasks};
use tokio::task::JoinSet;

use crate::account::{Account, Found};
use crate::scenario::{CONTROL, CONTROL_TASK, PUPPETS};

/// The pause before a queue is asked for again.
const PAUSE: Duration = Duration::from_millis(200);
/// How many messages may be out and not acknowledged.
const PREFETCH: u16 = 200;
/// After how long without a message the checker makes sure that its connection still works.
const SILENCE: Duration = Duration::from_secs(20);
const ANSWER: Duration = Duration::from_secs(15);

/// A queue, whose it is, and what is in it.
struct Queue {
    app: &'static str,
    dead: bool,
    source: Source,
}

fn queues() -> Vec<Queue> {
    let puppets = PUPPETS.iter().map(|puppet| (puppet.app, puppet.task()));
    let all: Vec<_> = puppets.chain([(CONTROL, CONTROL_TASK.to_owned())]).collect();
    let tasks = all.iter().map(|(app, task)| Queue { app, dead: false, source: tasks(task) });
    let dead = all.iter().map(|(app, _)| Queue { app, dead: true, source: dead_letters(app) });
    tasks.chain(dead).collect()
}

impl Queue {
    fn name(&self) -> &QueueName {
        &self.source.queue
    }

    fn enter(&self, account: &Account, id: &str, body: &[u8], redelivered: bool) {
        let found = Found { app: self.app, id, body, redelivered };
        if self.dead { account.dead_letter(&found) } else { account.task(&found) }
    }
}

/// Begins to consume from RabbitMQ, a connection for each queue, until the returned set is dropped.
pub fn follow(url: &str, account: &Arc<Account>) -> JoinSet<()> {
    let mut following = JoinSet::new();
    for queue in queues() {
        let (url, account) = (url.to_owned(), account.clone());
        following.spawn(async move {
            loop {
                // Whatever ended it: what was not acknowledged comes again.
                let _ = consume(&url, &queue, &account).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    following
}

/// Consumes until something ends it. The queue is the host's to make.
async fn consume(url: &str, queue: &Queue, account: &Account) -> Result<(), lapin::Error> {
    let properties = ConnectionProperties::default().with_connection_name("chaos checker".into());
    let Some(connection) = answered(Connection::connect(url, properties)).await? else { return Ok(()) };
    let name = queue.name().as_str();
    let channel = loop {
        let Some(channel) = answered(connection.create_channel()).await? else { return Ok(()) };
        let passive = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
        match answered(channel.queue_declare(name.into(), passive, FieldTable::default())).await {
            Ok(Some(_)) => break channel,
            Ok(None) => return Ok(()),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    };
    answered(channel.basic_qos(PREFETCH, BasicQosOptions::default())).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consuming = channel.basic_consume(name.into(), "".into(), options, arguments);
    let Some(mut consumer) = answered(consuming).await? else { return Ok(()) };
    loop {
        let delivery = match tokio::time::timeout(SILENCE, consumer.next()).await {
            Ok(Some(delivery)) => delivery?,
            Ok(None) => return Ok(()),
            // Nothing to do, or nothing that works any longer: a new connection is sure to.
            Err(_) => return Ok(()),
        };
        let id = delivery.properties.message_id().as_ref().map_or("", |id| id.as_str());
        queue.enter(account, id, &delivery.data, delivery.redelivered);
        if answered(delivery.acker.ack(BasicAckOptions::default())).await? != Some(true) {
            return Ok(());
        }
    }
}

/// Some of what is asked of lapin is never answered once its connection is lost.
async fn answered<T>(asked: impl Future<Output = Result<T, lapin::Error>>) -> Result<Option<T>, lapin::Error> {
    tokio::time::timeout(ANSWER, asked).await.ok().transpose()
}

/// Takes everything out of the embedded broker's file while no host has it open.
pub async fn drain(file: &Path, account: &Account) {
    let mut settings = Settings::default();
    settings.broker.embedded.file = PathBuf::from(file);
    let broker = match leveret::host::broker(&settings) {
        Ok(broker) => broker,
        Err(error) => return account.complain(format!("the embedded broker's file cannot be opened: {error}")),
    };
    for queue in queues() {
        if let Err(error) = drain_queue(&broker, &queue, account).await {
            account.complain(format!("the queue {} cannot be drained: {error}", queue.name()));
        }
    }
    broker.close().await;
}

async fn drain_queue(
    broker: &Arc<dyn Broker>,
    queue: &Queue,
    account: &Account,
) -> Result<(), leveret::broker::BrokerError> {
    let Some(mut left) = broker.depth(queue.name()).await?.filter(|depth| *depth > 0) else { return Ok(()) };
    let mut listener = broker.listen(queue.source.clone()).await?;
    let begun = Instant::now();
    while left > 0 {
        let mut receipts = Vec::new();
        while left > 0 && receipts.len() < 1000 {
            let Ok(Some(received)) = tokio::time::timeout(ANSWER, listener.next()).await else {
                account.complain(format!(
                    "{} has {left} messages that do not come in {:?}",
                    queue.name(),
                    begun.elapsed()
                ));
                return Ok(());
            };
            // With the file, everything counts as redelivered; but here each message is acknowledged before the next look.
            queue.enter(account, received.message.id.as_str(), &received.message.body, false);
            receipts.push(received.receipt.acknowledge());
            left -= 1;
        }
        // At once, so that they are one transaction.
        for acknowledged in join_all(receipts).await {
            acknowledged?;
        }
    }
    listener.stop().await;
    Ok(())
}
