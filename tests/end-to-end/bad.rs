//! Events that no plugin could read: each becomes a dead letter, once, and disturbs nothing.

use leveret::delivery::{Counts, Settlement};
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;

use super::*;

on_each_broker!(i7_an_event_that_is_not_json_becomes_a_dead_letter_once, i8_an_event_that_is_too_large_is_kept_whole);

async fn i7_an_event_that_is_not_json_becomes_a_dead_letter_once(broker: TestBroker) {
    let cases: [(&[u8], &str); 7] = [
        (b"", "empty"),
        (b"nonsense", "not JSON"),
        (b"{\"do\":", "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\"\xff\xfe\"", "not UTF-8"),
        (&[0; 100], "not JSON"),
        (&[b'['; 100_000], "not JSON"),
    ];
    let mut host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    for (body, words) in cases {
        let id = host.publish(PULLED, body).await;
        let record = host.record(&id).await;
        let Settlement::Dead { reason } = &record.settlement else { panic!("{record:?}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(record.receipt, Default::default(), "the plugin ran");
        let dead = broker::take_one(&host.host.broker, broker::dead_letters("puppet")).await;
        assert_eq!((dead.id, &dead.body[..]), (id, body));
    }
    let last = host.publish(PULLED, json!({ "do": "emit" }).to_string()).await;
    assert_eq!(host.record(&last).await.settlement, Settlement::Done);
    let counts = Counts { done: 1, dead: cases.len() as u64, ..Counts::default() };
    assert_eq!(host.host.journal.counts(), counts);
    host.stop().await;
}

async fn i8_an_event_that_is_too_large_is_kept_whole(broker: TestBroker) {
    const LIMIT: usize = 16 << 20;
    let mut host = TestHost::start(&broker).await;
    host.install("puppet.wasm", &guests::bytes("puppet")).await;
    let body = vec![b'1'; LIMIT + 1];
    let id = host.publish(PULLED, body.clone()).await;
    let record = host.record(&id).await;
    let Settlement::Dead { reason } = &record.settlement else { panic!("{record:?}") };
    assert!(reason.contains("16777217 bytes") && reason.contains("delivery.payload-limit"), "{reason}");
    let dead = broker::take_one(&host.host.broker, broker::dead_letters("puppet")).await;
    assert!(dead.body == body, "{} bytes came back", dead.body.len());
    host.stop().await;
}
