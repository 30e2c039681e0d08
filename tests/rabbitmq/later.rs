//! The queue of what waits for its moment.

use leveret::broker::{Binding, Finding, Standing, Wanted};
use leveret::name::QueueName;
use leveret_tests::rabbitmq::Node;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_moment_has_room_that_ends_and_one_listener_without_a_time_limit() {
    let node = Node::shared();
    let url = node.vhost("later");
    let broker = connected(&url).await;
    let waits = Outgoing { destination: Destination::Later, ..outgoing("pheidi.email.send", "{}") };
    broker.publish(vec![waits.clone()]).await.expect("published");

    let vhost = url.rsplit('/').next().expect("a vhost");
    let arguments = node.get(&format!("queues/{vhost}/{}", QueueName::later()))["arguments"].clone();
    for (argument, value) in [
        ("x-queue-type", serde_json::json!("quorum")),
        ("x-single-active-consumer", true.into()),
        ("x-max-length", 50_000.into()),
        ("x-max-length-bytes", (256 << 20).into()),
        ("x-overflow", "reject-publish".into()),
    ] {
        assert_eq!(arguments[argument], value, "{argument} of {arguments}");
    }
    let years = arguments["x-consumer-timeout"].as_u64().map(|millis| millis / 1000 / 3600 / 24 / 365);
    assert_eq!(years, Some(10), "{arguments}");

    let source = Source { queue: QueueName::later(), binding: Binding::Unbound, ..tasks_of("pheidi.email.send", 10) };
    let mut listener = broker.listen(Source { single_active: true, ..source }).await.expect("adopted");
    assert_eq!(acknowledge(next(&mut listener).await).await.id, waits.message.id);
    let findings = broker.inspect(&[Wanted::Later]).await.expect("findings");
    assert!(matches!(&findings[..], [Finding { standing: Standing::AsWanted { .. }, .. }]), "{findings:?}");
}
