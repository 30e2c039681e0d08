//! What every inbox promises, each promise written once and shown for the file, for memory and for Redis.

mod file;
mod redis;

use std::time::Duration;

use leveret::ledger::{Held, Inbox, MemoryInbox, Window};
use leveret::message::{Attempt, FailedAttempt, MessageId, Receipt, Timestamp};
use leveret::name::{PluginId, QueueName};

/// An inbox under test, with storage of its own.
trait Bench {
    /// Whether it forgets by the window's count.
    const COUNTS: bool = true;

    /// A bench whose storage is empty.
    async fn new() -> Self;

    fn inbox(&self) -> &dyn Inbox;
}

/// Every case as a test of one bench.
macro_rules! inbox_for {
    ($bench:ty) => {
        inbox_for!($bench:
            i7_what_was_handled_is_known,
            what_was_handled_is_known_by_plugin,
            i8_what_was_handled_is_known_within_its_window,
            what_is_held_comes_back_as_it_was,
            what_is_released_is_forgotten,
            what_is_handled_is_no_longer_held_in_its_queue,
            ids_of_other_services_are_told_apart,
            i7_50_callers_at_once_are_all_remembered,
        );
    };
    ($bench:ty: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::ledger::$case(<$bench as crate::ledger::Bench>::new().await).await;
            }
        )+
    };
}
use inbox_for;

const WINDOW: Window = Window { time: Duration::from_secs(3600), count: 1000 };

mod memory {
    use super::*;

    struct Memory(MemoryInbox);

    impl Bench for Memory {
        async fn new() -> Self {
            Self(MemoryInbox::default())
        }

        fn inbox(&self) -> &dyn Inbox {
            &self.0
        }
    }

    inbox_for!(Memory);
}

fn plugin(name: &str) -> PluginId {
    PluginId::new("pheidi".parse().expect("legal"), name.parse().expect("legal"))
}

fn queue(task: &str) -> QueueName {
    QueueName::task(&task.parse().expect("legal"))
}

fn send() -> QueueName {
    queue("pheidi.email.send")
}

fn held(due: u64) -> Held {
    let failure = FailedAttempt {
        attempt: Attempt::FIRST,
        time: Timestamp::from_millis(due - 1),
        version: "1.0.0 (0123abcd)".into(),
        reason: "no \"answer\" \u{1F407}\n".into(),
        receipt: Receipt { time: Duration::from_micros(1500), peak_memory: u64::MAX, ..Receipt::default() },
    };
    Held { attempt: Attempt::FIRST.next(), due: Timestamp::from_millis(due), failures: vec![failure] }
}

async fn i7_what_was_handled_is_known(bench: impl Bench) {
    let (inbox, id) = (bench.inbox(), MessageId::fresh());
    assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(false));
    // More than once, as after a delivery that was repeated.
    for _ in 0..3 {
        inbox.handled(&plugin("pheidi"), &send(), &id, WINDOW).await.expect("recorded");
        assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(true));
    }
    assert_eq!(inbox.has_handled(&plugin("pheidi"), &MessageId::fresh(), WINDOW).await, Ok(false));
}

async fn what_was_handled_is_known_by_plugin(bench: impl Bench) {
    let (inbox, id) = (bench.inbox(), MessageId::fresh());
    inbox.handled(&plugin("receipts"), &send(), &id, WINDOW).await.expect("recorded");
    assert_eq!(inbox.has_handled(&plugin("receipts"), &id, WINDOW).await, Ok(true));
    assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(false));
}

async fn i8_what_was_handled_is_known_within_its_window<B: Bench>(bench: B) {
    let inbox = bench.inbox();
    let ids: Vec<_> = (0..6).map(|_| MessageId::fresh()).collect();
    let few = Window { count: 3, ..WINDOW };
    for id in &ids {
        inbox.handled(&plugin("pheidi"), &send(), id, few).await.expect("recorded");
    }
    let mut known = Vec::new();
    for id in &ids {
        known.push(inbox.has_handled(&plugin("pheidi"), id, few).await.expect("answers"));
    }
    let expected = if B::COUNTS { [false, false, false, true, true, true] } else { [true; 6] };
    assert_eq!(known, expected);

    let brief = Window { time: Duration::from_millis(1), ..WINDOW };
    inbox.handled(&plugin("pheidi"), &send(), &ids[0], brief).await.expect("recorded");
    leveret_tests::wait::until("the end of the window", async || {
        let known = inbox.has_handled(&plugin("pheidi"), &ids[0], brief).await.expect("answers");
        (!known).then_some(())
    })
    .await;
}

async fn what_is_held_comes_back_as_it_was(bench: impl Bench) {
    let (inbox, id) = (bench.inbox(), MessageId::fresh());
    assert_eq!(inbox.held(&send(), &id).await, Ok(None));
    for due in [1_700_000_000_000, 1_800_000_000_000] {
        inbox.hold(&send(), &id, Some(held(due))).await.expect("recorded");
        assert_eq!(inbox.held(&send(), &id).await, Ok(Some(held(due))));
    }
    assert_eq!(inbox.held(&queue("pheidi.sms.send"), &id).await, Ok(None));
    assert_eq!(inbox.held(&send(), &MessageId::fresh()).await, Ok(None));
}

async fn what_is_released_is_forgotten(bench: impl Bench) {
    let (inbox, id) = (bench.inbox(), MessageId::fresh());
    inbox.hold(&send(), &id, Some(held(1000))).await.expect("recorded");
    for _ in 0..2 {
        inbox.hold(&send(), &id, None).await.expect("forgotten");
        assert_eq!(inbox.held(&send(), &id).await, Ok(None));
    }
}

async fn what_is_handled_is_no_longer_held_in_its_queue(bench: impl Bench) {
    let (inbox, id) = (bench.inbox(), MessageId::fresh());
    // The same event may be held by another plugin of the application, which has not handled it.
    let other = queue("pheidi.receipts.send");
    inbox.hold(&send(), &id, Some(held(1000))).await.expect("recorded");
    inbox.hold(&other, &id, Some(held(2000))).await.expect("recorded");
    inbox.handled(&plugin("pheidi"), &send(), &id, WINDOW).await.expect("recorded");
    assert_eq!(inbox.held(&send(), &id).await, Ok(None));
    assert_eq!(inbox.held(&other, &id).await, Ok(Some(held(2000))));
}

async fn ids_of_other_services_are_told_apart(bench: impl Bench) {
    let inbox = bench.inbox();
    let long = "x".repeat(255);
    let texts = ["a", "A", "a:b", "a b", "a'--", "a%", "*", "\0", "\u{1F407}", "a\r\nDEL a", long.as_str()];
    for text in texts {
        let id = MessageId::from_wire(text).expect("not too long");
        assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(false), "{text:?}");
        inbox.handled(&plugin("pheidi"), &send(), &id, WINDOW).await.expect("recorded");
        assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(true), "{text:?}");
    }
}

async fn i7_50_callers_at_once_are_all_remembered(bench: impl Bench) {
    let inbox = bench.inbox();
    let ids: Vec<_> = (0..50).map(|_| MessageId::fresh()).collect();
    let callers = ids.iter().map(async |id| {
        inbox.handled(&plugin("pheidi"), &send(), id, WINDOW).await?;
        inbox.has_handled(&plugin("pheidi"), id, WINDOW).await
    });
    let known = futures_util::future::join_all(callers).await;
    assert_eq!(known, vec![Ok(true); 50]);
}
