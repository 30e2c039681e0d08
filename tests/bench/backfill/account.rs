//! What became of every event, as the tasks tell it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU16;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use leveret::broker::{Broker, Source};
use leveret::message::MessageId;
use leveret_tests::stage::Failure;
use leveret_tests::wat::ECHOED;
use serde_json::{Value, json};

use crate::figures::quantile;

/// What became of the events.
#[derive(Debug, Default)]
pub struct Account {
    pub events: u32,
    pub live: u32,
    /// Events of which there is no task.
    pub lost: u64,
    /// Tasks beyond one for each event, by their ids.
    pub duplicates: u64,
    /// Copies of tasks under an id that was there before: whoever drops duplicates drops these.
    pub repeated: u64,
    pub seconds: f64,
    pub bystander: Bystander,
}

/// How long a bystander's events took, in ms: from their publish to that of the task.
#[derive(Debug, Default)]
pub struct Bystander {
    beside: Vec<f64>,
    afterwards: Vec<f64>,
}

impl Bystander {
    pub fn json(&self) -> Value {
        let (beside, afterwards) = (quantile(&self.beside, 0.99), quantile(&self.afterwards, 0.99));
        let ratio = (beside / afterwards * 100.0).round() / 100.0;
        json!({ "p99_beside_ms": beside, "p99_afterwards_ms": afterwards, "ratio": ratio, "events": self.beside.len() })
    }
}

impl Account {
    pub fn json(&self) -> Value {
        let Self { events, live, lost, duplicates, repeated, seconds, .. } = self;
        json!({
            "events": events, "live": live, "lost": lost, "duplicates": duplicates, "repeated": repeated,
            "seconds": seconds.round(),
        })
    }
}

/// Looks at every task.
pub async fn account(broker: &dyn Broker, events: u32, live: u32) -> Result<Account, Failure> {
    let source = Source::task(format!("counter.{ECHOED}").parse()?, NonZeroU16::MAX);
    let mut left = broker.depth(&source.queue).await?.unwrap_or_default();
    let mut listener = broker.listen(source).await?;
    let mut ids: Vec<Option<u64>> = vec![None; (events + live) as usize];
    let mut account = Account { events, live, ..Account::default() };
    let mut acknowledging = FuturesUnordered::new();
    while left > 0 {
        let received = listener.next().await.ok_or("the broker is gone")?;
        left -= 1;
        let payload: Value = serde_json::from_slice(&received.message.body)?;
        let number = payload["number"].as_u64().ok_or("a task without a number")?;
        let place = ids.get_mut(usize::try_from(number)?).ok_or("a number that was never published")?;
        match place.replace(digest(&received.message.id)) {
            None => {}
            Some(before) if before == digest(&received.message.id) => account.repeated += 1,
            Some(_) => account.duplicates += 1,
        }
        acknowledging.push(received.receipt.acknowledge());
        while acknowledging.len() > 10_000 {
            acknowledging.next().await.transpose()?;
        }
    }
    while acknowledging.next().await.transpose()?.is_some() {}
    account.lost = ids.iter().filter(|id| id.is_none()).count() as u64;
    account.bystander = bystander(broker).await?;
    Ok(account)
}

/// How long the bystander's events took.
async fn bystander(broker: &dyn Broker) -> Result<Bystander, Failure> {
    let source = Source::task(format!("bystander.{ECHOED}").parse()?, NonZeroU16::MAX);
    let mut left = broker.depth(&source.queue).await?.unwrap_or_default();
    let mut listener = broker.listen(source).await?;
    let mut bystander = Bystander::default();
    while left > 0 {
        let received = listener.next().await.ok_or("the broker is gone")?;
        left -= 1;
        let payload: Value = serde_json::from_slice(&received.message.body)?;
        let published = payload["at"].as_u64().ok_or("a task without a time")?;
        let took = received.message.time.millis().saturating_sub(published) as f64;
        if payload["beside"] == true {
            bystander.beside.push(took)
        } else {
            bystander.afterwards.push(took)
        }
        received.receipt.acknowledge().await?;
    }
    Ok(bystander)
}

fn digest(id: &MessageId) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}
