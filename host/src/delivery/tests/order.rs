use super::*;

fn start(handler: Arc<FakeHandler>, ordering: Ordering) -> Host {
    Host::start_with(live("1", EVENT, handler), |policy| policy.ordering = ordering)
}

fn by_user() -> Ordering {
    Ordering::Key(OrderKey::Pointer("/user".into()))
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(500)).await;
}

const BODIES: [&str; 4] = [r#"{"user":1,"n":1}"#, r#"{"user":1,"n":2}"#, r#"{"user":2,"n":3}"#, r#"{"user":1,"n":4}"#];

#[tokio::test(start_paused = true)]
async fn i10_a_failed_message_is_tried_again_before_the_next_of_its_key_while_others_go_on() {
    let handler = FakeHandler::answering(retry(None));
    let host = start(handler.clone(), by_user());
    host.broker.push(event(BODIES[0]));
    pause().await;
    handler.answer(done(0));
    BODIES[1..].iter().for_each(|body| host.broker.push(event(body)));
    pause().await;
    assert_eq!(handler.handled(), [BODIES[0], BODIES[2]]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(handler.handled(), [BODIES[0], BODIES[2], BODIES[0], BODIES[1], BODIES[3]]);
    assert!(host.broker.published().is_empty(), "it kept its place: no copy of it went into a delay");
}

#[tokio::test(start_paused = true)]
async fn i10_the_whole_queue_is_one_line_where_that_is_asked() {
    let handler = FakeHandler::answering(retry(None));
    let host = start(handler.clone(), Ordering::Queue);
    BODIES.iter().for_each(|body| host.broker.push(event(body)));
    pause().await;
    assert_eq!(handler.handled(), [BODIES[0]]);
    handler.answer(done(0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(handler.handled()[1..], BODIES);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_keeps_its_place_counts_its_attempts_and_dies_with_its_history() {
    let mut host = start(FakeHandler::answering(retry(None)), by_user());
    let record = host.deliver(event(BODIES[0])).await;
    assert!(matches!(record.settlement, Settlement::Retried { wait_ms: 1000, .. }));
    assert!(matches!(host.settled().await.settlement, Settlement::Retried { wait_ms: 2000, .. }));
    assert!(matches!(host.settled().await.settlement, Settlement::Dead { .. }));
    let dead = &host.broker.published()[0].message;
    let attempts: Vec<_> = dead.failures.iter().map(|failure| failure.attempt.number()).collect();
    assert_eq!(attempts, [1, 2, 3]);
    assert!(host.inbox.held.lock().expect("not poisoned").is_empty());
}

#[tokio::test(start_paused = true)]
async fn i5_a_message_that_went_back_remembers_its_failures_and_its_wait() {
    let handler = FakeHandler::answering(retry(None));
    let host = start(handler.clone(), by_user());
    BODIES.iter().for_each(|body| host.broker.push(event(body)));
    pause().await;
    let id = host.live.borrow().keys().next().expect("one").clone();
    host.dispatch.pause(&id);
    pause().await;
    assert_eq!(host.broker.waiting(), 4, "all went back, and none as a failure");
    let before = handler.handled().len();
    handler.answer(done(0));
    host.dispatch.resume(&id);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(host.journal.counts().done, 4);
    let again: Vec<_> = handler.handled().split_off(before);
    let of_one: Vec<_> = again.iter().filter(|body| body.contains(r#""user":1"#)).collect();
    assert_eq!(of_one, [BODIES[0], BODIES[1], BODIES[3]]);
}

#[tokio::test(start_paused = true)]
async fn i10_an_outcome_that_cannot_be_published_does_not_let_the_next_one_pass() {
    let handler = FakeHandler::answering(done(1));
    let host = start(handler.clone(), by_user());
    host.broker.fail_publishes(7);
    BODIES.iter().for_each(|body| host.broker.push(event(body)));
    tokio::time::sleep(Duration::from_secs(60)).await;
    let numbers: Vec<_> =
        host.broker.steps().into_iter().filter(|step| matches!(step, Step::Acknowledged(_))).collect();
    assert_eq!(numbers.len(), 4);
    let of_one: Vec<_> = handler.handled().into_iter().filter(|body| body.contains(r#""user":1"#)).collect();
    let mut firsts = of_one.clone();
    firsts.dedup();
    assert_eq!(firsts, [BODIES[0], BODIES[1], BODIES[3]]);
}
