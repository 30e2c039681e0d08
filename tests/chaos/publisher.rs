//! The publishers: other services, which publish each event again and again until the broker has taken it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use leveret_tests::http;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::scenario::{EVENT, Event, PUBLISHERS};

/// How long RabbitMQ may take to confirm. While it has too little memory it takes nothing.
const CONFIRMED: Duration = Duration::from_secs(15);
/// The wait before an event is published again.
const PAUSE: Duration = Duration::from_millis(50);
/// How many events may be open before the publishers wait: bounds what the broker has to hold.
const OPEN: u64 = 5000;

/// A way into the broker.
#[derive(Clone)]
pub enum Way {
    /// Straight to RabbitMQ, at this URL.
    Amqp(String),
    /// Through the host, as long as it runs.
    Http(watch::Receiver<Option<String>>),
}

/// One publisher.
pub struct Publisher {
    way: Way,
    session: Option<(Connection, Channel)>,
}

impl Publisher {
    pub fn new(way: Way) -> Self {
        Self { way, session: None }
    }

    /// Publishes an event until the broker has taken it for a subscription.
    pub async fn publish(&mut self, event: &str, id: &str, body: &str) {
        while !self.try_publish(event, id, body).await {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the broker is sure to have it. If not it may have it all the same.
    async fn try_publish(&mut self, event: &str, id: &str, body: &str) -> bool {
        match &mut self.way {
            Way::Http(api) => {
                // The sender lives as long as the host does.
                let Ok(api) = api.wait_for(Option::is_some).await.map(|api| api.clone()) else { return false };
                let answer = http::publish(&api.unwrap_or_default(), event, id, body).await;
                answer.is_some_and(|(status, answer)| status == 202 && answer["heard"] == true)
            }
            Way::Amqp(url) => {
                if self.session.is_none() {
                    self.session = connect(url).await;
                }
                let Some((_, channel)) = &self.session else { return false };
                match tokio::time::timeout(CONFIRMED, send(channel, event, id, body)).await {
                    Ok(Ok(taken)) => taken,
                    Ok(Err(_)) | Err(_) => {
                        self.session = None;
                        false
                    }
                }
            }
        }
    }
}

async fn connect(url: &str) -> Option<(Connection, Channel)> {
    let connecting = async {
        let properties = ConnectionProperties::default().with_connection_name("chaos publisher".into());
        let connection = Connection::connect(url, properties).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok::<_, lapin::Error>((connection, channel))
    };
    tokio::time::timeout(CONFIRMED, connecting).await.ok()?.ok()
}

/// One at a time on a channel, so that a message that comes back is told for certain.
async fn send(channel: &Channel, event: &str, id: &str, body: &str) -> Result<bool, lapin::Error> {
    const PERSISTENT: u8 = 2;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_message_id(id.into());
    let sent = channel.basic_publish(event.into(), "".into(), options, body.as_bytes(), properties).await?;
    Ok(matches!(sent.await?, Confirmation::Ack(None)))
}

/// Every publisher at work.
pub struct Traffic {
    publishers: JoinSet<()>,
    stop: CancellationToken,
}

impl Traffic {
    /// Publishes so many events a second, over all publishers, from these numbers on.
    pub fn begin(account: &Arc<Account>, way: &Way, rate: f64, first: u64, limit: Option<u64>) -> Self {
        let (mut publishers, stop) = (JoinSet::new(), CancellationToken::new());
        for share in 0..PUBLISHERS {
            let (account, publisher, stop) = (account.clone(), Publisher::new(way.clone()), stop.clone());
            let pace = Duration::from_secs_f64(PUBLISHERS as f64 / rate);
            let numbers = (first..).filter(move |number| number % PUBLISHERS == share);
            let numbers = numbers.take_while(move |number| limit.is_none_or(|limit| *number < first + limit));
            publishers.spawn(publish(account, publisher, numbers, pace, stop));
        }
        Self { publishers, stop }
    }

    /// Lets each publisher end with the event that it is at; the broker has to take that.
    pub async fn end(mut self) {
        self.stop.cancel();
        while self.publishers.join_next().await.is_some() {}
    }

    /// Waits until every publisher is through with its numbers.
    pub async fn through(mut self) {
        while self.publishers.join_next().await.is_some() {}
    }
}

async fn publish(
    account: Arc<Account>,
    mut publisher: Publisher,
    numbers: impl Iterator<Item = u64>,
    pace: Duration,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in numbers {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while account.open() > OPEN {
            if stop.is_cancelled() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        account.announce(number);
        let body = Event::of(account.seed, number).body();
        let begun = Instant::now();
        publisher.publish(EVENT, &Event::id(account.seed, number), &body).await;
        account.published(number);
        if begun.elapsed() > Duration::from_secs(120) {
            account.complain(format!("event {number} was not taken for {:?}", begun.elapsed()));
        }
    }
}
