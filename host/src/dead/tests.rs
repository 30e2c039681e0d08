//! What becomes of dead letters, with a broker in memory.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::fake::{FakeBroker, dead_event};
use super::*;
use crate::message::DEAD_PLUGIN;

const DEAD: &str = "leveret.dead.two";
const HOME: &str = "two.user.authorized";

fn apps(names: &[&str]) -> BTreeSet<AppName> {
    names.iter().map(|name| name.parse().expect("legal")).collect()
}

fn order(order: serde_json::Value) -> Order {
    serde_json::from_value(order).expect("legal")
}

/// A broker with these letters of the app `two`, each for its main plugin.
fn broker(ids: &[&str]) -> Arc<FakeBroker> {
    let broker = FakeBroker::new(&[DEAD, HOME]);
    ids.iter().for_each(|id| broker.put(dead_event("two", "two", id)));
    broker
}

/// Carries an order out, and gives what was told of letters.
async fn settle(broker: &Arc<FakeBroker>, order: Order, fate: Fate) -> (Result<Tally, DeadError>, Vec<Progress>) {
    let (sender, mut told) = mpsc::channel(1000);
    let settled = DeadLetters::new(broker.clone()).settle(&apps(&["two"]), &order, fate, &sender).await;
    drop(sender);
    let mut letters = Vec::new();
    while let Some(progress) = told.recv().await {
        if !matches!(progress, Progress::Walked { .. } | Progress::Begun { .. }) {
            letters.push(progress);
        }
    }
    (settled, letters)
}

async fn retry(broker: &Arc<FakeBroker>, value: serde_json::Value) -> Result<Tally, DeadError> {
    settle(broker, order(value), Fate::Retry).await.0
}

#[tokio::test]
async fn letters_are_listed_and_stay() {
    let broker = broker(&["m-1", "m-2", "m-3"]);
    let letters = DeadLetters::new(broker.clone());
    for (filter, limit, expected) in [
        (json!({}), 100, &["m-1", "m-2", "m-3"][..]),
        (json!({}), 2, &["m-1", "m-2"]),
        (json!({ "id": "m-2" }), 100, &["m-2"]),
        (json!({ "reason": "away" }), 100, &[]),
        (json!({ "app": "one" }), 100, &[]),
    ] {
        let filter: Filter = serde_json::from_value(filter).expect("legal");
        let (sender, mut taker) = mpsc::channel(100);
        letters.list(&apps(&["one", "two"]), &filter, limit, &sender).await.expect("listed");
        drop(sender);
        let mut ids = Vec::new();
        while let Some(letter) = taker.recv().await {
            ids.push(letter.message.id.to_string());
        }
        assert_eq!(ids, expected, "{filter:?}");
        assert_eq!(broker.ids(DEAD), ["m-1", "m-2", "m-3"]);
    }
}

#[tokio::test]
async fn i1_a_retried_letter_is_at_home_and_no_dead_letter_any_more() {
    let broker = broker(&["m-1", "m-2"]);
    let tally = retry(&broker, json!({ "all": true })).await.expect("retried");
    assert_eq!(tally, Tally { done: 2, skipped: 0, walked: 2 });
    assert_eq!((broker.ids(DEAD).len(), broker.ids(HOME)), (0, vec!["m-1".to_owned(), "m-2".to_owned()]));
    let message = &broker.messages(HOME)[0];
    assert_eq!((message.attempt.number(), message.failures.len()), (1, 1));
    assert!(!message.headers.contains_key(DEAD_PLUGIN));
}

#[tokio::test]
async fn i1_a_letter_whose_publish_is_not_confirmed_stays() {
    let broker = broker(&["m-1", "m-2"]);
    broker.unreachable.store(1, Ordering::Relaxed);
    assert!(matches!(retry(&broker, json!({ "all": true })).await, Err(DeadError::Broker(_))));
    assert_eq!((broker.ids(DEAD), broker.ids(HOME).len()), (vec!["m-1".to_owned(), "m-2".to_owned()], 0));
}

#[tokio::test(start_paused = true)]
async fn i1_a_letter_that_cannot_be_taken_out_is_said_to_be_there_twice() {
    let broker = broker(&["m-1", "m-2"]);
    broker.go_deaf(1);
    let (tally, told) = settle(&broker, order(json!({ "all": true })), Fate::Retry).await;
    assert_eq!(tally.expect("retried"), Tally { done: 1, skipped: 1, walked: 2 });
    assert!(matches!(&told[0], Progress::Skipped { why, .. } if why.contains("in its queue again")), "{told:?}");
    assert_eq!((broker.ids(DEAD), broker.ids(HOME).len()), (vec!["m-1".to_owned()], 2));
}

#[tokio::test]
async fn i1_one_that_the_broker_refuses_does_not_hold_up_the_others() {
    let broker = broker(&["m-1", "m-2"]);
    broker.refused_batches.store(1, Ordering::Relaxed);
    assert_eq!(retry(&broker, json!({ "all": true })).await.expect("retried").done, 2);
    assert_eq!(broker.ids(HOME), ["m-1", "m-2"]);
}

#[tokio::test]
async fn i3_a_letter_without_a_home_of_its_own_stays_and_is_told_why() {
    let broker = broker(&["m-1"]);
    for (plugin, id) in [("two/gone", "m-2"), ("one", "m-3"), ("../x", "m-4")] {
        broker.put(dead_event("two", plugin, id));
    }
    let (tally, told) = settle(&broker, order(json!({ "all": true })), Fate::Retry).await;
    assert_eq!(tally.expect("retried"), Tally { done: 1, skipped: 3, walked: 4 });
    let why: Vec<_> = told
        .iter()
        .filter_map(|told| match told {
            Progress::Skipped { why, .. } => Some(why.as_str()),
            _ => None,
        })
        .collect();
    let expected = ["no queue two.gone.user.authorized", "claims to be of one", "does not say which plugin"];
    assert!(why.iter().zip(expected).all(|(why, expected)| why.contains(expected)), "{why:?}");
    assert_eq!(broker.ids(DEAD), ["m-2", "m-3", "m-4"]);
}

#[tokio::test]
async fn only_what_is_meant_is_settled() {
    let ids = ["a-1", "a-2", "b-1", "b-2"];
    for (what, left) in [
        (json!({ "filter": { "id": "b-1" } }), &["a-1", "a-2", "b-2"][..]),
        (json!({ "filter": { "app": "two" }, "limit": 3 }), &["b-2"]),
        (json!({ "filter": { "app": "two" }, "limit": 0 }), &ids),
        (json!({ "filter": { "reason": "away" } }), &ids),
        (json!({ "all": true, "dry-run": true }), &ids),
    ] {
        for fate in [Fate::Retry, Fate::Discard] {
            let broker = broker(&ids);
            let settled = settle(&broker, order(what.clone()), fate).await.0;
            assert_eq!((settled.is_ok(), broker.ids(DEAD)), (true, left.iter().map(|id| (*id).to_owned()).collect()));
        }
    }
}

#[tokio::test]
async fn an_id_may_be_short_as_long_as_it_is_one() {
    let broker = broker(&["a-1", "a-10", "b-1"]);
    let retry = async |id: &str| retry(&broker, json!({ "filter": { "id": id } })).await;
    assert!(matches!(retry("a").await, Err(DeadError::Ambiguous { ids, .. }) if ids == ["a-1", "a-10"]));
    assert!(matches!(retry("c").await, Err(DeadError::Unknown(_))));
    assert_eq!(retry("a-1").await.expect("the exact id wins").done, 1);
    assert_eq!(retry("b").await.expect("the only one").done, 1);
    assert_eq!(broker.ids(DEAD), ["a-10"]);
}

#[tokio::test]
async fn every_letter_of_an_id_is_shown() {
    let broker = broker(&["a-1", "b-1"]);
    broker.put(dead_event("two", "two/more", "a-1"));
    let letters = DeadLetters::new(broker.clone());
    let show = async |filter| {
        let filter: Filter = serde_json::from_value(filter).expect("legal");
        let shown = letters.show(&apps(&["two"]), &filter).await.expect("shown");
        shown.iter().map(|letter| letter.plugin.as_ref().expect("legal").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(show(json!({ "id": "a" })).await, ["two", "two/more"]);
    assert_eq!(show(json!({ "id": "a-1", "plugin": "two/more" })).await, ["two/more"]);
    assert_eq!(broker.ids(DEAD).len(), 3);
}

#[tokio::test]
async fn a_new_body_is_for_one_letter() {
    let broker = broker(&["m-1", "m-2"]);
    broker.put(dead_event("two", "two/more", "m-1"));
    let edit = async |filter| retry(&broker, json!({ "filter": filter, "body": { "fixed": true } })).await;
    assert!(matches!(edit(json!({ "app": "two" })).await, Err(DeadError::Edit)));
    assert!(matches!(edit(json!({ "id": "m-1" })).await, Err(DeadError::Several(2))));
    assert_eq!(edit(json!({ "id": "m-1", "plugin": "two" })).await.expect("edited").done, 1);
    assert_eq!(broker.messages(HOME)[0].body, r#"{"fixed":true}"#);
    assert_eq!(broker.ids(DEAD).len(), 2);
}

#[tokio::test]
async fn everything_is_only_meant_where_that_is_said() {
    let broker = broker(&["m-1"]);
    for fate in [Fate::Retry, Fate::Discard] {
        assert!(matches!(settle(&broker, Order::default(), fate).await.0, Err(DeadError::All)));
    }
    assert_eq!(broker.ids(DEAD), ["m-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_spreads_letters_evenly() {
    let ids: Vec<_> = (0..100).map(|number| format!("m-{number}")).collect();
    let broker = broker(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let began = tokio::time::Instant::now();
    let tally = retry(&broker, json!({ "all": true, "rate": "50/s" })).await.expect("retried");
    assert_eq!(tally.done, 100);
    // The first five go at once, and each five after them 100 ms later.
    assert_eq!(began.elapsed().as_millis(), 1900);
}

#[tokio::test]
async fn a_letter_that_dies_again_meanwhile_is_not_retried_again() {
    // The home of these letters is where they die: retrying puts them behind the ones ahead.
    let broker = FakeBroker::new(&[DEAD]);
    for number in 0..100 {
        let mut letter = dead_event("two", "two", &format!("m-{number}"));
        letter.message.subject = crate::message::Subject::Task("two.email.send".parse().expect("legal"));
        broker.put(letter);
    }
    let mut walk =
        Walk::begin(&(broker.clone() as Arc<dyn Broker>), &"two".parse().expect("legal")).await.expect("begun");
    let mut walked = 0;
    while walk.next().await.expect("walked").is_some() {
        broker.put(dead_event("two", "two", &format!("again-{walked}")));
        walked += 1;
    }
    walk.end().await;
    assert_eq!((walked, broker.ids(DEAD).len()), (100, 200));
}

#[tokio::test]
async fn the_work_ends_where_nobody_waits_for_it_and_leaves_nothing_half_done() {
    let ids: Vec<_> = (0..500).map(|number| format!("m-{number}")).collect();
    let broker = broker(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let (sender, mut told) = mpsc::channel(1);
    let letters = DeadLetters::new(broker.clone());
    let (apps, order) = (apps(&["two"]), order(json!({ "all": true })));
    let leave = async move { while !matches!(told.recv().await, Some(Progress::Done(_))) {} };
    let (settled, ()) = tokio::join!(letters.settle(&apps, &order, Fate::Retry, &sender), leave);
    assert!(matches!(settled, Err(DeadError::Gone)));
    let (dead, home) = (broker.ids(DEAD).len(), broker.ids(HOME).len());
    assert!(home > 0 && home < 500, "{home}");
    assert_eq!(dead + home, 500, "none is lost, and none is there twice");
}
