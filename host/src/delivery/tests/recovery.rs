use super::*;
use crate::message::DEAD_RECOVERY;

fn task() -> Draft {
    let subject = Subject::Task("pheidi.email.apologize".parse().expect("legal"));
    Draft { subject, payload: "{}".into(), key: None, headers: Headers::new(), deferral: None }
}

fn reject() -> Outcome {
    Outcome::Reject { reason: "no such user".into() }
}

#[tokio::test(start_paused = true)]
async fn recovery_runs_once_before_a_message_dies_and_what_it_emits_exists_first() {
    let handler = FakeHandler::recovering(reject(), Ok(vec![task()]));
    let mut host = Host::start(live("1", EVENT, handler.clone()));
    let message = event("{}");
    let record = host.deliver(message.clone()).await;
    assert!(matches!(record.settlement, Settlement::Dead { .. }));
    assert_eq!(record.emitted.len(), 1);
    assert_eq!(*handler.recoveries.lock().expect("not poisoned"), [1]);
    let steps = host.broker.steps();
    assert!(matches!(&steps[..], [Step::Published(_), Step::Published(_), Step::Acknowledged(_)]), "{steps:?}");
    let published = host.broker.published();
    assert_eq!(published[0].message.tid, message.tid);
    assert!(matches!(published[0].destination, Destination::Task(_)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_will_be_tried_again_is_not_recovered() {
    let handler = FakeHandler::recovering(retry(None), Ok(vec![task()]));
    let mut host = Host::start(live("1", EVENT, handler.clone()));
    host.deliver(event("{}")).await;
    assert!(handler.recoveries.lock().expect("not poisoned").is_empty());
    host.deliver(Message { attempt: attempt(3), ..event("{}") }).await;
    assert_eq!(handler.recoveries.lock().expect("not poisoned").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_that_fails_is_recorded_and_harmless() {
    let handler = FakeHandler::recovering(reject(), Err("it trapped".into()));
    let mut host = Host::start(live("1", EVENT, handler));
    let record = host.deliver(event("{}")).await;
    assert!(matches!(record.settlement, Settlement::Dead { reason } if reason == "no such user"));
    let letter = &host.broker.published()[0].message;
    assert_eq!(letter.headers[DEAD_RECOVERY].as_text(), Some("it trapped"));
}

#[tokio::test(start_paused = true)]
async fn i2_what_recovery_emits_has_other_ids_than_what_the_handler_would() {
    let handler = FakeHandler::recovering(reject(), Ok(vec![task()]));
    let mut host = Host::start(live("1", EVENT, handler.clone()));
    let message = event("{}");
    host.deliver(message.clone()).await;
    let recovered = host.broker.published()[0].message.id.clone();
    handler.answer(done(1));
    host.deliver(message).await;
    assert_ne!(host.broker.published().last().expect("one").message.id, recovered);
}
