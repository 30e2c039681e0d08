use std::num::NonZeroU32;

use super::*;
use crate::rate::Rate;

#[tokio::test(start_paused = true)]
async fn deliveries_keep_to_the_rate() {
    let number = |number| NonZeroU32::new(number).expect("not 0");
    let rate = Rate::try_new(number(10), Duration::from_secs(1), number(1)).expect("legal");
    let handler = FakeHandler::answering(done(0));
    let host = Host::start_with(live("1", EVENT, handler.clone()), |policy| policy.rate = Some(rate));
    (0..100).for_each(|_| host.broker.push(event("{}")));
    tokio::time::sleep(Duration::from_millis(2050)).await;
    let handled = handler.handled().len();
    assert!((20..=22).contains(&handled), "{handled}");
    let status = host.dispatch.subscriptions().remove(0);
    assert_eq!(status.rate_limited, 8, "those that are out of the broker and wait: no more than the prefetch");
    assert!(host.broker.waiting() >= 70);
}

#[tokio::test(start_paused = true)]
async fn i8_no_more_deliveries_run_at_a_time_than_allowed() {
    let handler = FakeHandler::gated(done(0), 0);
    let host = Host::start_with(live("1", EVENT, handler.clone()), |policy| {
        policy.concurrency = NonZeroU16::new(3).expect("not 0");
    });
    (0..100).for_each(|_| host.broker.push(event("{}")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((handler.handled().len(), host.broker.waiting()), (3, 92));
    assert_eq!(host.dispatch.subscriptions()[0].in_flight, 3);
}
