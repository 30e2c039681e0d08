//! What the history keeps, and how it is walked through.

use futures_util::FutureExt;
use leveret::broker::{BrokerError, Delay, Destination, From, Passage, Past, Published, Recorded};
use leveret::message::Timestamp;

use super::publish::{assert_same, message_with_everything};
use super::*;

pub async fn events_are_kept_whole_and_in_order_though_nobody_subscribes(bench: impl Bench) {
    let broker = bench.connect().await;
    let (paid, everything) = (event("org.payment.processed"), event("user.authorized"));
    let message = Message { subject: Subject::Event(everything.clone()), ..message_with_everything() };
    let whole = Outgoing { destination: Destination::Event(everything.clone()), message: message.clone() };
    let published = publish_unheard(&broker, vec![announce(&paid), whole, announce(&paid)]).await;

    let recorded = walk(&mut past(&broker, From::First).await, 3).await;
    assert_eq!(ids_of(&recorded), published);
    assert!(recorded.windows(2).all(|two| two[0].offset < two[1].offset), "{recorded:?}");
    let exchanges: Vec<_> = recorded.iter().map(|it| (it.exchange.as_str(), it.routing_key.as_str())).collect();
    assert_eq!(exchanges, [(paid.as_str(), ""), (everything.as_str(), ""), (paid.as_str(), "")]);
    assert!(recorded.iter().all(Recorded::is_event));
    assert_same(&recorded[1].message, &message);
}

pub async fn an_event_that_is_heard_is_kept_once(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut main = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let mut second = listen(&broker, subscribing("receipts", &paid, 10)).await;
    let published = publish(&broker, (0..5).map(|_| announce(&paid)).collect()).await;
    for listener in [&mut main, &mut second] {
        assert_eq!(ids(&take(listener, 5).await), published);
    }
    let mut past = past(&broker, From::First).await;
    let recorded = walk(&mut past, 5).await;
    assert_eq!(ids_of(&recorded), published);
    no_more_is_there(&mut past).await;
}

pub async fn only_events_are_kept(bench: impl Bench) {
    let broker = bench.connect().await;
    let (send, paid) = (task("pheidi.email.send"), event("org.payment.processed"));
    let subscription = subscription("pheidi", &paid);
    drop(listen(&broker, subscribing("pheidi", &paid, 1)).await);
    let elsewhere = [
        Destination::Queue(subscription.clone()),
        Destination::Delay { home: subscription, wait: Delay::LONGEST },
        Destination::Dead(app()),
        Destination::Later,
    ];
    let mut batch = vec![order(&send)];
    batch.extend(elsewhere.map(|destination| Outgoing { destination, ..announce(&paid) }));
    publish(&broker, batch).await;
    let kept = publish(&broker, vec![announce(&paid)]).await;

    let mut past = past(&broker, From::First).await;
    assert_eq!(ids_of(&walk(&mut past, 1).await), kept);
    no_more_is_there(&mut past).await;
}

pub async fn what_is_written_into_the_history_reaches_no_subscriber(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut listener = listen(&broker, subscribing("pheidi", &paid, 10)).await;
    let imported = Outgoing { destination: Destination::History, ..announce(&paid) };
    let imported = publish(&broker, vec![imported]).await;
    let live = publish(&broker, vec![announce(&paid)]).await;
    assert_eq!(ids(&take(&mut listener, 1).await), live);
    nothing_comes(&mut listener).await;

    let recorded = walk(&mut past(&broker, From::First).await, 2).await;
    assert_eq!(ids_of(&recorded), [imported, live].concat());
    assert_eq!(recorded[0].message.subject, Subject::Event(paid));
}

pub async fn a_walk_begins_where_it_is_told_to(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut published = publish_unheard(&broker, (0..3).map(|_| announce(&paid)).collect()).await;
    let before = Timestamp::now();
    published.extend(publish_unheard(&broker, (0..3).map(|_| announce(&paid)).collect()).await);

    let recorded = walk(&mut past(&broker, From::First).await, 6).await;
    assert_eq!(ids_of(&recorded), published);
    for (index, it) in recorded.iter().enumerate() {
        let from = walk(&mut past(&broker, From::Offset(it.offset)).await, 6 - index).await;
        assert_eq!(from, recorded[index..]);
    }
    let behind = walk(&mut past(&broker, From::Offset(recorded[3].offset.next())).await, 2).await;
    assert_eq!(behind, recorded[4..]);
    let long_ago = walk(&mut past(&broker, From::Time(Timestamp::from_millis(0))).await, 6).await;
    assert_eq!(long_ago, recorded);

    // Some that came before that moment may come too, but none is left out behind the first.
    let since = to_the_end(&broker, From::Time(before)).await;
    assert!(since.len() >= 3 && recorded.ends_with(&since), "{since:?}");
}

pub async fn the_end_is_between_what_was_and_what_comes(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let empty = soon("the end", broker.history_end()).await.expect("a history");
    publish_unheard(&broker, (0..3).map(|_| announce(&paid)).collect()).await;
    let before = walk(&mut past(&broker, From::First).await, 3).await;
    let end = soon("the end", broker.history_end()).await.expect("a history");
    let mut ahead = past(&broker, From::Offset(end)).await;
    let published = publish_unheard(&broker, (0..3).map(|_| announce(&paid)).collect()).await;

    assert!(before.iter().all(|it| empty <= it.offset && it.offset < end), "{empty} {before:?} {end}");
    let after = walk(&mut ahead, 3).await;
    assert_eq!(ids_of(&after), published);
    assert!(after.iter().all(|it| it.offset >= end), "{end} {after:?}");
    let both = walk(&mut past(&broker, From::Offset(empty)).await, 6).await;
    assert_eq!(both, [before, after].concat());
}

pub async fn a_walk_waits_for_what_comes(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut past = past(&broker, From::First).await;
    for _ in 0..3 {
        no_more_is_there(&mut past).await;
        let waits = tokio::spawn(async move {
            let recorded = walk(&mut past, 1).await;
            (past, recorded)
        });
        let published = publish_unheard(&broker, vec![announce(&paid)]).await;
        let recorded;
        (past, recorded) = waits.await.expect("ended");
        assert_eq!(ids_of(&recorded), published);
    }
}

pub async fn a_wait_given_up_loses_nothing(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut past = past(&broker, From::First).await;
    let (mut published, mut recorded) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        published.extend(publish_unheard(&broker, vec![announce(&paid)]).await);
        // Polled once, and given up if it is not there yet.
        if let Ok(passage) = tokio::time::timeout(Duration::ZERO, past.next()).await {
            recorded.extend(passage.expect("reads").events);
        }
    }
    let left = published.len() - recorded.len();
    recorded.extend(walk(&mut past, left).await);
    assert_eq!(ids_of(&recorded), published);
}

pub async fn a_long_walk_given_up_again_and_again_goes_on(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut published = Vec::new();
    for _ in 0..4 {
        published.extend(publish_unheard(&broker, (0..1000).map(|_| announce(&paid)).collect()).await);
    }
    let mut past = past(&broker, From::First).await;
    let mut recorded = Vec::new();
    let all = async {
        while recorded.len() < published.len() {
            // Polled once, and given up wherever it is.
            match past.next().now_or_never() {
                Some(passage) => recorded.extend(passage.expect("reads").events),
                None => tokio::time::sleep(Duration::from_micros(200)).await,
            }
        }
    };
    soon("all of it", all).await;
    assert_eq!(ids_of(&recorded), published);
}

pub async fn i8_a_long_history_comes_in_pieces(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let mut published = Vec::new();
    for _ in 0..3 {
        published.extend(publish_unheard(&broker, (0..1000).map(|_| announce(&paid)).collect()).await);
    }
    let mut past = past(&broker, From::First).await;
    let mut recorded = Vec::new();
    while recorded.len() < published.len() {
        let Passage { events, reached } = soon("events", past.next()).await.expect("reads");
        assert!(events.len() <= 1000, "{} at once", events.len());
        assert!(events.iter().all(|it| it.offset < reached), "{reached} {events:?}");
        recorded.extend(events);
    }
    assert_eq!(ids_of(&recorded), published);
}

pub async fn a_walk_reaches_the_end_though_nothing_comes(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    assert_eq!(to_the_end(&broker, From::First).await, []);
    let published = publish_unheard(&broker, (0..3).map(|_| announce(&paid)).collect()).await;
    let recorded = to_the_end(&broker, From::First).await;
    assert_eq!(ids_of(&recorded), published);
    assert_eq!(to_the_end(&broker, From::Offset(recorded[2].offset.next())).await, []);
    to_the_end(&broker, From::Time(Timestamp::now())).await;
}

pub async fn two_walks_see_the_same(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    let (mut one, mut other) = (past(&broker, From::First).await, past(&broker, From::First).await);
    publish_unheard(&broker, (0..10).map(|_| announce(&paid)).collect()).await;
    assert_eq!(walk(&mut one, 10).await, walk(&mut other, 10).await);
}

pub async fn an_event_of_the_past_is_what_its_subscriber_would_have_got(bench: impl Bench) {
    let broker = bench.connect().await;
    let (paid, authorized) = (event("org.payment.processed"), event("user.authorized"));
    let source = subscribing("pheidi", &paid, 10);
    let mut listener = listen(&broker, source.clone()).await;
    publish(&broker, vec![announce(&paid)]).await;
    publish_unheard(&broker, vec![announce(&authorized)]).await;
    let received = take(&mut listener, 1).await;

    let recorded = walk(&mut past(&broker, From::First).await, 2).await;
    let within: Vec<_> = recorded.into_iter().filter_map(|it| it.within(&source)).collect();
    assert_eq!(within, received);
}

pub async fn i1_the_history_survives_a_restart(bench: impl Bench) {
    let broker = bench.connect().await;
    let paid = event("org.payment.processed");
    publish_unheard(&broker, (0..5).map(|_| announce(&paid)).collect()).await;
    let before = walk(&mut past(&broker, From::First).await, 5).await;
    let end = soon("the end", broker.history_end()).await.expect("a history");
    soon("the close", broker.close()).await;

    let broker = bench.connect().await;
    let mut past = past(&broker, From::First).await;
    assert_eq!(walk(&mut past, 5).await, before);
    let published = publish_unheard(&broker, vec![announce(&paid)]).await;
    let after = walk(&mut past, 1).await;
    assert_eq!(ids_of(&after), published);
    assert!(after[0].offset >= end, "{after:?} {end}");
}

pub async fn a_closed_broker_ends_its_walks(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut past = past(&broker, From::First).await;
    let waits = tokio::spawn(async move {
        loop {
            if let Err(error) = soon("an end", past.next()).await {
                return error;
            }
        }
    });
    soon("the close", broker.close()).await;
    let ended = waits.await.expect("ended");
    assert!(matches!(ended, BrokerError::Unreachable(_)), "{ended}");
}

pub async fn without_a_history_there_is_none_to_walk_through(bench: impl Bench) {
    let broker = bench.connect_without_history().await;
    let imported = Outgoing { destination: Destination::History, ..announce(&event("org.payment.processed")) };
    soon("an answer", broker.publish(vec![imported])).await.expect_err("there is none");
    let refused = soon("an answer", broker.past(From::First)).await.map(drop).expect_err("there is none");
    assert!(matches!(&refused, BrokerError::Refused(why) if why.contains("history.enabled")), "{refused}");
    assert_eq!(soon("an answer", broker.history_end()).await, Err(refused));
}

async fn past(broker: &Arc<dyn Broker>, from: From) -> Box<dyn Past> {
    soon("the past", broker.past(from)).await.expect("a history")
}

/// So many events of the past, and no more than that at once.
async fn walk(past: &mut Box<dyn Past>, number: usize) -> Vec<Recorded> {
    let mut recorded = Vec::new();
    while recorded.len() < number {
        recorded.extend(soon("an event of the past", past.next()).await.expect("reads").events);
    }
    assert_eq!(recorded.len(), number, "{recorded:?}");
    recorded
}

/// All that is there from a place on.
pub async fn to_the_end(broker: &Arc<dyn Broker>, from: From) -> Vec<Recorded> {
    let mut past = past(broker, from).await;
    let end = soon("the end", broker.history_end()).await.expect("a history");
    let mut recorded = Vec::new();
    loop {
        let Passage { events, reached } = soon("the way to the end", past.next()).await.expect("reads");
        recorded.extend(events);
        if reached >= end {
            return recorded;
        }
    }
}

async fn no_more_is_there(past: &mut Box<dyn Past>) {
    let more = async {
        loop {
            let passage = past.next().await.expect("reads");
            if !passage.events.is_empty() {
                return passage;
            }
        }
    };
    if let Ok(passage) = tokio::time::timeout(SILENCE, more).await {
        panic!("nothing should be there, but {passage:?} was");
    }
}

/// Publishes what nobody may be there to hear; the ids in the order given.
pub(super) async fn publish_unheard(broker: &Arc<dyn Broker>, batch: Vec<Outgoing>) -> Vec<MessageId> {
    let ids = batch.iter().map(|outgoing| outgoing.message.id.clone()).collect();
    let Published { kept, .. } = soon("a confirmation", broker.publish(batch)).await.expect("published");
    assert!(kept);
    ids
}

fn ids_of(recorded: &[Recorded]) -> Vec<MessageId> {
    recorded.iter().map(|it| it.message.id.clone()).collect()
}
