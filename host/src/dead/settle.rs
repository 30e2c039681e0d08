//! Letters that are meant go home or are discarded, a few at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::walk::Walk;
use super::{DeadError, Fate, Letter, Named, NoHome, Order, Progress, Rate, Tally};
use crate::broker::{Acknowledge, Broker, BrokerError, BrokerStatus, Destination, Outgoing, PublishError};
use crate::message::MessageId;
use crate::name::QueueName;

/// How many letters, and bytes of their bodies, are in memory at a time (I8): one more than the bytes at the most.
const AT_ONCE: usize = 32;
const BYTES_AT_ONCE: usize = 4 << 20;
/// How many letters are walked past before it is told, and before what is in hand goes on.
const PAST_AT_ONCE: usize = 256;
/// For how long the letters of one go may last where there is a rate: short, so that they leave evenly.
const GO: Duration = Duration::from_millis(100);

/// An order that is being carried out.
pub(super) struct Settling<'o> {
    broker: &'o Arc<dyn Broker>,
    order: &'o Order,
    /// Instead of the letters' own.
    body: Option<Bytes>,
    /// The one id that is meant, where the filter has the beginning of it.
    exact: Option<MessageId>,
    fate: Fate,
    told: &'o mpsc::Sender<Progress>,
    /// When the rate lets the next letters go.
    due: Instant,
    tally: Tally,
}

type InHand = (Letter, Box<dyn Acknowledge>);

impl<'o> Settling<'o> {
    pub fn new(
        broker: &'o Arc<dyn Broker>,
        order: &'o Order,
        exact: Option<MessageId>,
        fate: Fate,
        told: &'o mpsc::Sender<Progress>,
    ) -> Self {
        let body = order.body.as_ref().map(|body| Bytes::from(body.get().to_owned()));
        Self { broker, order, body, exact, fate, told, due: Instant::now(), tally: Tally::default() }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Settles what is meant of one application's letters.
    pub async fn along(&mut self, walk: &mut Walk) -> Result<(), DeadError> {
        loop {
            let room = self.order.limit.map_or(u64::MAX, |limit| limit.saturating_sub(self.tally.done));
            let (letters, more) = self.gather(walk, room).await?;
            if !letters.is_empty() {
                self.wait(letters.len()).await?;
                self.settle(walk, letters).await?;
            }
            self.tell(Progress::Walked { walked: self.tally.walked }).await;
            // Not between publish and acknowledge: whoever goes away leaves nothing half done.
            if self.told.is_closed() {
                return Err(DeadError::Gone);
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// The next few letters that are meant, and whether there may be more.
    async fn gather(&mut self, walk: &mut Walk, room: u64) -> Result<(Vec<InHand>, bool), DeadError> {
        let at_once = self.order.rate.map_or(AT_ONCE, |rate| rate.within(GO).min(AT_ONCE));
        let at_once = at_once.min(usize::try_from(room).unwrap_or(usize::MAX));
        let (mut letters, mut bytes, mut walked) = (Vec::new(), 0, 0);
        while letters.len() < at_once && bytes < BYTES_AT_ONCE && walked < PAST_AT_ONCE {
            let Some((letter, receipt)) = walk.next().await? else { return Ok((letters, false)) };
            walked += 1;
            self.tally.walked += 1;
            if self.means(&letter) {
                bytes += letter.message.body.len();
                letters.push((letter, receipt));
            }
        }
        Ok((letters, at_once > 0))
    }

    fn means(&self, letter: &Letter) -> bool {
        self.order.filter.fits(letter) && self.exact.as_ref().is_none_or(|id| *id == letter.message.id)
    }

    /// Waits until the rate lets so many letters go, as long as somebody waits for them.
    async fn wait(&mut self, letters: usize) -> Result<(), DeadError> {
        let Some(rate) = self.order.rate else { return Ok(()) };
        let mut status = self.broker.status();
        tokio::select! {
            () = tokio::time::sleep_until(self.due) => {}
            () = self.told.closed() => return Err(DeadError::Gone),
            _ = status.wait_for(|status| *status == BrokerStatus::Closed) => {
                return Err(BrokerError::Unreachable("the host stops".into()).into());
            }
        }
        self.due = self.due.max(Instant::now()) + Rate::time_for(rate, letters);
        Ok(())
    }

    async fn settle(&mut self, walk: &mut Walk, letters: Vec<InHand>) -> Result<(), DeadError> {
        let ready = match self.fate {
            Fate::Discard => letters,
            Fate::Retry => {
                let at_home = self.with_home(letters).await?;
                if self.order.dry_run {
                    at_home.into_iter().map(|(letter, _)| letter).collect()
                } else {
                    self.send(at_home).await?
                }
            }
        };
        for (letter, receipt) in ready {
            if self.order.dry_run {
                self.done(&letter).await;
                continue;
            }
            match (receipt.acknowledge().await, self.fate) {
                (Ok(()), _) => {
                    walk.settled();
                    self.done(&letter).await;
                }
                (Err(error), Fate::Retry) => {
                    let why =
                        format!("it is in its queue again, and still here since it could not be taken out: {error}");
                    self.skipped(&letter, why).await;
                }
                (Err(error), Fate::Discard) => {
                    self.skipped(&letter, format!("it could not be taken out: {error}")).await;
                }
            }
        }
        Ok(())
    }

    /// Those letters whose home queue exists, with that.
    async fn with_home(&mut self, letters: Vec<InHand>) -> Result<Vec<(InHand, QueueName)>, DeadError> {
        let mut known: BTreeMap<QueueName, bool> = BTreeMap::new();
        let mut at_home = Vec::with_capacity(letters.len());
        for (letter, receipt) in letters {
            let home = match letter.home() {
                Ok(home) => home,
                Err(error) => {
                    self.skipped(&letter, error.to_string()).await;
                    continue;
                }
            };
            let exists = match known.get(&home) {
                Some(exists) => *exists,
                None => self.broker.depth(&home).await?.is_some(),
            };
            known.insert(home.clone(), exists);
            if exists {
                at_home.push(((letter, receipt), home));
            } else {
                self.skipped(&letter, NoHome::Absent(home).to_string()).await;
            }
        }
        Ok(at_home)
    }

    /// Publishes letters to their homes. Those that the broker has confirmed may be acknowledged.
    async fn send(&mut self, letters: Vec<(InHand, QueueName)>) -> Result<Vec<InHand>, DeadError> {
        let batch = letters.iter().map(|((letter, _), home)| self.outgoing(letter, home)).collect();
        match self.broker.publish(batch).await {
            Ok(_) => return Ok(letters.into_iter().map(|(letter, _)| letter).collect()),
            Err(PublishError::Returned(_) | PublishError::Refused(_) | PublishError::TooLarge(_)) => {}
            Err(error) => return Err(BrokerError::Unreachable(error.to_string()).into()),
        }
        // One of them was not taken: each by itself, under the same ids, tells which.
        let mut sent = Vec::with_capacity(letters.len());
        for ((letter, receipt), home) in letters {
            match self.broker.publish(vec![self.outgoing(&letter, &home)]).await {
                Ok(_) => sent.push((letter, receipt)),
                Err(error) => self.skipped(&letter, error.to_string()).await,
            }
        }
        Ok(sent)
    }

    fn outgoing(&self, letter: &Letter, home: &QueueName) -> Outgoing {
        Outgoing { destination: Destination::Queue(home.clone()), message: letter.revived(self.body.clone()) }
    }

    async fn done(&mut self, letter: &Letter) {
        self.tally.done += 1;
        self.tell(Progress::Done(named(letter))).await;
    }

    async fn skipped(&mut self, letter: &Letter, why: String) {
        self.tally.skipped += 1;
        self.tell(Progress::Skipped { letter: named(letter), why }).await;
    }

    async fn tell(&self, progress: Progress) {
        // An error means that nobody listens any more, which is looked at where stopping is safe.
        let _ = self.told.send(progress).await;
    }
}

fn named(letter: &Letter) -> Named {
    let Letter { app, plugin, message, .. } = letter;
    Named { id: message.id.clone(), app: app.clone(), plugin: plugin.clone(), name: message.subject.to_string() }
}
