use super::*;
use crate::ledger::Window;

fn start(handler: Arc<FakeHandler>) -> Host {
    Host::start_with(live("1", EVENT, handler), |policy| {
        policy.deduplication = Some(Window { time: Duration::from_secs(3600), count: 1000 });
    })
}

#[tokio::test(start_paused = true)]
async fn i7_a_message_that_was_handled_is_acknowledged_and_counted_as_a_duplicate() {
    let handler = FakeHandler::answering(done(1));
    let mut host = start(handler.clone());
    let message = event("{}");
    assert_eq!(host.deliver(message.clone()).await.settlement, Settlement::Done);
    assert_eq!(host.deliver(message.clone()).await.settlement, Settlement::Duplicate);
    assert_eq!((handler.handled().len(), host.broker.published().len()), (1, 1));
    assert_eq!(host.broker.steps().last(), Some(&Step::Acknowledged(message.id)));
    assert_eq!(host.journal.counts(), Counts { done: 1, duplicate: 1, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn two_copies_that_come_together_are_handled_once() {
    let handler = FakeHandler::answering(done(1));
    let mut host = start(handler.clone());
    let message = event("{}");
    (0..5).for_each(|_| host.broker.push(message.clone()));
    for _ in 0..5 {
        host.settled().await;
    }
    assert_eq!(handler.handled().len(), 1);
    assert_eq!(host.journal.counts().duplicate, 4);
}

#[tokio::test(start_paused = true)]
async fn i1_a_message_that_failed_is_no_duplicate_of_itself() {
    let handler = FakeHandler::answering(retry(None));
    let mut host = start(handler.clone());
    let message = event("{}");
    host.deliver(message.clone()).await;
    let again = host.broker.published().remove(0).message;
    handler.answer(done(0));
    assert_eq!(host.deliver(again).await.settlement, Settlement::Done);
    assert_eq!(host.deliver(message).await.settlement, Settlement::Duplicate);
}

#[tokio::test(start_paused = true)]
async fn i1_a_dead_letter_that_is_sent_again_is_no_duplicate() {
    let handler = FakeHandler::answering(Outcome::Reject { reason: "not yet".into() });
    let mut host = start(handler.clone());
    let message = event("{}");
    host.deliver(message.clone()).await;
    handler.answer(done(0));
    assert_eq!(host.deliver(message).await.settlement, Settlement::Done);
}

#[tokio::test(start_paused = true)]
async fn i1_what_could_not_be_published_is_no_duplicate() {
    let handler = FakeHandler::answering(done(1));
    let mut host = start(handler.clone());
    host.broker.fail_publishes(5);
    host.broker.push(event("{}"));
    assert!(matches!(host.settled().await.settlement, Settlement::Returned { .. }));
    assert_eq!(host.settled().await.settlement, Settlement::Done);
}
