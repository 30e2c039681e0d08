//! What a subscription that begins in the past is given.

use std::num::NonZeroU32;

use leveret::broker::{Condition, Start};
use leveret::history::{BackfillOptions, Backfilling};
use leveret::message::Timestamp;
use leveret::rate::Rate;

use super::history::publish_unheard;
use super::*;

fn sold() -> EventName {
    event("order.sold")
}

fn late(prefetch: u16) -> Source {
    Source { start: Some(Start::First), ..subscribing("statistics", &sold(), prefetch) }
}

/// A host's way to the broker.
fn host(broker: &Arc<dyn Broker>) -> Arc<Backfilling> {
    let many = NonZeroU32::new(1_000_000).expect("not 0");
    let pace = Rate::try_new(many, Duration::from_secs(1), many).expect("legal");
    Backfilling::new(broker.clone(), BackfillOptions { pace, note: Duration::from_millis(20) })
}

fn sales(number: usize) -> Vec<Outgoing> {
    (0..number).map(|_| announce(&sold())).collect()
}

async fn attend(host: &Arc<Backfilling>, source: Source) -> Box<dyn Listener> {
    soon("a listener", host.listen(source)).await.expect("listens")
}

async fn live(listener: &dyn Listener) {
    let mut condition = listener.condition();
    let live = |condition: &Condition| *condition == Condition::Consuming;
    soon("the present", condition.wait_for(live)).await.expect("the listener lives");
}

pub async fn a_late_comer_is_given_the_past_in_order_and_then_what_happens_now(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut published = publish_unheard(&broker, sales(300)).await;
    let mut listener = attend(&host(&broker), late(16)).await;
    let selling = {
        let broker = broker.clone();
        tokio::spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..400 {
                let sale = sales(1);
                ids.push(sale[0].message.id.clone());
                broker.publish(sale).await.expect("published");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            ids
        })
    };
    let came = ids(&take(&mut listener, 700).await);
    published.extend(selling.await.expect("no panic"));
    assert_eq!(came, published);
    live(listener.as_ref()).await;
    nothing_comes(&mut listener).await;
}

pub async fn i11_a_walk_that_is_stopped_goes_on_where_it_was(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = publish_unheard(&broker, sales(200)).await;
    let mut came = Vec::new();
    for _ in 0..2 {
        let host = host(&broker);
        let mut listener = attend(&host, late(16)).await;
        came.extend(ids(&take(&mut listener, 50).await));
        // It is at work as the stop comes, and settled after it.
        let in_work = next(&mut listener).await;
        soon("the stop", listener.stop()).await;
        while let Some(received) = soon("the end", listener.next()).await {
            received.receipt.give_back().await.expect("given back");
        }
        came.push(acknowledge(in_work).await.id);
        drop(listener);
        soon("the last note", host.finish()).await;
    }
    let mut listener = attend(&host(&broker), late(16)).await;
    came.extend(ids(&take(&mut listener, 98).await));
    assert_eq!(came, published);
    live(listener.as_ref()).await;
    nothing_comes(&mut listener).await;
}

pub async fn i1_a_walk_that_dies_loses_nothing(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = publish_unheard(&broker, sales(200)).await;
    let mut came = BTreeSet::new();
    {
        let mut listener = attend(&host(&broker), late(16)).await;
        came.extend(ids(&take(&mut listener, 60).await));
        let _never_settled = next(&mut listener).await;
        broker.close().await;
    }
    let broker = bench.connect().await;
    let meanwhile = publish(&broker, sales(20)).await;
    let mut listener = attend(&host(&broker), late(16)).await;
    let all: BTreeSet<_> = published.into_iter().chain(meanwhile).collect();
    while came != all {
        came.insert(acknowledge(next(&mut listener).await).await.id);
    }
    live(listener.as_ref()).await;
}

pub async fn i5_what_is_given_back_comes_again(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = publish_unheard(&broker, sales(20)).await;
    let mut listener = attend(&host(&broker), late(4)).await;
    let mut came = BTreeSet::new();
    for number in 0..40 {
        let received = next(&mut listener).await;
        assert_eq!(received.message.attempt.number(), 1);
        if number % 2 == 0 {
            received.receipt.give_back().await.expect("given back");
        } else {
            assert!(came.insert(acknowledge(received).await.id));
        }
        if came.len() == 20 {
            break;
        }
    }
    assert_eq!(came, set(published));
}

pub async fn one_of_two_hosts_walks_and_both_go_on(bench: impl Bench) {
    let broker = bench.connect().await;
    let published = publish_unheard(&broker, sales(100)).await;
    let (one, other) = (host(&broker), host(&broker));
    let (mut first, mut second) = (attend(&one, late(8)).await, attend(&other, late(8)).await);
    let mut came = Vec::new();
    for _ in 0..100 {
        let received = tokio::select! {
            received = next(&mut first) => received,
            received = next(&mut second) => received,
        };
        came.push(acknowledge(received).await.id);
    }
    assert_eq!(came, published);
    live(first.as_ref()).await;
    live(second.as_ref()).await;
    let meanwhile = publish(&broker, sales(100)).await;
    let mut both = BTreeSet::new();
    let mut shares = [0, 0];
    for _ in 0..100 {
        let (received, share) = tokio::select! {
            received = next(&mut first) => (received, 0),
            received = next(&mut second) => (received, 1),
        };
        shares[share] += 1;
        assert!(both.insert(acknowledge(received).await.id));
    }
    assert_eq!(both, set(meanwhile));
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

pub async fn a_subscription_that_is_not_new_is_given_no_past(bench: impl Bench) {
    let broker = bench.connect().await;
    publish_unheard(&broker, sales(5)).await;
    drop(listen(&broker, Source { start: None, ..late(8) }).await);
    for _ in 0..2 {
        let mut listener = attend(&host(&broker), late(8)).await;
        live(listener.as_ref()).await;
        let now = publish(&broker, sales(1)).await;
        assert_eq!(ids(&take(&mut listener, 1).await), now);
        nothing_comes(&mut listener).await;
        soon("the stop", listener.stop()).await;
    }
}

pub async fn it_begins_with_the_moment_that_is_meant(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut batch = sales(3);
    for (sale, time) in batch.iter_mut().zip([1_000, 2_000, 3_000]) {
        sale.message.time = Timestamp::from_millis(time);
    }
    let published = publish_unheard(&broker, batch).await;
    let start = Some(Start::At(Timestamp::from_millis(2_000)));
    let mut listener = attend(&host(&broker), Source { start, ..late(8) }).await;
    assert_eq!(ids(&take(&mut listener, 2).await), published[1..]);
    live(listener.as_ref()).await;
    nothing_comes(&mut listener).await;
}
