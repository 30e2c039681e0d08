//! What becomes of messages that wait for a moment, at each broker.

use leveret::broker::Later;
use leveret::clock::later::Deliveries;
use leveret::message::Timestamp;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

const KEY: &str = "pheidi/reminder 7";

/// A host as far as it publishes what waits. It dies when it is dropped.
struct Host {
    deliveries: Arc<Deliveries>,
    running: JoinHandle<()>,
    stop: CancellationToken,
}

impl Host {
    fn start(broker: &Arc<dyn Broker>) -> Self {
        let (deliveries, stop) = (Arc::new(Deliveries::new(broker.clone())), CancellationToken::new());
        let (run, stopped) = (deliveries.clone(), stop.clone());
        Self { deliveries, running: tokio::spawn(async move { run.run(stopped).await }), stop }
    }

    /// Waits until it holds this many.
    async fn holds(&self, number: usize) {
        let until = async {
            while self.deliveries.waiting().len() != number {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(&format!("the {number} that wait"), until).await;
    }

    async fn stop(self) {
        self.stop.cancel();
        soon("the stop", self.running).await.expect("it ends by itself");
    }

    /// Ends it in the middle of whatever it does.
    async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }
}

fn in_millis(millis: u64) -> Timestamp {
    Timestamp::from_millis(Timestamp::now().millis() + millis)
}

fn in_an_hour() -> Timestamp {
    in_millis(3_600_000)
}

fn message() -> Message {
    order(&task("pheidi.email.send")).message
}

/// Lets a message wait; its id.
async fn schedule(broker: &Arc<dyn Broker>, moment: Timestamp, key: &str, message: Message) -> MessageId {
    let id = message.id.clone();
    publish(broker, vec![Later::At { moment, key: key.into(), message }.outgoing()]).await;
    id
}

async fn schedule_each(broker: &Arc<dyn Broker>, moments: &[Timestamp]) -> Vec<MessageId> {
    let mut ids = Vec::new();
    for moment in moments {
        let message = message();
        let key = message.id.to_string();
        ids.push(schedule(broker, *moment, &key, message).await);
    }
    ids
}

fn waiting() -> QueueName {
    QueueName::later()
}

async fn listener(broker: &Arc<dyn Broker>) -> Box<dyn Listener> {
    listen(broker, performing(&task("pheidi.email.send"), 10)).await
}

pub async fn i1_what_waits_is_published_whole_at_its_moment_and_not_before(bench: impl Bench) {
    let broker = bench.connect().await;
    let host = Host::start(&broker);
    let mut tasks = listener(&broker).await;
    let sold = event("car.sold");
    let mut events = listen(&broker, subscribing("pheidi", &sold, 10)).await;
    let (moment, mut sent) = (in_millis(400), message());
    sent.headers.insert("traceparent".into(), "00-1-2-3".into());
    (sent.key, sent.source) = (Some("k".into()), Some("pheidi".into()));
    schedule(&broker, moment, KEY, sent.clone()).await;
    schedule(&broker, moment, "pheidi/sold", announce(&sold).message).await;

    let came = acknowledge(next(&mut tasks).await).await;
    assert!(came.time >= moment, "it came at {:?}, and was for {moment:?}", came.time);
    assert_eq!(Message { time: sent.time, ..came }, sent);
    assert_eq!(acknowledge(next(&mut events).await).await.subject, Subject::Event(sold));
    host.holds(0).await;
    host.stop().await;
    assert_eq!(broker.depth(&waiting()).await, Ok(Some(0)));
}

pub async fn what_is_past_is_published_at_once(bench: impl Bench) {
    let broker = bench.connect().await;
    let host = Host::start(&broker);
    let mut tasks = listener(&broker).await;
    let ids = schedule_each(&broker, &[Timestamp::from_millis(0), in_millis(0)]).await;
    assert_eq!(set(self::ids(&take(&mut tasks, 2).await)), set(ids));
    host.stop().await;
}

pub async fn the_earliest_moment_comes_first(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut tasks = listener(&broker).await;
    let ids = schedule_each(&broker, &[in_millis(900), in_millis(700), in_millis(800)]).await;
    let host = Host::start(&broker);
    host.holds(3).await;
    assert_eq!(self::ids(&take(&mut tasks, 3).await), [1, 2, 0].map(|index: usize| ids[index].clone()));
    host.stop().await;
}

pub async fn what_takes_the_place_of_another_is_published_alone(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut tasks = listener(&broker).await;
    let host = Host::start(&broker);
    schedule(&broker, in_millis(1000), KEY, message()).await;
    schedule(&broker, in_an_hour(), KEY, message()).await;
    let last = schedule(&broker, in_millis(1100), KEY, message()).await;
    assert_eq!(acknowledge(next(&mut tasks).await).await.id, last);
    nothing_comes(&mut tasks).await;
    host.holds(0).await;
    host.stop().await;
    depth_becomes(&broker, &waiting(), 0).await;
}

pub async fn what_is_taken_back_is_not_published(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut tasks = listener(&broker).await;
    let unnamed = schedule_each(&broker, &[in_millis(1000)]).await.remove(0);
    schedule(&broker, in_millis(1000), KEY, message()).await;
    let kept = schedule_each(&broker, &[in_millis(1100)]).await.remove(0);
    let host = Host::start(&broker);
    for key in [unnamed.to_string(), KEY.to_owned(), "nothing waits under this".to_owned()] {
        host.deliveries.cancel(key).await.expect("published");
    }
    assert_eq!(acknowledge(next(&mut tasks).await).await.id, kept);
    nothing_comes(&mut tasks).await;
    host.stop().await;
    depth_becomes(&broker, &waiting(), 0).await;
}

pub async fn what_waits_elsewhere_can_be_taken_back_by_any_host(bench: impl Bench) {
    let broker = bench.connect().await;
    schedule(&broker, in_an_hour(), KEY, message()).await;
    let holder = Host::start(&broker);
    holder.holds(1).await;
    let other = Host::start(&broker);
    other.deliveries.cancel(KEY.to_owned()).await.expect("published");
    holder.holds(0).await;
    other.stop().await;
    holder.stop().await;
    depth_becomes(&broker, &waiting(), 0).await;
}

pub async fn i1_what_waits_survives_a_host_that_dies_and_a_restart(bench: impl Bench) {
    let broker = bench.connect().await;
    let ids = schedule_each(&broker, &[in_an_hour(), in_millis(1000), in_an_hour()]).await;
    let host = Host::start(&broker);
    host.holds(3).await;
    host.kill().await;
    soon("the close", broker.close()).await;

    let broker = bench.connect().await;
    let mut tasks = listener(&broker).await;
    let host = Host::start(&broker);
    assert_eq!(acknowledge(next(&mut tasks).await).await.id, ids[1]);
    nothing_comes(&mut tasks).await;
    host.holds(2).await;
    let held: Vec<_> = host.deliveries.waiting().into_iter().map(|waiting| waiting.id).collect();
    assert_eq!(held, [ids[0].clone(), ids[2].clone()]);
    host.stop().await;
    depth_becomes(&broker, &waiting(), 2).await;
}

pub async fn i1_the_next_host_takes_over(bench: impl Bench) {
    let broker = bench.connect().await;
    let mut tasks = listener(&broker).await;
    let id = schedule_each(&broker, &[in_millis(1500)]).await.remove(0);
    let first = Host::start(&broker);
    first.holds(1).await;
    let second = Host::start(&broker);
    first.kill().await;
    assert_eq!(acknowledge(next(&mut tasks).await).await.id, id);
    nothing_comes(&mut tasks).await;
    second.stop().await;
    depth_becomes(&broker, &waiting(), 0).await;
}

pub async fn i1_what_says_no_moment_is_kept_as_a_dead_letter(bench: impl Bench) {
    let broker = bench.connect().await;
    let host = Host::start(&broker);
    let mut tasks = listener(&broker).await;
    // The queue is there once something has waited in it.
    let id = schedule_each(&broker, &[in_millis(0)]).await.remove(0);
    assert_eq!(acknowledge(next(&mut tasks).await).await.id, id);
    let stray = Message { source: Some("pheidi".into()), ..message() };
    publish(&broker, vec![Outgoing { destination: Destination::Queue(waiting()), message: stray.clone() }]).await;
    depth_becomes(&broker, &QueueName::dead(&app()), 1).await;
    host.stop().await;
}
