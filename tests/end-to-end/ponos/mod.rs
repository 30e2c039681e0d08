//! Beside services of today: a real Ponos publishes the event and performs the task, and does not know that Leveret is
//! there.

mod adopt;
mod faults;
mod service;
mod tid;

use leveret::config::Settings;
use leveret::delivery::Record;
use leveret::message::Tid;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::{soon, until};

use super::*;
use service::Service;

/// A host with the puppet, between services of Ponos that publish its event and perform its task.
struct Stage {
    host: TestHost,
    /// It goes on performing until the stage is gone, so what it reports is all that it was given.
    worker: Service,
    url: String,
}

impl Stage {
    /// The worker is there first, and declares its queue in its own way. The puppet plays this role.
    async fn start(role: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        let broker = TestBroker::rabbitmq().await;
        let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
        let worker = Service::worker(vhost(url), &["puppet", "echo.make", "--declare"]).await;
        let stage = Self { host: TestHost::start_with(&broker, adjust).await, worker, url: url.clone() };
        stage.play(role).await;
        stage
    }

    /// Replaces the puppet by a build that plays this role: the same events come to something else.
    async fn play(&self, role: &str) {
        self.host.install("puppet.wasm", &guests::puppet_as(role)).await;
        soon("the host", self.host.host.ready()).await;
    }

    async fn publish(&self, body: Value) -> Tid {
        publish(&self.url, body).await
    }

    /// The next job of the Ponos worker, which must be of this transaction.
    async fn performed(&self, tid: &Tid) -> Value {
        let report = self.worker.report().await;
        assert_eq!(report["task"], ECHO);
        for seen in [&report["tid"], &report["job"]["tid"]] {
            assert_eq!(seen, tid.as_str(), "another job was to come: {report}");
        }
        report["job"].clone()
    }

    /// So many records of a transaction, as soon as there are so many.
    async fn records(&mut self, tid: &Tid, number: usize) -> Vec<Record> {
        let host = &mut self.host;
        until("the records", async || {
            let all = host.all_records().into_iter();
            let found: Vec<_> = all.filter(|record| record.tid == *tid).collect();
            (found.len() >= number).then_some(found)
        })
        .await
    }
}

/// What the puppet makes of this event depends on the role that it plays; without one it makes one task.
fn part(number: u64) -> Value {
    json!({ "do": "perform", "number": number, "tasks": 1 })
}

/// Has a Ponos service publish the puppet's event; the TID that Ponos gave it.
async fn publish(url: &str, body: Value) -> Tid {
    let publisher = Service::start(vhost(url), &["publish.js", PULLED, &body.to_string()]);
    tid_of(&publisher.report().await["tid"])
}

fn tid_of(text: &Value) -> Tid {
    Tid::from_wire(text.as_str().expect("Ponos's TIDs are texts")).expect("a legal TID")
}

fn vhost(url: &str) -> &str {
    url.rsplit('/').next().expect("a URL ends in its vhost")
}

/// The type of a queue, as RabbitMQ tells it.
async fn kind(url: &str, queue: &str) -> Value {
    let path = format!("queues/{}/{queue}", vhost(url));
    let asked = tokio::task::spawn_blocking(move || Node::shared().get(&path)).await;
    asked.expect("it answers")["type"].clone()
}
