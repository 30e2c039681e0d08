//! Competing consumers: hosts on one queue share its messages.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use leveret::delivery::Settlement;
use leveret_tests::wait::{soon, until};

use super::*;

const MESSAGES: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_share_a_queue_and_each_message_is_handled_once() {
    let broker = TestBroker::rabbitmq().await;
    let mut hosts = Vec::new();
    for _ in 0..2 {
        let host = TestHost::start_with(&broker, |settings| settings.delivery.prefetch = NonZeroU16::MIN).await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
        soon("the host", host.host.ready()).await;
        hosts.push(host);
    }
    let mut published = Vec::new();
    for _ in 0..MESSAGES {
        published.push(hosts[0].publish(PULLED, json!({ "do": "emit" }).to_string()).await);
    }
    let shares = until("every message to be handled", async || {
        let shares: Vec<Vec<MessageId>> = hosts.iter_mut().map(handled).collect();
        (shares.iter().map(Vec::len).sum::<usize>() >= MESSAGES).then_some(shares)
    })
    .await;
    let mut times = BTreeMap::new();
    for id in shares.iter().flatten() {
        *times.entry(id.clone()).or_insert(0) += 1;
    }
    assert_eq!(times, published.into_iter().map(|id| (id, 1)).collect());
    assert!(shares.iter().all(|share| !share.is_empty()), "a host got nothing to do");
    let tasks = hosts[1].tasks(ECHO, MESSAGES).await;
    assert_eq!(tasks.len(), MESSAGES);
    for host in hosts {
        host.stop().await;
    }
}

/// The messages that a host has handled.
fn handled(host: &mut TestHost) -> Vec<MessageId> {
    let records = host.all_records().into_iter();
    records.filter(|record| record.settlement == Settlement::Done).map(|record| record.id).collect()
}
