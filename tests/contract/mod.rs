//! What every broker behind the port promises, each promise written once and shown for each adapter.
//!
//! A test binary takes the suite in with `mod contract;` at its root. An adapter joins with a [`Bench`] and one line of
//! `contract_for!`; see `embedded.rs`.
//!
//! Two things may change on the way through a broker, and the suite lets them: a whole number in a header may come back
//! as the other of `Integer` and `Unsigned` where both can hold it, and a body that is a JSON object may gain a `tid`
//! (the bodies here are none). Everything else comes back as it was.

/// Every case of the suite as a test of one bench.
macro_rules! contract_for {
    ($bench:ty) => {
        contract_for!($bench, publish:
            an_event_reaches_every_subscription_once,
            an_event_that_nobody_hears_is_reported,
            an_event_reaches_only_its_own_subscriptions,
            the_queue_of_a_task_is_made,
            i1_a_message_for_a_missing_queue_is_returned,
            a_message_for_one_queue_arrives_there_alone,
            i1_a_dead_letter_is_kept_whole,
            i1_a_batch_of_1000_is_held_when_it_is_confirmed,
            an_empty_batch_is_published,
            i7_what_50_callers_publish_at_once_arrives_once_each,
            i1_a_message_comes_out_as_it_went_in,
            i1_bodies_of_every_size_come_out_as_they_went_in,
        );
        contract_for!($bench, listen:
            a_queue_keeps_its_order,
            i8_no_more_than_the_prefetch_is_out,
            i8_settling_one_makes_room_for_one,
            listening_again_to_a_queue_adopts_it,
            two_listeners_share_a_queue,
            i11_a_stopped_listener_hands_out_what_it_fetched_and_ends,
            i11_what_a_dropped_listener_had_fetched_comes_again,
            depth_counts_what_waits,
        );
        contract_for!($bench, settle:
            i7_what_is_acknowledged_does_not_come_again,
            i5_what_is_given_back_comes_again_uncounted,
            i1_a_receipt_dropped_with_its_listener_lets_the_message_come_again,
            i1_receipts_outlast_a_stop,
            receipts_may_be_used_in_any_order,
        );
        contract_for!($bench, delay:
            i4_a_delayed_message_comes_home_whole_and_not_too_early,
            i4_a_short_delay_overtakes_a_longer_one,
            i4_a_delayed_message_holds_no_prefetch,
            i4_a_delayed_message_comes_to_its_home_alone,
            i4_a_delayed_message_survives_a_restart,
        );
        contract_for!($bench, later:
            i1_what_waits_is_published_whole_at_its_moment_and_not_before,
            what_is_past_is_published_at_once,
            the_earliest_moment_comes_first,
            what_takes_the_place_of_another_is_published_alone,
            what_is_taken_back_is_not_published,
            what_waits_elsewhere_can_be_taken_back_by_any_host,
            i1_what_waits_survives_a_host_that_dies_and_a_restart,
            i1_the_next_host_takes_over,
            i1_what_says_no_moment_is_kept_as_a_dead_letter,
        );
        contract_for!($bench, browse:
            a_queue_that_is_absent_is_empty,
            i1_messages_come_out_whole_and_each_with_its_own_subject,
            i7_what_is_acknowledged_does_not_come_again,
            i1_what_is_given_back_comes_again,
            i1_what_is_left_when_it_is_dropped_comes_again,
            i7_each_message_comes_out_once,
            what_a_listener_has_out_is_not_found,
        );
        contract_for!($bench, single_active:
            i10_one_of_two_listeners_gets_everything_in_order,
            i10_the_next_listener_takes_over_in_order,
            listening_again_to_a_queue_with_one_listener_at_a_time,
            a_listener_that_is_stopped_is_not_consuming,
        );
        contract_for!($bench, cell:
            what_was_written_last_is_found_by_the_next_holder,
            one_at_a_time_holds_it,
            what_nobody_can_read_is_dropped,
            a_holder_is_told_when_the_broker_goes,
        );
        contract_for!($bench, topology:
            what_is_missing_is_found_missing_and_stays_so,
            what_is_declared_stands_as_wanted,
            a_declared_subscription_gets_its_messages,
            an_inspection_counts_messages_and_listeners,
            a_queue_with_one_listener_at_a_time_stands_as_wanted_once_it_is_declared,
            a_queue_that_is_empty_and_idle_is_deleted,
            i1_a_queue_with_messages_or_listeners_is_not_deleted,
        );
        contract_for!($bench, restart:
            i1_what_was_published_survives,
            i1_what_was_not_acknowledged_comes_again,
            i1_what_was_acknowledged_does_not_come_again,
            i1_what_was_given_back_survives,
            subscriptions_survive,
            a_broker_says_when_it_is_ready_and_when_it_is_closed,
            a_closed_broker_ends_its_listeners_and_takes_nothing,
        );
    };
    ($bench:ty, with a history) => {
        contract_for!($bench, history:
            events_are_kept_whole_and_in_order_though_nobody_subscribes,
            an_event_that_is_heard_is_kept_once,
            only_events_are_kept,
            what_is_written_into_the_history_reaches_no_subscriber,
            a_walk_begins_where_it_is_told_to,
            the_end_is_between_what_was_and_what_comes,
            a_walk_waits_for_what_comes,
            a_wait_given_up_loses_nothing,
            a_long_walk_given_up_again_and_again_goes_on,
            i8_a_long_history_comes_in_pieces,
            a_walk_reaches_the_end_though_nothing_comes,
            two_walks_see_the_same,
            an_event_of_the_past_is_what_its_subscriber_would_have_got,
            i1_the_history_survives_a_restart,
            a_closed_broker_ends_its_walks,
            without_a_history_there_is_none_to_walk_through,
        );
        contract_for!($bench, backfill:
            a_late_comer_is_given_the_past_in_order_and_then_what_happens_now,
            i11_a_walk_that_is_stopped_goes_on_where_it_was,
            i1_a_walk_that_dies_loses_nothing,
            i5_what_is_given_back_comes_again,
            one_of_two_hosts_walks_and_both_go_on,
            a_subscription_that_is_not_new_is_given_no_past,
            it_begins_with_the_moment_that_is_meant,
        );
    };
    ($bench:ty, $theme:ident: $($case:ident),+ $(,)?) => {
        mod $theme {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    crate::contract::$theme::$case(<$bench as crate::contract::Bench>::new().await).await;
                }
            )+
        }
    };
}

mod backfill;
mod browse;
mod cell;
mod delay;
mod embedded;
mod history;
mod later;
mod listen;
mod publish;
mod rabbitmq;
mod restart;
mod settle;
mod single_active;
mod topology;

use std::collections::BTreeSet;
use std::future::Future;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use leveret::broker::{Broker, Destination, Listener, Outgoing, Received, Source};
use leveret::message::{Message, MessageId, Subject};
use leveret::name::{AppName, EventName, PluginId, QueueName, TaskName};

/// Long enough for anything that comes at all; only there so that a defect does not hang the suite.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to watch that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

/// An adapter under test, with storage of its own.
pub trait Bench {
    /// A bench whose storage is empty.
    async fn new() -> Self;

    /// A broker on this storage, with a history. The one before was closed.
    async fn connect(&self) -> Arc<dyn Broker>;

    /// The same without a history.
    async fn connect_without_history(&self) -> Arc<dyn Broker>;
}

fn app() -> AppName {
    "pheidi".parse().expect("a legal name")
}

fn event(name: &str) -> EventName {
    name.parse().expect("a legal name")
}

fn task(name: &str) -> TaskName {
    name.parse().expect("a legal name")
}

/// The queue of one plugin of the application for an event.
fn subscription(plugin: &str, to: &EventName) -> QueueName {
    QueueName::subscription(&PluginId::new(app(), plugin.parse().expect("a legal name")), to)
}

/// One plugin's subscription to an event.
fn subscribing(plugin: &str, to: &EventName, prefetch: u16) -> Source {
    Source::event(subscription(plugin, to), to.clone(), room(prefetch))
}

/// The queue of a task.
fn performing(task: &TaskName, prefetch: u16) -> Source {
    Source::task(task.clone(), room(prefetch))
}

fn room(prefetch: u16) -> NonZeroU16 {
    NonZeroU16::new(prefetch).expect("not 0")
}

fn announce(event: &EventName) -> Outgoing {
    let message = Message::new(Subject::Event(event.clone()), "\"announced\"");
    Outgoing { destination: Destination::Event(event.clone()), message }
}

fn order(task: &TaskName) -> Outgoing {
    let message = Message::new(Subject::Task(task.clone()), "\"ordered\"");
    Outgoing { destination: Destination::Task(task.clone()), message }
}

/// Publishes what somebody is there to hear; the ids in the order given.
async fn publish(broker: &Arc<dyn Broker>, batch: Vec<Outgoing>) -> Vec<MessageId> {
    let ids = batch.iter().map(|outgoing| outgoing.message.id.clone()).collect();
    let published = soon("a confirmation", broker.publish(batch)).await.expect("published");
    assert!(published.unheard.is_empty(), "{published:?}");
    ids
}

async fn listen(broker: &Arc<dyn Broker>, source: Source) -> Box<dyn Listener> {
    soon("a listener", broker.listen(source)).await.expect("listens")
}

/// The next message of a listener that has one.
async fn next(listener: &mut Box<dyn Listener>) -> Received {
    soon("a message", listener.next()).await.expect("the listener goes on")
}

/// Takes and acknowledges a number of messages.
async fn take(listener: &mut Box<dyn Listener>, number: usize) -> Vec<Message> {
    let mut messages = Vec::with_capacity(number);
    for _ in 0..number {
        messages.push(acknowledge(next(listener).await).await);
    }
    messages
}

async fn acknowledge(received: Received) -> Message {
    soon("an acknowledgement", received.receipt.acknowledge()).await.expect("acknowledged");
    received.message
}

async fn nothing_comes(listener: &mut Box<dyn Listener>) {
    if let Ok(received) = tokio::time::timeout(SILENCE, listener.next()).await {
        panic!("nothing should come, but {received:?} did");
    }
}

/// Waits until a queue has this many messages ready.
async fn depth_becomes(broker: &Arc<dyn Broker>, queue: &QueueName, depth: u64) {
    let mut seen = None;
    let until = async {
        while seen != Some(depth) {
            seen = broker.depth(queue).await.expect("a depth");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, until).await.is_err() {
        panic!("{queue} should have {depth} messages, but has {seen:?}");
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

fn ids(messages: &[Message]) -> Vec<MessageId> {
    messages.iter().map(|message| message.id.clone()).collect()
}

fn set(ids: impl IntoIterator<Item = MessageId>) -> BTreeSet<MessageId> {
    ids.into_iter().collect()
}
