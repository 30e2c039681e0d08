//! The one thread that owns the file.
//!
//! What is asked while a transaction is being written is gathered into the next one, so that many callers share one
//! wait for the disk; each is answered after the commit. The queue of orders needs no limit of its own: whoever asks
//! waits for the answer, so it never holds more than one order for each caller and each message that is out.

use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::flight::Flight;
use super::open::OpenError;
use super::store::Store;
use crate::broker::{BrokerStatus, Condition};
use crate::message::Timestamp;

/// The most orders in one transaction.
const GROUP: usize = 512;
/// The most delayed messages that come home in one transaction.
const HOMECOMING: usize = 256;
/// How long the history may be too old or too large before it is looked at again.
const TRIM_PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before a file that could not be used is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// The longest sleep; a wall clock that is set forward is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Why the worker did not do what it was asked. Nothing of it counts as done; ask again.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    pub fn closed() -> Self {
        Self("the embedded broker is closed".into())
    }
}

/// A way to reach the thread. Copies reach the same one.
#[derive(Debug, Clone)]
pub struct Worker {
    orders: Sender<Order>,
}

enum Order {
    Ask(Box<dyn Ask>),
    Tell(Box<dyn FnOnce(&mut Flight) + Send>),
    Alone(Box<dyn FnOnce(&mut Work) + Send>),
    Close(oneshot::Sender<()>),
}

/// An order that shares a transaction with others.
enum Shared {
    Ask(Box<dyn Ask>),
    Tell(Box<dyn FnOnce(&mut Flight) + Send>),
}

/// An order that nothing is gathered behind.
enum Last {
    Alone(Box<dyn FnOnce(&mut Work) + Send>),
    Close(oneshot::Sender<()>),
}

impl Worker {
    /// Starts the thread; it ends with [`Worker::close`]. How it is doing is told to the broker's users and, in the
    /// listeners' words, to theirs.
    pub fn start(store: Store) -> Result<(Self, Conditions), OpenError> {
        let newest = store.newest().map_err(|source| OpenError::Database { path: store.path().into(), source })?;
        let (orders, received) = mpsc::channel();
        let (status, condition) = (watch::Sender::new(BrokerStatus::Ready), watch::Sender::new(Condition::Consuming));
        let recorded = watch::Sender::new(());
        let watched =
            Conditions { broker: status.subscribe(), listeners: condition.subscribe(), recorded: recorded.subscribe() };
        let worker = Self { orders };
        let work = Work {
            store,
            flight: Flight::new(newest, recorded),
            orders: received,
            worker: worker.clone(),
            status,
            condition,
            more: true,
            trim: Instant::now(),
        };
        std::thread::Builder::new()
            .name("embedded-broker".into())
            .spawn(move || work.run())
            .map_err(OpenError::Thread)?;
        Ok((worker, watched))
    }

    /// Does `write` in a transaction, then `finish` once that is durable. Neither may block. Others may have written
    /// meanwhile without having finished.
    pub async fn ask<W, T>(
        &self,
        write: impl FnOnce(&Store, &Flight) -> rusqlite::Result<W> + Send + 'static,
        finish: impl FnOnce(W, &mut Flight) -> T + Send + 'static,
    ) -> Result<T, Fault>
    where
        W: Send + 'static,
        T: Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { write: Some(write), written: None, finish, reply };
        self.orders.send(Order::Ask(Box::new(asked))).map_err(|_| Fault::closed())?;
        answer.await.unwrap_or_else(|_| Err(Fault::closed()))
    }

    /// Does something in a transaction of its own, once all asked before is finished and before anything asked later
    /// has begun.
    pub async fn alone<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Store, &mut Flight) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let (reply, answer) = oneshot::channel();
        let order = move |work: &mut Work| {
            // Whoever asked may have stopped waiting; what was asked is done all the same.
            let _ = reply.send(work.transaction(act));
        };
        self.orders.send(Order::Alone(Box::new(order))).map_err(|_| Fault::closed())?;
        answer.await.unwrap_or_else(|_| Err(Fault::closed()))
    }

    /// Changes what is out, after everything asked before and before everything asked later.
    pub fn tell(&self, change: impl FnOnce(&mut Flight) + Send + 'static) -> Result<(), Fault> {
        self.orders.send(Order::Tell(Box::new(change))).map_err(|_| Fault::closed())
    }

    /// Ends the thread after everything asked before. The answer comes when the file is closed.
    pub fn close(&self) -> oneshot::Receiver<()> {
        let (reply, closed) = oneshot::channel();
        // Where this fails, the thread has ended already, and so does the wait for its answer.
        let _ = self.orders.send(Order::Close(reply));
        closed
    }
}

/// How the broker and its listeners are doing, now and from now on.
#[derive(Debug)]
pub struct Conditions {
    pub broker: watch::Receiver<BrokerStatus>,
    pub listeners: watch::Receiver<Condition>,
    /// Changes when the history has something new; ends with the thread.
    pub recorded: watch::Receiver<()>,
}

/// An order with a durable part.
trait Ask: Send {
    fn write(&mut self, store: &Store, flight: &Flight) -> rusqlite::Result<()>;
    fn finish(self: Box<Self>, flight: &mut Flight);
    fn fail(self: Box<Self>, fault: &Fault);
}

struct Asked<Write, W, Finish, T> {
    write: Option<Write>,
    written: Option<W>,
    finish: Finish,
    reply: oneshot::Sender<Result<T, Fault>>,
}

impl<Write, W, Finish, T> Ask for Asked<Write, W, Finish, T>
where
    Write: FnOnce(&Store, &Flight) -> rusqlite::Result<W> + Send,
    Finish: FnOnce(W, &mut Flight) -> T + Send,
    W: Send,
    T: Send,
{
    fn write(&mut self, store: &Store, flight: &Flight) -> rusqlite::Result<()> {
        if let Some(write) = self.write.take() {
            self.written = Some(write(store, flight)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, flight: &mut Flight) {
        if let Some(written) = self.written {
            // Whoever asked may have stopped waiting; what was asked is done all the same.
            let _ = self.reply.send(Ok((self.finish)(written, flight)));
        }
    }

    fn fail(self: Box<Self>, fault: &Fault) {
        let _ = self.reply.send(Err(fault.clone()));
    }
}

/// What the thread owns.
struct Work {
    store: Store,
    flight: Flight,
    orders: Receiver<Order>,
    worker: Worker,
    status: watch::Sender<BrokerStatus>,
    condition: watch::Sender<Condition>,
    /// There is more to do without waiting for an order.
    more: bool,
    /// When the history is looked at again.
    trim: Instant,
}

impl Work {
    fn run(mut self) {
        let closed = loop {
            let (group, last) = self.gather();
            self.perform(group);
            match last {
                Some(Last::Alone(order)) => order(&mut self),
                Some(Last::Close(closed)) => break closed,
                None => {}
            }
            // Nothing goes out while nothing can be settled: it would only come back and go out again.
            if !self.is_down()
                && let Err(error) = self.go_on()
            {
                self.down(&error);
            }
        };
        let path = self.store.path().to_owned();
        if let Err(error) = self.store.close() {
            tracing::warn!(path = %path.display(), %error, "the file did not close cleanly; it mends itself when opened");
        }
        self.status.send_replace(BrokerStatus::Closed);
        self.condition.send_replace(Condition::Interrupted { reason: Fault::closed().to_string() });
        // Nothing waits behind a closed broker: these end the waits of the listeners and of orders that came too late.
        drop((self.flight, self.orders));
        let _ = closed.send(());
    }

    /// Waits for orders or for the next thing to do, and takes what is there, up to the first that shares no transaction.
    fn gather(&mut self) -> (Vec<Shared>, Option<Last>) {
        let mut group = Vec::new();
        let sleep = self.sleep();
        let mut next = self.orders.recv_timeout(sleep).ok();
        while let Some(order) = next {
            match order {
                Order::Ask(ask) => group.push(Shared::Ask(ask)),
                Order::Tell(change) => group.push(Shared::Tell(change)),
                Order::Alone(order) => return (group, Some(Last::Alone(order))),
                Order::Close(reply) => return (group, Some(Last::Close(reply))),
            }
            next = if group.len() < GROUP { self.orders.try_recv().ok() } else { None };
        }
        (group, None)
    }

    fn sleep(&mut self) -> Duration {
        if self.is_down() {
            return RETRY;
        }
        if self.more {
            return Duration::ZERO;
        }
        match self.store.next_due() {
            Ok(None) => LONGEST_SLEEP,
            Ok(Some(due)) => due.since_epoch().saturating_sub(Timestamp::now().since_epoch()).min(LONGEST_SLEEP),
            Err(error) => {
                self.down(&error);
                RETRY
            }
        }
    }

    /// Does a group of orders: everything durable in one transaction, then the rest in the order it was asked.
    fn perform(&mut self, mut group: Vec<Shared>) {
        let asks = group.iter_mut().filter_map(|order| if let Shared::Ask(ask) = order { Some(ask) } else { None });
        let written = self.transaction(|store, flight| asks.into_iter().try_for_each(|ask| ask.write(store, flight)));
        for order in group {
            match (order, &written) {
                (Shared::Ask(ask), Ok(())) => ask.finish(&mut self.flight),
                (Shared::Ask(ask), Err(fault)) => ask.fail(fault),
                (Shared::Tell(change), _) => change(&mut self.flight),
            }
        }
    }

    /// Does something with the file, and notes whether it can be used.
    fn transaction<T>(&mut self, act: impl FnOnce(&Store, &mut Flight) -> rusqlite::Result<T>) -> Result<T, Fault> {
        let down = self.is_down();
        let Self { store, flight, .. } = self;
        let done = store.transaction(|store| {
            if down {
                store.touch()?;
            }
            act(store, flight)
        });
        match done {
            Ok(done) => {
                self.up();
                Ok(done)
            }
            Err(error) => Err(self.down(&error)),
        }
    }

    /// Does a little of everything that nobody has to ask for.
    fn go_on(&mut self) -> rusqlite::Result<()> {
        let more = self.hand_out()?;
        self.more = self.trim()? || more;
        Ok(())
    }

    /// Moves what is due to its queue, in a transaction of its own so that it never makes an order fail; then gives the
    /// listeners what they have room for. `true` if there may be more.
    fn hand_out(&mut self) -> rusqlite::Result<bool> {
        let now = Timestamp::now();
        if self.store.next_due()?.is_some_and(|due| due <= now) {
            let queues = self.store.transaction(|store| {
                (0..HOMECOMING).map_while(|_| store.bring_home(now).transpose()).collect::<rusqlite::Result<Vec<_>>>()
            })?;
            self.flight.arrived(&queues);
        }
        self.flight.deliver(&self.store, &self.worker)
    }

    /// Forgets a piece of the history that is to be kept no longer, and `true` if there may be more.
    fn trim(&mut self) -> rusqlite::Result<bool> {
        if Instant::now() < self.trim {
            return Ok(false);
        }
        let more = self.store.transaction(|store| store.trim(Timestamp::now()))?;
        if !more {
            self.trim = Instant::now() + TRIM_PAUSE;
        }
        Ok(more)
    }

    fn is_down(&self) -> bool {
        matches!(*self.status.borrow(), BrokerStatus::Down { .. })
    }

    fn up(&self) {
        if self.is_down() {
            tracing::info!(path = %self.store.path().display(), "the embedded broker's file can be used again");
            self.status.send_replace(BrokerStatus::Ready);
            self.condition.send_replace(Condition::Consuming);
        }
    }

    fn down(&self, error: &rusqlite::Error) -> Fault {
        let reason = format!("{}: {error}", self.store.path().display());
        if !self.is_down() {
            tracing::error!(reason, "the embedded broker cannot use its file; it tries again every {RETRY:?}");
        }
        self.status.send_replace(BrokerStatus::Down { reason: reason.clone() });
        self.condition.send_replace(Condition::Interrupted { reason: reason.clone() });
        Fault(reason)
    }
}
