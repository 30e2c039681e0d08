//! Dead letters: looked at, sent home again, or thrown away.
//!
//! `letter` reads one, `filter` says which are meant, `walk` goes along those of one application, `settle` sends letters
//! home or discards them, and this file puts it together. A letter is acknowledged only after its message is confirmed in
//! its home queue, so whatever is killed half-way loses nothing: at worst a message is there twice, under one id (I1).

#[cfg(test)]
mod fake;
mod filter;
mod letter;
mod rate;
mod settle;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{Mutex, MutexGuard, mpsc};

pub use filter::Filter;
pub use letter::{Letter, NoHome, Report};
pub use rate::{InvalidRate, Rate};

use crate::broker::{Broker, BrokerError};
use crate::message::MessageId;
use crate::name::{AppName, PluginId, QueueName};
use walk::Walk;

/// How long a command waits for one that came before it.
const TURN: Duration = Duration::from_secs(10);
/// How many ids are named where a beginning fits several.
const NAMED: usize = 5;
/// How many letters of one id are shown.
pub const SHOWN: usize = 16;

/// Why something cannot be done with dead letters.
#[derive(Debug, thiserror::Error)]
pub enum DeadError {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error("no dead letter that is meant has an id that begins with {0:?}; `leveret dead list` shows them")]
    Unknown(String),
    #[error("the id {beginning:?} fits several dead letters: {}; write more of it", ids.join(", "))]
    Ambiguous { beginning: String, ids: Vec<String> },
    #[error("there are {0} dead letters of this id, and a new body is for one: narrow it by `--plugin`")]
    Several(usize),
    #[error("another command has this host's dead letters in hand; wait until it ends, and try again")]
    Busy,
    #[error("this would be every dead letter: narrow it, or say `--all`")]
    All,
    #[error("a new body is for one dead letter: give its id")]
    Edit,
    /// Whoever asked is gone.
    #[error("nobody waits for it any more")]
    Gone,
}

/// What to do with which letters.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Order {
    pub filter: Filter,
    /// Needed where the filter leaves nothing out.
    pub all: bool,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// Instead of the letter's own body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Box<RawValue>>,
}

impl Order {
    /// Refuses what can only be a mistake.
    pub fn check(&self) -> Result<(), DeadError> {
        match self {
            Self { filter, all: false, .. } if filter.is_empty() => Err(DeadError::All),
            Self { filter, body: Some(_), .. } if filter.id.is_none() => Err(DeadError::Edit),
            _ => Ok(()),
        }
    }
}

/// What becomes of letters that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Back to the queue that it came from, with fresh attempts.
    Retry,
    /// Gone for good.
    Discard,
}

/// How an order comes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "progress", rename_all = "kebab-case")]
pub enum Progress {
    /// There are so many letters to walk along, about.
    Begun {
        total: u64,
    },
    /// So many letters are behind, whether they were meant or not.
    Walked {
        walked: u64,
    },
    Done(Named),
    /// It stays a dead letter.
    Skipped {
        #[serde(flatten)]
        letter: Named,
        why: String,
    },
    /// The end.
    Ended(Tally),
    /// The end before its time. What was done is done, and the rest is as it was.
    Failed {
        error: String,
    },
}

/// A letter, by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub id: MessageId,
    pub app: AppName,
    pub plugin: Option<PluginId>,
    /// The event or task that it is about.
    pub name: String,
}

/// What became of an order's letters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub done: u64,
    /// Meant, and dead letters still.
    pub skipped: u64,
    pub walked: u64,
}

/// The dead letters of a broker.
pub struct DeadLetters {
    broker: Arc<dyn Broker>,
    /// Whoever walks has letters in hand that nobody else would see.
    turn: Mutex<()>,
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeadLetters")
    }
}

impl DeadLetters {
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        Self { broker, turn: Mutex::new(()) }
    }

    /// Hands over each letter of these applications that fits, at most `limit`, as fast as they are taken. Changes
    /// nothing.
    pub async fn list(
        &self,
        apps: &BTreeSet<AppName>,
        filter: &Filter,
        limit: u64,
        taker: &mpsc::Sender<Letter>,
    ) -> Result<(), DeadError> {
        let _turn = self.turn().await?;
        let mut left = limit;
        for app in meant(apps, filter) {
            if left == 0 {
                break;
            }
            let mut walk = Walk::begin(&self.broker, app).await?;
            let listed = hand_over(&mut walk, filter, &mut left, taker).await;
            walk.end().await;
            listed?;
        }
        Ok(())
    }

    /// The letters of the one id that begins as the filter says, at most [`SHOWN`]: several plugins of an application may
    /// each have one.
    pub async fn show(&self, apps: &BTreeSet<AppName>, filter: &Filter) -> Result<Vec<Letter>, DeadError> {
        let _turn = self.turn().await?;
        let id = self.search(apps, filter, false).await?.id;
        let mut shown = Vec::new();
        for app in meant(apps, filter) {
            let mut walk = Walk::begin(&self.broker, app).await?;
            let looked = async {
                while shown.len() < SHOWN
                    && let Some((letter, _)) = walk.next().await?
                {
                    if letter.message.id == id && filter.fits(&letter) {
                        shown.push(letter);
                    }
                }
                Ok::<_, DeadError>(())
            }
            .await;
            walk.end().await;
            looked?;
        }
        Ok(shown)
    }

    /// Sends home or discards what is meant, and tells of it. Ends where nobody listens any more.
    pub async fn settle(
        &self,
        apps: &BTreeSet<AppName>,
        order: &Order,
        fate: Fate,
        told: &mpsc::Sender<Progress>,
    ) -> Result<Tally, DeadError> {
        order.check()?;
        let _turn = self.turn().await?;
        let exact = match &order.filter.id {
            Some(_) => Some(self.one(apps, order).await?),
            None => None,
        };
        let mut total = 0;
        for app in meant(apps, &order.filter) {
            total += self.broker.depth(&QueueName::dead(app)).await?.unwrap_or_default();
        }
        told.send(Progress::Begun { total }).await.map_err(|_| DeadError::Gone)?;
        let mut settling = settle::Settling::new(&self.broker, order, exact, fate, told);
        for app in meant(apps, &order.filter) {
            let mut walk = Walk::begin(&self.broker, app).await?;
            let settled = settling.along(&mut walk).await;
            walk.end().await;
            settled?;
        }
        Ok(settling.tally())
    }

    /// The one id that is meant, and for a new body the one letter.
    async fn one(&self, apps: &BTreeSet<AppName>, order: &Order) -> Result<MessageId, DeadError> {
        let is_edit = order.body.is_some();
        let Found { id, letters } = self.search(apps, &order.filter, is_edit).await?;
        if is_edit && letters > 1 { Err(DeadError::Several(letters)) } else { Ok(id) }
    }

    /// The one id that begins as the filter says; a letter of exactly that id wins over longer ones. Looks no further
    /// than that, unless `all` letters of it are to be counted.
    async fn search(&self, apps: &BTreeSet<AppName>, filter: &Filter, all: bool) -> Result<Found, DeadError> {
        let beginning = filter.id.as_deref().unwrap_or_default();
        let (mut ids, mut is_found) = (BTreeMap::new(), false);
        for app in meant(apps, filter) {
            let mut walk = Walk::begin(&self.broker, app).await?;
            let looked = async {
                while !is_found && let Some((letter, _)) = walk.next().await? {
                    let id = &letter.message.id;
                    let is_exact = id.as_str() == beginning;
                    if filter.fits(&letter) && (is_exact || ids.len() <= NAMED || ids.contains_key(id)) {
                        *ids.entry(letter.message.id).or_insert(0) += 1;
                        is_found = is_exact && !all;
                    }
                }
                Ok::<_, DeadError>(())
            }
            .await;
            walk.end().await;
            looked?;
        }
        only(ids, beginning)
    }

    async fn turn(&self) -> Result<MutexGuard<'_, ()>, DeadError> {
        tokio::time::timeout(TURN, self.turn.lock()).await.map_err(|_| DeadError::Busy)
    }
}

/// The applications whose dead letters can fit: the one that the filter names, known or not, or else those known.
fn meant<'a>(apps: &'a BTreeSet<AppName>, filter: &'a Filter) -> impl Iterator<Item = &'a AppName> {
    let named = filter.app();
    named.into_iter().chain(apps.iter().filter(move |_| named.is_none()))
}

/// The one id that was found, and how many letters have it.
struct Found {
    id: MessageId,
    letters: usize,
}

fn only(ids: BTreeMap<MessageId, usize>, beginning: &str) -> Result<Found, DeadError> {
    let exact = ids.iter().find(|(id, _)| id.as_str() == beginning);
    let single = || ids.iter().next().filter(|_| ids.len() == 1);
    match exact.or_else(single) {
        Some((id, letters)) => Ok(Found { id: id.clone(), letters: *letters }),
        None if ids.is_empty() => Err(DeadError::Unknown(beginning.into())),
        None => {
            let ids = ids.keys().take(NAMED).map(MessageId::to_string).collect();
            Err(DeadError::Ambiguous { beginning: beginning.into(), ids })
        }
    }
}

async fn hand_over(
    walk: &mut Walk,
    filter: &Filter,
    left: &mut u64,
    taker: &mpsc::Sender<Letter>,
) -> Result<(), DeadError> {
    while *left > 0
        && let Some((letter, _)) = walk.next().await?
    {
        if taker.is_closed() {
            return Err(DeadError::Gone);
        }
        if filter.fits(&letter) {
            *left -= 1;
            taker.send(letter).await.map_err(|_| DeadError::Gone)?;
        }
    }
    Ok(())
}
