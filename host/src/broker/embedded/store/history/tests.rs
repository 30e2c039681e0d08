//! Retention, reading in pieces, and what a refused batch leaves.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::broker::embedded::store::Parcel;
use crate::broker::{Destination, PublishError};
use crate::message::Message;
use crate::name::{EventName, QueueName, TaskName};

const NOW: u64 = 1_000_000;
const AGE: u64 = 1000;

fn with_store(size: u64, test: impl FnOnce(Store)) {
    let retention = Retention { age: Duration::from_millis(AGE), size };
    let directory = tempfile::tempdir().expect("a temporary directory");
    test(Store::open(directory.path().join("broker.db"), Some(retention)).expect("opens"));
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW + millis)
}

fn parcel(destination: Destination, body: impl Into<Bytes>) -> Parcel {
    let event: EventName = "user.authorized".parse().expect("legal");
    let message = Message::new(Subject::Event(event), body);
    let (id, subject) = (message.id.clone(), message.subject.clone());
    Parcel { destination, id, subject, content: Content::encode(message).expect("encodes") }
}

/// Publishes events with bodies of a length at a moment.
fn publish(store: &Store, number: usize, length: usize, time: Timestamp) {
    let event: EventName = "user.authorized".parse().expect("legal");
    let batch: Vec<_> = (0..number).map(|_| parcel(Destination::Event(event.clone()), vec![b'0'; length])).collect();
    let deposited = store.transaction(|store| store.deposit(&batch, time)).expect("deposits");
    assert!(deposited.published.is_ok_and(|published| published.kept) && deposited.recorded);
}

/// The places of all that is kept.
fn places(store: &Store) -> Vec<u64> {
    pieces(store).concat()
}

/// The same, by the pieces in which they are read.
fn pieces(store: &Store) -> Vec<Vec<u64>> {
    let (mut pieces, mut place) = (Vec::new(), Offset::FIRST);
    loop {
        let (kept, reached) = store.kept_from(place).expect("reads");
        if kept.is_empty() {
            assert_eq!(reached, store.history_end().expect("reads"));
            return pieces;
        }
        pieces.push(kept.iter().map(|kept| kept.offset.0).collect());
        place = reached;
    }
}

fn trim(store: &Store, now: Timestamp) {
    while store.transaction(|store| store.trim(now)).expect("trims") {}
}

/// The sum that is kept beside the rows, and what it should be.
fn sizes(store: &Store) -> (u64, u64) {
    let sum = "SELECT ifnull(sum(size), 0) FROM history";
    let sum = store.connection.query_row(sum, [], |row| row.get::<_, i64>(0)).expect("reads");
    (store.history_size().expect("reads"), sum.unsigned_abs())
}

#[test]
fn what_is_too_old_is_forgotten_and_its_places_are_not_used_again() {
    with_store(u64::MAX, |store| {
        publish(&store, 3, 10, at(0));
        publish(&store, 2, 10, at(500));
        trim(&store, at(AGE));
        assert_eq!(places(&store), [1, 2, 3, 4, 5], "none is older than it may be");
        trim(&store, at(AGE + 1));
        assert_eq!(places(&store), [4, 5]);
        trim(&store, at(10 * AGE));
        assert!(places(&store).is_empty());
        assert_eq!(sizes(&store), (0, 0));
        assert_eq!(store.history_end().expect("reads"), Offset(6));
        publish(&store, 1, 10, at(10 * AGE));
        assert_eq!(places(&store), [6]);
    });
}

#[test]
fn what_is_too_much_is_forgotten_the_oldest_first() {
    with_store(100_000, |store| {
        publish(&store, 3000, 1000, at(0));
        let (size, sum) = sizes(&store);
        assert!(size == sum && size > 3_000_000, "{size} {sum}");
        assert!(store.trim(at(0)).expect("trims"), "it takes more than one piece");
        trim(&store, at(0));
        let (size, sum) = sizes(&store);
        assert!(size == sum && size <= 100_000 && size > 95_000, "{size} {sum}");
        let left = places(&store);
        assert_eq!(*left, ((3001 - left.len() as u64)..=3000).collect::<Vec<_>>());
    });
}

#[test]
fn large_events_are_forgotten_in_smaller_pieces() {
    with_store(0, |store| {
        publish(&store, 10, 1 << 20, at(0));
        let mut left = vec![10];
        while store.trim(at(0)).expect("trims") {
            left.push(places(&store).len());
        }
        left.push(places(&store).len());
        assert_eq!(left, [10, 6, 2, 0]);
    });
}

#[test]
fn i8_the_past_is_read_in_pieces_by_number_and_by_size() {
    with_store(u64::MAX, |store| {
        publish(&store, 600, 10, at(0));
        publish(&store, 3, 400 * 1024, at(0));
        publish(&store, 2, 5 << 20, at(0));
        let pieces: Vec<_> = pieces(&store).iter().map(Vec::len).collect();
        assert_eq!(pieces, [512, 88 + 2, 1, 1, 1]);
    });
}

#[test]
fn a_moment_is_found_though_the_clock_was_set_back() {
    with_store(u64::MAX, |store| {
        let place = |time| store.place(From::Time(time)).expect("reads");
        assert_eq!(place(at(0)), Offset(1), "the first that comes");
        for time in [0, 200, 100, 300] {
            publish(&store, 1, 10, at(time));
        }
        assert_eq!(place(at(0)), Offset(1));
        assert_eq!(place(at(1)), Offset(2));
        assert_eq!(place(at(200)), Offset(2));
        assert_eq!(place(at(201)), Offset(4));
        assert_eq!(place(at(301)), Offset(5));
        assert_eq!(store.place(From::First).expect("reads"), Offset::FIRST);
        assert_eq!(store.place(From::Offset(Offset(3))).expect("reads"), Offset(3));
    });
}

#[test]
fn i2_nothing_of_a_refused_batch_is_in_the_history() {
    with_store(u64::MAX, |store| {
        let event: EventName = "user.authorized".parse().expect("legal");
        let missing: TaskName = "pheidi.email.send".parse().expect("legal");
        let batch = [
            parcel(Destination::Event(event), "{}"),
            parcel(Destination::History, "{}"),
            parcel(Destination::Queue(QueueName::task(&missing)), "{}"),
        ];
        let deposited = store.transaction(|store| store.deposit(&batch, at(0))).expect("deposits");
        assert_eq!(deposited.published, Err(PublishError::Returned(vec![batch[2].id.clone()])));
        assert!(!deposited.recorded);
        assert!(places(&store).is_empty());
        assert_eq!(store.history_end().expect("reads"), Offset(1));
    });
}

#[test]
fn i2_a_transaction_that_fails_leaves_nothing_in_the_history() {
    with_store(u64::MAX, |store| {
        let failed = store.transaction(|store| {
            store.deposit(&[parcel(Destination::History, "{}")], at(0))?;
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        });
        assert!(failed.is_err());
        assert!(places(&store).is_empty());
        assert_eq!(sizes(&store), (0, 0));
    });
}

#[test]
fn a_task_is_not_for_the_history() {
    with_store(u64::MAX, |store| {
        let task: TaskName = "pheidi.email.send".parse().expect("legal");
        let task = Parcel { subject: Subject::Task(task), ..parcel(Destination::History, "{}") };
        let deposited = store.deposit(std::slice::from_ref(&task), at(0)).expect("deposits");
        assert_eq!(deposited.published, Err(PublishError::Refused(vec![task.id])));
    });
}
