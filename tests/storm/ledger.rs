//! The account of every event: the task that must come of it, and how the host says that it settled.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use leveret::broker::{Listener, Source};
use leveret::delivery::{Counts, Record, Settlement};
use leveret::message::{Maker, MessageId};
use leveret::name::{PluginId, TaskName};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

use leveret_tests::stage::{Failure, Stage};

/// What the plugin makes of an event.
const TASK: &str = "puppet.echo.make";
/// How many tasks may be out of the broker and not acknowledged.
const PREFETCH: NonZeroU16 = NonZeroU16::new(256).expect("256 is not 0");
/// How often to look whether everything is accounted for.
const LOOK: Duration = Duration::from_millis(20);

/// What is expected, and what came.
pub struct Ledger {
    events: Vec<MessageId>,
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    /// How often each task came that is expected.
    tasks: HashMap<MessageId, u32>,
    /// Tasks that came and that nobody expected.
    strangers: BTreeSet<MessageId>,
    /// How often each event was done.
    done: HashMap<MessageId, u32>,
    /// Why deliveries failed, and how often.
    others: BTreeMap<String, u64>,
    /// The versions that handled events.
    versions: BTreeSet<String>,
    /// Records of the journal that came too fast to be read.
    unread: u64,
    seen: usize,
    last: Option<Instant>,
}

impl Ledger {
    /// Expects one task of the plugin for each event.
    pub fn new(events: Vec<MessageId>, plugin: &PluginId) -> Self {
        let tasks = events.iter().map(|event| (MessageId::derived(event, plugin, Maker::Handler, 0), 0)).collect();
        Self { events, account: Mutex::new(Account { tasks, ..Account::default() }) }
    }

    /// The id of an event by its number.
    pub fn event(&self, number: u32) -> MessageId {
        self.events[number as usize].clone()
    }

    /// Begins to take the plugin's tasks from their queue and to read the journal, until the returned set is dropped.
    pub async fn follow(self: &Arc<Self>, stage: &Stage) -> Result<JoinSet<()>, Failure> {
        let mut following = JoinSet::new();
        let task: TaskName = TASK.parse()?;
        let tasks = Source::task(task, PREFETCH);
        following.spawn(self.clone().consume(stage.host.broker.listen(tasks).await?));
        following.spawn(self.clone().read(stage.host.journal.read()));
        Ok(following)
    }

    /// Waits until everything expected came, or nothing came for so long. Says when the last came.
    pub async fn settle(&self, patience: Duration) -> Instant {
        let begun = Instant::now();
        loop {
            let (complete, last) = {
                let account = self.account();
                (account.is_complete(self.events.len()), account.last.unwrap_or(begun).max(begun))
            };
            if complete || last.elapsed() > patience {
                return last;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many tasks never came.
    pub fn lost(&self) -> usize {
        self.account().tasks.values().filter(|count| **count == 0).count()
    }

    /// How many tasks came more than once.
    pub fn duplicates(&self) -> usize {
        self.account().tasks.values().filter(|count| **count > 1).count()
    }

    /// How many versions handled events.
    pub fn versions(&self) -> usize {
        self.account().versions.len()
    }

    /// How far it is, for people.
    pub fn progress(&self) -> String {
        let account = self.account();
        format!("{} tasks so far, {} versions at work", account.seen, account.versions.len())
    }

    /// Whatever is neither lost nor a duplicate and still is not as it should be.
    pub fn complaints(&self, counts: Counts) -> Vec<String> {
        let account = self.account();
        let mut complaints = Vec::new();
        if !account.strangers.is_empty() {
            complaints.push(format!("{} tasks that nobody expected", account.strangers.len()));
        }
        if counts.done != self.events.len() as u64 {
            complaints.push(format!("{} events, but {} deliveries done", self.events.len(), counts.done));
        }
        let again = account.done.values().filter(|count| **count > 1).count();
        if again > 0 {
            complaints.push(format!("{again} events were done more than once"));
        }
        if account.unread > 0 {
            complaints.push(format!("{} records of the journal were missed", account.unread));
        }
        let other = |(how, count): (&String, &u64)| format!("{count} deliveries {how}");
        complaints.extend(account.others.iter().map(other));
        complaints
    }

    async fn consume(self: Arc<Self>, mut listener: Box<dyn Listener>) {
        let mut settling = JoinSet::new();
        while let Some(received) = listener.next().await {
            self.account().task(received.message.id);
            // Beside the next message, so that the broker can acknowledge many at once.
            settling.spawn(received.receipt.acknowledge());
            while let Some(settled) = settling.try_join_next() {
                if let Ok(Err(error)) = settled {
                    eprintln!("a task is not acknowledged, so it comes again: {error}");
                }
            }
        }
    }

    async fn read(self: Arc<Self>, mut journal: Receiver<Record>) {
        loop {
            match journal.recv().await {
                Ok(record) => self.account().record(record),
                Err(RecvError::Lagged(missed)) => self.account().unread += missed,
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        // Nothing panics between two changes that belong together.
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn task(&mut self, id: MessageId) {
        self.last = Some(Instant::now());
        match self.tasks.get_mut(&id) {
            Some(count) => {
                self.seen += usize::from(*count == 0);
                *count += 1;
            }
            None => drop(self.strangers.insert(id)),
        }
    }

    fn record(&mut self, record: Record) {
        self.last = Some(Instant::now());
        let other = match record.settlement {
            Settlement::Done => {
                self.versions.insert(record.version);
                *self.done.entry(record.id).or_default() += 1;
                return;
            }
            Settlement::Retried { reason, .. } => format!("were retried: {reason}"),
            Settlement::Dead { reason } => format!("became dead letters: {reason}"),
            Settlement::Duplicate => "were taken for duplicates".into(),
            // What a removal hands back is delivered again, and then counts.
            Settlement::Returned { .. } => return,
        };
        *self.others.entry(other).or_default() += 1;
    }

    /// Every task came, and every event was said to be done, as far as the journal could be read.
    fn is_complete(&self, events: usize) -> bool {
        self.seen == events && (self.done.len() == events || self.unread > 0)
    }
}
