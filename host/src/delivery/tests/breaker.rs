use std::num::NonZeroU32;

use super::*;

const COOL_DOWN: Duration = Duration::from_secs(10);

fn start(handler: Arc<FakeHandler>) -> Host {
    let number = |number| NonZeroU32::new(number).expect("not 0");
    Host::start_with(live("1", EVENT, handler), |policy| {
        let trip = Trip::try_new(Some(number(3)), None, COOL_DOWN, 3 * COOL_DOWN, number(2));
        policy.breaker = Some(trip.expect("legal"));
        policy.concurrency = NonZeroU16::MIN;
    })
}

fn push(host: &Host, number: usize) {
    (0..number).for_each(|_| host.broker.push(event("{}")));
}

/// Waits until everything that happens by itself has happened.
async fn pause() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn is_open(host: &Host) -> bool {
    matches!(host.state(), ListenerState::Open { .. })
}

#[tokio::test(start_paused = true)]
async fn i5_an_open_breaker_gives_back_uncounted_what_was_prefetched() {
    let host = start(FakeHandler::answering(retry(None)));
    push(&host, 10);
    pause().await;
    assert!(is_open(&host));
    let counts = host.journal.counts();
    assert_eq!((counts.retried, host.broker.waiting()), (3, 7));
    // They went back as they were: no copy of them was published.
    assert_eq!(host.broker.published().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_probes_with_single_messages_and_closes_when_they_go_well() {
    let handler = FakeHandler::answering(retry(None));
    let host = start(handler.clone());
    push(&host, 10);
    pause().await;
    assert!(is_open(&host));
    handler.answer(done(0));
    tokio::time::sleep(COOL_DOWN).await;
    assert_eq!(host.state(), ListenerState::Consuming);
    assert_eq!((host.journal.counts().done, host.broker.waiting()), (7, 0));
    assert_eq!(host.broker.prefetches(), [8, 1, 8]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_it_again_for_longer() {
    let host = start(FakeHandler::answering(retry(None)));
    push(&host, 10);
    for (wait, retried) in [(1, 3), (10, 4), (10, 4), (11, 5), (31, 6)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        assert_eq!(host.journal.counts().retried, retried);
        assert!(is_open(&host));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_plugin_is_not_probed() {
    let handler = FakeHandler::answering(retry(None));
    handler.feel(Err("no database"));
    let host = start(handler.clone());
    push(&host, 4);
    pause().await;
    handler.answer(done(0));
    tokio::time::sleep(COOL_DOWN).await;
    assert!(matches!(host.state(), ListenerState::Open { reason, .. } if reason.contains("no database")));
    assert_eq!(host.journal.counts().done, 0);
    handler.feel(Ok(()));
    tokio::time::sleep(3 * COOL_DOWN).await;
    assert_eq!(host.journal.counts().done, 1);
}

#[tokio::test(start_paused = true)]
async fn rejections_say_nothing_of_health() {
    let host = start(FakeHandler::answering(Outcome::Reject { reason: "no such user".into() }));
    push(&host, 10);
    pause().await;
    assert_eq!(host.state(), ListenerState::Consuming);
    assert_eq!(host.journal.counts().dead, 10);
}

#[tokio::test(start_paused = true)]
async fn a_new_version_is_probed_at_once() {
    let host = start(FakeHandler::answering(retry(None)));
    push(&host, 10);
    pause().await;
    assert!(is_open(&host));
    host.live.send(set(live("2", EVENT, FakeHandler::answering(done(0))))).expect("followed");
    pause().await;
    assert_eq!(host.state(), ListenerState::Consuming);
    assert_eq!(host.journal.counts().done, 7);
}

#[tokio::test(start_paused = true)]
async fn an_operator_trips_and_resets_it() {
    let host = start(FakeHandler::answering(done(0)));
    pause().await;
    assert!(host.dispatch.trip("pheidi.org.payment.processed"));
    assert!(!host.dispatch.trip("pheidi.no.such.queue"));
    pause().await;
    assert!(is_open(&host));
    push(&host, 1);
    pause().await;
    assert_eq!(host.broker.waiting(), 1);
    assert!(host.dispatch.reset("pheidi.org.payment.processed"));
    pause().await;
    assert_eq!((host.state(), host.journal.counts().done), (ListenerState::Consuming, 1));
}

#[tokio::test(start_paused = true)]
async fn a_paused_plugin_s_messages_wait_in_their_queue() {
    let host = start(FakeHandler::answering(done(0)));
    pause().await;
    let id = host.live.borrow().keys().next().expect("one").clone();
    assert!(host.dispatch.pause(&id));
    pause().await;
    push(&host, 3);
    host.live.send(set(live("2", EVENT, FakeHandler::answering(done(0))))).expect("followed");
    pause().await;
    assert_eq!((host.state(), host.broker.waiting()), (ListenerState::Paused, 3));
    assert!(host.dispatch.resume(&id));
    pause().await;
    assert_eq!((host.state(), host.broker.waiting()), (ListenerState::Consuming, 0));
}

#[tokio::test(start_paused = true)]
async fn i11_a_host_stops_while_a_breaker_is_open() {
    let host = start(FakeHandler::answering(retry(None)));
    push(&host, 5);
    pause().await;
    assert!(is_open(&host));
    host.stop().await;
}
