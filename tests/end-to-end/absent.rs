//! A broker that is not there, or does not let the host in.

use leveret::delivery::Settlement;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use leveret_tests::http::get;
use leveret_tests::process::Process;
use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::until;

use super::*;

/// Waits until the host says that it is not ready for a reason with these words.
async fn unready(api: &str, words: &str) -> String {
    until(words, async || {
        let (status, answer) = get(&format!("{api}/readyz")).await.expect("an answer");
        assert_eq!(status, 503, "{answer}");
        let answer = answer.to_string();
        answer.contains(words).then_some(answer)
    })
    .await
}

async fn node(work: impl FnOnce() -> Node + Send + 'static) -> Node {
    tokio::task::spawn_blocking(work).await.expect("a node")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_broker_the_process_stays_up_and_says_why_it_is_not_ready() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // Nothing listens on port 1.
    let broker = TestBroker::RabbitMq("amqp://guest:s3cret@127.0.0.1:1/%2f".into());
    let mut process = Process::start(directory.path(), &broker);
    let answer = unready(process.api(), "is RabbitMQ running there?").await;
    let (status, health) = get(&format!("{}/healthz", process.api())).await.expect("an answer");
    assert_eq!((status, &health["healthy"]), (200, &json!(true)));
    let (status, whole) = get(&format!("{}/status", process.api())).await.expect("an answer");
    assert_eq!((status, &whole["ready"]), (200, &json!(false)));
    process.terminate();
    assert!(process.ended().await.success());
    let log = process.log().join("\n");
    assert!(log.contains("is RabbitMQ running there?"), "{log}");
    for text in [answer, health.to_string(), whole.to_string(), log] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_there_before_its_broker_works_once_that_comes() {
    let mut node = node(Node::start).await;
    let url = node.vhost("late");
    node = self::node(move || {
        node.stop();
        node
    })
    .await;
    let mut host = TestHost::start(&TestBroker::RabbitMq(url)).await;
    unready(&host.api(), "the broker is down").await;
    leveret_tests::host::put(&host.plugins, "puppet.wasm", &guests::bytes("puppet"));
    node = self::node(move || {
        node.start_again();
        node
    })
    .await;
    host.broker_is_ready().await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let id = host.publish(PULLED, json!({ "do": "emit" }).to_string()).await;
    assert_eq!(host.record(&id).await.settlement, Settlement::Done);
    until("readiness", async || {
        let (status, _) = get(&format!("{}/readyz", host.api())).await.expect("an answer");
        (status == 200).then_some(())
    })
    .await;
    host.stop().await;
    tokio::task::spawn_blocking(move || drop(node)).await.expect("the node ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_does_not_let_the_host_in_is_told_apart() {
    let port = node_port().await;
    for (url, words) in [
        (format!("amqp://guest:s3cret@127.0.0.1:{port}/%2f"), "credentials"),
        (format!("amqp://guest:guest@127.0.0.1:{port}/nowhere"), "nowhere"),
    ] {
        let host = TestHost::start(&TestBroker::RabbitMq(url)).await;
        let answer = unready(&host.api(), words).await;
        assert!(!answer.contains("s3cret"), "{answer}");
        host.stop().await;
    }
}

async fn node_port() -> u16 {
    tokio::task::spawn_blocking(|| Node::shared().port()).await.expect("a node")
}
