//! What the statements do, without threads.

use std::num::NonZeroU16;
use std::time::Duration;

use super::*;
use crate::broker::Delay;
use crate::message::Message;
use crate::name::{PluginId, TaskName};

const NOW: u64 = 1_000_000;

fn with_store(test: impl FnOnce(Store)) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    test(Store::open(directory.path().join("broker.db"), None).expect("opens"));
}

fn task() -> TaskName {
    "pheidi.email.send".parse().expect("legal")
}

fn parcel(destination: Destination) -> Parcel {
    let message = Message::new(Subject::Task(task()), "{}");
    let (id, subject) = (message.id.clone(), message.subject.clone());
    Parcel { destination, id, subject, content: Content::encode(message).expect("encodes") }
}

fn later(millis: u64) -> Parcel {
    let wait = Delay::nearest(Duration::from_millis(millis));
    parcel(Destination::Delay { home: QueueName::task(&task()), wait })
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW + millis)
}

fn deposit(store: &Store, batch: &[Parcel]) -> Vec<QueueKey> {
    let deposited = store.deposit(batch, at(0)).expect("deposits");
    assert_eq!(deposited.published, Ok(Published::default()));
    deposited.reached
}

/// The ids of a queue's messages in their order.
fn ids(store: &Store, queue: QueueKey) -> Vec<MessageId> {
    let mut cursor = Position::START;
    let mut ids = Vec::new();
    while let Some((position, content)) = store.after(queue, cursor).expect("reads") {
        cursor = position;
        ids.push(content.decode().expect("decodes").id);
    }
    ids
}

#[test]
fn i4_what_is_due_comes_home_in_the_order_of_its_due_times() {
    with_store(|store| {
        let batch = [later(300), later(100), later(200), later(100)];
        assert!(deposit(&store, &batch).is_empty());
        assert_eq!(store.next_due().expect("reads"), Some(at(101)));
        assert_eq!(store.bring_home(at(100)).expect("moves"), None);

        let queue = store.bring_home(at(201)).expect("moves").expect("one is due");
        while store.bring_home(at(201)).expect("moves").is_some() {}
        let home = [1, 3, 2].map(|index: usize| batch[index].id.clone());
        assert_eq!(ids(&store, queue), home);
        assert_eq!(store.next_due().expect("reads"), Some(at(301)));
    });
}

#[test]
fn i1_a_missing_home_is_made_again() {
    with_store(|store| {
        deposit(&store, &[later(1)]);
        assert_eq!(store.stored(&QueueName::task(&task())).expect("reads"), None);
        let queue = store.bring_home(at(2)).expect("moves").expect("is due");
        assert_eq!(store.stored(&QueueName::task(&task())).expect("reads"), Some((queue, 1)));
    });
}

#[test]
fn i2_a_transaction_that_fails_leaves_nothing() {
    with_store(|store| {
        let failed = store.transaction(|store| {
            deposit(store, &[parcel(Destination::Task(task()))]);
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        });
        assert!(failed.is_err());
        assert_eq!(store.stored(&QueueName::task(&task())).expect("reads"), None);
        assert_eq!(store.newest().expect("reads"), Position::START);
    });
}

#[test]
fn positions_are_never_used_again() {
    with_store(|store| {
        let mut seen = Position::START;
        for _ in 0..3 {
            deposit(&store, &[parcel(Destination::Task(task()))]);
            let newest = store.newest().expect("reads");
            assert!(newest > seen);
            store.remove(newest).expect("removes");
            seen = newest;
        }
    });
}

#[test]
fn a_subscription_is_bound_once_however_often_it_is_declared() {
    with_store(|store| {
        let event: EventName = "user.authorized".parse().expect("legal");
        let plugin = PluginId::new("pheidi".parse().expect("legal"), "pheidi".parse().expect("legal"));
        let queue = QueueName::subscription(&plugin, &event);
        let source = Source::event(queue, event.clone(), NonZeroU16::MIN);
        let queue = store.declare(&source).expect("declares");
        assert_eq!(store.declare(&source).expect("declares"), queue);
        assert_eq!(deposit(&store, &[parcel(Destination::Event(event))]), [queue]);
    });
}

#[test]
fn i8_no_more_than_its_limit_waits_for_its_moment() {
    with_store(|store| {
        let fill = "INSERT INTO queue (name, stored) VALUES (?1, ?2)";
        store.connection.execute(fill, params![QueueName::later().as_str(), LATER_LIMIT as i64 - 2]).expect("written");
        let batch = [(); 3].map(|()| parcel(Destination::Later));
        let refused = store.deposit(&batch, at(0)).expect("deposits").published;
        assert_eq!(refused, Err(PublishError::Refused(vec![batch[2].id.clone()])));
        assert!(store.deposit(&batch[..2], at(0)).expect("deposits").published.is_ok());
        let refused = store.deposit(&batch[2..], at(0)).expect("deposits").published;
        assert_eq!(refused, Err(PublishError::Refused(vec![batch[2].id.clone()])));
    });
}
