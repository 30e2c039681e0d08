//! Beside services of today: a real Ponos publishes the event and performs the task, and does not know that Leveret is
//! there.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use leveret::delivery::Settlement;
use leveret::message::Tid;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::{soon, until};

use super::*;

/// A service in Node.js; it is killed when this is dropped.
struct Service {
    child: Child,
    output: Arc<Mutex<BufReader<ChildStdout>>>,
}

impl Service {
    fn start(vhost: &str, arguments: &[&str]) -> Self {
        let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/ponos"));
        assert!(directory.join("node_modules/ponos").is_dir(), "Ponos is not installed: run ./dev setup");
        let mut child = Command::new("node")
            .args(arguments)
            .current_dir(directory)
            .env("RABBITMQ_HOSTNAME", "127.0.0.1")
            .env("RABBITMQ_PORT", Node::shared().port().to_string())
            .env("RABBITMQ_VHOST", vhost)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is not installed: run ./dev setup");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, output: Arc::new(Mutex::new(output)) }
    }

    /// The next line that it prints.
    async fn line(&self) -> String {
        let output = self.output.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            output.lock().expect("not poisoned").read_line(&mut line).map(|_| line)
        });
        soon("a line", read).await.expect("it does not panic").expect("UTF-8")
    }

    async fn report(&self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_ponos_becomes_a_task_for_ponos_under_one_tid() {
    let broker = TestBroker::rabbitmq().await;
    let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
    let vhost = url.rsplit('/').next().expect("a URL ends in its vhost");
    // The worker of today was there first, and declared its queue in its own way.
    let worker = Service::start(vhost, &["worker.js", "--declare"]);
    assert_eq!(worker.line().await, "ready\n");

    let mut host = TestHost::start(&broker).await;
    host.install("pheidi.wasm", &guests::bytes("pheidi")).await;
    // Rejected, and so no task; but heard, and so the subscription is there.
    host.publish(PAID, payment(0).to_string()).await;

    let publisher = Service::start(vhost, &["publish.js", &payment(4200).to_string()]);
    let published = publisher.report().await;
    let performed = worker.report().await;
    let tid = published["tid"].as_str().expect("Ponos gives every event a TID");
    assert_eq!(performed["task"], SEND);
    assert_eq!(performed["tid"], tid);
    assert_eq!(performed["job"]["tid"], tid);
    assert_eq!(performed["job"]["to"], "grace@example.org");
    assert_eq!(performed["job"]["substitutions"]["amount"], 4200);

    let tid = Tid::from_wire(tid).expect("a legal TID");
    // It is written once the event is acknowledged, and that comes after the task.
    let record = until("a record", async || host.all_records().into_iter().find(|record| record.tid == tid)).await;
    assert_eq!(record.settlement, Settlement::Done);
    let queues = Node::shared().get(&format!("queues/{vhost}"));
    let queues = queues.as_array().expect("a list");
    let kind = |name: &str| queues.iter().find(|queue| queue["name"] == name).map(|queue| queue["type"].clone());
    assert_eq!(kind(SEND), Some(json!("classic")));
    assert_eq!(kind("pheidi.org.payment.processed"), Some(json!("quorum")));
    host.stop().await;
}
