//! The invariants of a delivery, under paused time, with a broker and plugins that do as the test says.

mod breaker;
mod inbox;
mod order;
mod rate;
mod recovery;

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::fake::{FakeBroker, FakeHandler, FakeInbox, Step, live};
use super::*;
use crate::broker::{Broker, Destination};
use crate::message::{Attempt, DEAD_QUEUE, DEAD_REASON, Headers, Message, Subject};
use crate::name::EventName;
use crate::plugin::{Draft, Handler, Incoming, Invocation, Live, LiveSet, Outcome};

const EVENT: &str = "org.payment.processed";
const GRACE: Duration = Duration::from_secs(5);

/// A host of one plugin.
struct Host {
    broker: Arc<FakeBroker>,
    dispatch: Arc<Dispatch>,
    inbox: Arc<FakeInbox>,
    journal: Arc<Journal>,
    records: broadcast::Receiver<Record>,
    live: watch::Sender<Arc<LiveSet>>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Host {
    fn start(plugin: Arc<Live>) -> Self {
        Self::start_with(plugin, |_| ())
    }

    /// Starts a host whose policy differs from the tests' usual one.
    fn start_with(plugin: Arc<Live>, adjust: impl FnOnce(&mut Policy)) -> Self {
        let (broker, inbox, journal) =
            (FakeBroker::new(), Arc::new(FakeInbox::default()), Arc::new(Journal::default()));
        let mut policies = policies();
        adjust(&mut policies.default);
        let dispatch = Arc::new(Dispatch::new(Workings {
            broker: broker.clone() as Arc<dyn Broker>,
            policies,
            inbox: inbox.clone(),
            journal: journal.clone(),
        }));
        let (live, follower) = watch::channel(set(plugin));
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let following = dispatch.clone();
        let running = tokio::spawn(async move { following.run(follower, stopping, GRACE).await });
        Self { records: journal.read(), broker, dispatch, inbox, journal, live, stop, running }
    }

    fn answering(outcome: Outcome) -> Self {
        Self::start(live("1", EVENT, FakeHandler::answering(outcome)))
    }

    async fn deliver(&mut self, message: Message) -> Record {
        self.broker.push(message);
        self.settled().await
    }

    /// What the one subscription is doing.
    fn state(&self) -> ListenerState {
        self.dispatch.subscriptions().remove(0).state
    }

    async fn settled(&mut self) -> Record {
        self.records.recv().await.expect("a record")
    }

    async fn stop(self) -> Arc<FakeBroker> {
        self.stop.cancel();
        self.running.await.expect("no panic");
        self.broker
    }
}

fn policies() -> Policies {
    let attempts = NonZeroU32::new(3).expect("not 0");
    let backoff =
        Backoff::try_new(Duration::from_secs(1), 2.0, Duration::from_secs(60), 0.0, Some(attempts)).expect("legal");
    let prefetch = NonZeroU16::new(8).expect("not 0");
    let default = Policy {
        prefetch,
        concurrency: prefetch,
        payload_limit: 1000,
        backoff,
        ordering: Ordering::None,
        rate: None,
        breaker: None,
        deduplication: None,
        exchange: None,
        start: None,
    };
    let (plugins, subscriptions) = (BTreeMap::new(), BTreeMap::new());
    Policies { default, plugins, subscriptions, plugin_rates: BTreeMap::new(), app_rates: BTreeMap::new() }
}

fn set(plugin: Arc<Live>) -> Arc<LiveSet> {
    Arc::new(LiveSet::from([(plugin.id.clone(), plugin)]))
}

fn event(body: &'static str) -> Message {
    Message::new(Subject::Event(EVENT.parse::<EventName>().expect("legal")), body)
}

fn done(tasks: usize) -> Outcome {
    let subject = Subject::Task("pheidi.email.send".parse().expect("legal"));
    let draft = Draft { subject, payload: "{}".into(), key: None, headers: Headers::new(), deferral: None };
    Outcome::Done(vec![draft; tasks])
}

fn retry(after: Option<Duration>) -> Outcome {
    Outcome::Retry { reason: "the mail server is away".into(), after }
}

fn attempt(number: u32) -> Attempt {
    Attempt::new(number).expect("not 0")
}

#[tokio::test(start_paused = true)]
async fn i1_a_message_is_acknowledged_after_everything_it_made_is_published() {
    let mut host = Host::answering(done(2));
    let message = event("{}");
    let record = host.deliver(message.clone()).await;
    assert_eq!(record.settlement, Settlement::Done);
    let steps = host.broker.steps();
    assert!(
        matches!(&steps[..], [Step::Published(_), Step::Published(_), Step::Acknowledged(id)] if *id == message.id)
    );
}

#[tokio::test(start_paused = true)]
async fn i1_a_publish_that_fails_is_tried_again_before_the_acknowledgement() {
    let mut host = Host::answering(done(1));
    host.broker.fail_publishes(3);
    let message = event("{}");
    host.deliver(message.clone()).await;
    let steps = host.broker.steps();
    assert_eq!(steps.iter().filter(|step| **step == Step::PublishFailed).count(), 3);
    assert_eq!(steps.last(), Some(&Step::Acknowledged(message.id)));
}

#[tokio::test(start_paused = true)]
async fn i1_a_message_whose_outcome_cannot_be_published_goes_back() {
    let mut host = Host::answering(done(1));
    host.broker.fail_publishes(u32::MAX);
    let message = event("{}");
    let record = host.deliver(message.clone()).await;
    assert!(matches!(record.settlement, Settlement::Returned { .. }));
    assert_eq!(host.broker.steps().last(), Some(&Step::GivenBack(message.id)));
}

#[tokio::test(start_paused = true)]
async fn i2_the_same_event_emits_under_the_same_ids_and_another_under_others() {
    let mut host = Host::answering(done(2));
    let message = event("{}");
    for message in [message.clone(), message, event("{}")] {
        host.deliver(message).await;
    }
    let ids: Vec<_> = host.broker.published().into_iter().map(|outgoing| outgoing.message.id).collect();
    assert_eq!(ids[0..2], ids[2..4]);
    assert!(ids[0] != ids[1] && !ids[4..].contains(&ids[0]) && !ids[4..].contains(&ids[1]));
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_carries_the_tid_and_trace_of_its_cause() {
    let mut host = Host::answering(done(1));
    let mut message = event("{}");
    message.headers.insert("traceparent".into(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    host.deliver(message.clone()).await;
    let task = &host.broker.published()[0].message;
    assert_eq!(task.tid, message.tid);
    let trace = |message: &Message| message.headers["traceparent"].as_text().map(|text| text[..35].to_owned());
    assert_eq!(trace(task), trace(&message));
    assert_eq!(task.source.as_deref(), Some("pheidi"));
}

#[tokio::test(start_paused = true)]
async fn i4_a_failed_message_waits_in_the_broker_with_its_memory() {
    let mut host = Host::answering(retry(None));
    let record = host.deliver(Message { attempt: attempt(2), ..event("{}") }).await;
    assert!(matches!(record.settlement, Settlement::Retried { wait_ms: 2000, .. }));
    let delayed = &host.broker.published()[0];
    let Destination::Delay { home, wait } = &delayed.destination else { panic!("{delayed:?}") };
    assert_eq!((home.as_str(), wait.millis()), ("pheidi.org.payment.processed", 2000));
    assert_eq!(delayed.message.attempt, attempt(3));
    assert_eq!(delayed.message.failures[0].reason, "the mail server is away");
    assert_eq!(delayed.message.failures[0].attempt, attempt(2));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_leads_to_a_dead_letter_that_says_why() {
    let mut host = Host::answering(retry(Some(Duration::from_secs(1))));
    let record = host.deliver(Message { attempt: attempt(3), ..event("{\"a\":1}") }).await;
    assert!(matches!(record.settlement, Settlement::Dead { .. }));
    let dead = &host.broker.published()[0];
    assert_eq!(dead.destination, Destination::Dead("pheidi".parse().expect("legal")));
    assert_eq!(dead.message.attempt, attempt(3));
    assert_eq!(&dead.message.body[..], b"{\"a\":1}");
    assert_eq!(dead.message.headers[DEAD_REASON].as_text(), Some("the mail server is away"));
    assert_eq!(dead.message.headers[DEAD_QUEUE].as_text(), Some("pheidi.org.payment.processed"));
}

#[tokio::test(start_paused = true)]
async fn what_no_handler_could_read_is_a_dead_letter_without_running_one() {
    let handler = FakeHandler::answering(done(1));
    let mut host = Host::start(live("1", EVENT, handler.clone()));
    let record = host.deliver(event("not json")).await;
    assert!(matches!(&record.settlement, Settlement::Dead { reason } if reason.contains("not JSON")));
    assert_eq!(handler.begun.available_permits(), 0);
}

#[tokio::test(start_paused = true)]
async fn i7_every_settlement_is_counted_exactly_once() {
    let reject = Outcome::Reject { reason: "no such user".into() };
    let nothing = Counts::default();
    let cases = [
        (done(0), Counts { done: 1, ..nothing }),
        (retry(None), Counts { retried: 1, ..nothing }),
        (reject, Counts { dead: 1, ..nothing }),
    ];
    for (outcome, expected) in cases {
        let mut host = Host::answering(outcome);
        host.deliver(event("{}")).await;
        assert_eq!(host.journal.counts(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn i7_a_panic_of_the_host_settles_the_message_too() {
    struct Panicking;
    #[async_trait::async_trait]
    impl Handler for Panicking {
        async fn handle(&self, _: Incoming<'_>) -> Invocation {
            panic!("the test says so")
        }
    }
    let mut host = Host::start(live("1", EVENT, Arc::new(Panicking)));
    let record = host.deliver(event("{}")).await;
    assert!(matches!(&record.settlement, Settlement::Retried { reason, .. } if reason.contains("defect")));
}

#[tokio::test(start_paused = true)]
async fn i9_a_delivery_ends_on_its_version_and_the_next_begins_on_the_new() {
    let old = FakeHandler::gated(done(0), 0);
    let mut host = Host::start(live("old", EVENT, old.clone()));
    host.broker.push(event("{}"));
    old.has_begun().await;
    host.live.send(set(live("new", EVENT, FakeHandler::answering(done(0))))).expect("followed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let second = host.deliver(event("{}")).await;
    assert!(second.version.starts_with("new"));
    old.gate.add_permits(1);
    let first = host.settled().await;
    assert!(first.version.starts_with("old"));
    assert_eq!(first.settlement, Settlement::Done);
}

#[tokio::test(start_paused = true)]
async fn i11_a_stop_finishes_what_is_in_flight_and_acknowledges_it() {
    let handler = FakeHandler::gated(done(0), 0);
    let host = Host::start(live("1", EVENT, handler.clone()));
    let message = event("{}");
    host.broker.push(message.clone());
    handler.has_begun().await;
    host.stop.cancel();
    tokio::time::sleep(Duration::from_secs(1)).await;
    handler.gate.add_permits(1);
    let broker = host.stop().await;
    assert_eq!(broker.steps(), [Step::Acknowledged(message.id)]);
}

#[tokio::test(start_paused = true)]
async fn i11_what_outlasts_the_grace_period_goes_back_uncounted() {
    let handler: Arc<FakeHandler> = FakeHandler::gated(done(0), 0);
    let mut host = Host::start(live("1", EVENT, handler.clone() as Arc<dyn Handler>));
    let message = event("{}");
    host.broker.push(message.clone());
    handler.has_begun().await;
    host.stop.cancel();
    let record = host.settled().await;
    assert!(matches!(record.settlement, Settlement::Returned { .. }));
    assert_eq!(record.attempt, Attempt::FIRST);
    let journal = host.journal.clone();
    let broker = host.stop().await;
    assert_eq!(broker.steps(), [Step::GivenBack(message.id)]);
    assert_eq!(journal.counts(), Counts { returned: 1, ..Counts::default() });
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_gone_leaves_its_queue_listed_as_orphaned() {
    let broker = FakeBroker::new();
    let (inbox, journal) = (Arc::new(FakeInbox::default()), Arc::default());
    let dispatch = Arc::new(Dispatch::new(Workings { broker, policies: policies(), inbox, journal }));
    let (live, follower) = watch::channel(set(live("1", EVENT, FakeHandler::answering(done(0)))));
    let stop = CancellationToken::new();
    let (running, stopping) = (dispatch.clone(), stop.clone());
    let running = tokio::spawn(async move { running.run(follower, stopping, GRACE).await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(dispatch.subscriptions().len(), 1);
    live.send(Arc::default()).expect("followed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(dispatch.subscriptions().is_empty());
    assert_eq!(dispatch.orphaned().first().expect("one").as_str(), "pheidi.org.payment.processed");
    stop.cancel();
    running.await.expect("no panic");
}
