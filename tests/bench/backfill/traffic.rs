//! What is published before, and meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use leveret::broker::{Broker, Destination, Outgoing};
use leveret::message::{Message, Subject, Timestamp};
use leveret::name::EventName;
use leveret_tests::http;
use serde_json::json;
use tokio::sync::watch;

use super::{EVENT, LOOK, OTHER};

/// How what happens meanwhile is published.
#[derive(Clone)]
pub enum Channel {
    Broker(Arc<dyn Broker>),
    /// The API of the host that runs at the moment.
    Api(watch::Receiver<String>),
}

impl Channel {
    /// Tries until it is certain that the event is published, under one id.
    async fn publish(self, sale: Outgoing) {
        loop {
            let published = match &self {
                Self::Broker(broker) => broker.publish(vec![sale.clone()]).await.is_ok(),
                Self::Api(api) => {
                    let (api, message) = (api.borrow().clone(), &sale.message);
                    let body = String::from_utf8_lossy(&message.body);
                    let answer = http::publish(&api, message.subject.as_str(), message.id.as_str(), &body).await;
                    answer.is_some_and(|(status, _)| status == 202)
                }
            };
            if published {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Publishes so many a second until it is over; says how many there were.
pub async fn stream(channel: Channel, rate: u32, over: Arc<AtomicBool>, message: impl Fn(u32) -> Outgoing) -> u32 {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let (begun, mut number) = (Instant::now(), 0);
    let mut publishing = tokio::task::JoinSet::new();
    while !over.load(Ordering::Relaxed) {
        ticks.tick().await;
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while number < due && publishing.len() < 1000 {
            publishing.spawn(channel.clone().publish(message(number)));
            number += 1;
        }
        while publishing.try_join_next().is_some() {}
    }
    publishing.join_all().await;
    if let Channel::Broker(broker) = channel {
        broker.close().await;
    }
    number
}

pub fn moved(beside: bool) -> Outgoing {
    let event: EventName = OTHER.parse().expect("it is a legal name");
    let body = json!({ "at": Timestamp::now().millis(), "beside": beside }).to_string();
    Outgoing { message: Message::new(Subject::Event(event.clone()), body), destination: Destination::Event(event) }
}

pub fn sale(number: u32) -> Outgoing {
    let event: EventName = EVENT.parse().expect("it is a legal name");
    let body = json!({ "number": number, "model": "Model E", "amount": 4_200_000, "buyer": "somebody" }).to_string();
    Outgoing { message: Message::new(Subject::Event(event.clone()), body), destination: Destination::Event(event) }
}
