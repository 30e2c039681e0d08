//! A thread that owns one connection to the file.
//!
//! What is asked while a transaction is under way is gathered into the next one; each is answered after its commit.

use std::fs::File;
use std::io;
use std::sync::Arc;

use rusqlite::{Connection, Result};
use tokio::sync::{mpsc, oneshot};

use crate::ledger::LedgerError;

/// The most orders in one transaction.
const GROUP: usize = 512;
/// How many orders may wait. Whoever asks for an answer waits for room; what is offered beyond it is dropped.
const ROOM: usize = 8192;

/// A way to reach the thread. It ends when this is dropped, or with [`Worker::close`].
#[derive(Debug)]
pub struct Worker {
    orders: mpsc::Sender<Order>,
}

enum Order {
    Work(Box<dyn Work>),
    Close(oneshot::Sender<()>),
}

impl Worker {
    /// Starts the thread. The lock is let go of when it has closed its connection.
    pub fn start(name: &str, connection: Connection, lock: Arc<File>) -> io::Result<Self> {
        let (orders, received) = mpsc::channel(ROOM);
        std::thread::Builder::new().name(name.into()).spawn(move || run(connection, received, lock))?;
        Ok(Self { orders })
    }

    /// Does something in a transaction. The answer comes once it is committed.
    pub async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { act: Some(act), done: None, reply };
        self.orders.send(Order::Work(Box::new(asked))).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Has something done in a transaction soon, unless too much waits already. Never waits.
    ///
    /// `lost` is called where that fails later.
    pub fn offer(
        &self,
        act: impl FnOnce(&Connection) -> Result<()> + Send + 'static,
        lost: impl FnOnce() + Send + 'static,
    ) -> bool {
        let offered = Offered { act: Some(act), lost };
        self.orders.try_send(Order::Work(Box::new(offered))).is_ok()
    }

    /// Ends the thread after all that was asked and offered before; returns once its connection is closed.
    pub async fn close(&self) {
        let (reply, ended) = oneshot::channel();
        // An error means that it has ended already.
        if self.orders.send(Order::Close(reply)).await.is_ok() {
            let _ = ended.await;
        }
    }
}

fn closed() -> LedgerError {
    LedgerError("it is closed".into())
}

fn run(connection: Connection, mut orders: mpsc::Receiver<Order>, lock: Arc<File>) {
    let mut closed = None;
    while closed.is_none()
        && let Some(first) = orders.blocking_recv()
    {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Work(work) => group.push(work),
                Order::Close(reply) => closed = Some(reply),
            }
            if closed.is_none() && group.len() < GROUP {
                next = orders.try_recv().ok();
            }
        }
        perform(&connection, group);
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the ledger's file did not close cleanly; it mends itself when opened");
    }
    drop(lock);
    if let Some(closed) = closed {
        let _ = closed.send(());
    }
}

fn perform(connection: &Connection, mut group: Vec<Box<dyn Work>>) {
    let written = connection.unchecked_transaction().and_then(|transaction| {
        group.iter_mut().try_for_each(|work| work.act(&transaction))?;
        transaction.commit()
    });
    let failed = written.err().map(|error| LedgerError(error.to_string()));
    group.into_iter().for_each(|work| work.end(failed.as_ref()));
}

/// A part of a transaction.
trait Work: Send {
    fn act(&mut self, connection: &Connection) -> Result<()>;
    /// Tells how the transaction ended.
    fn end(self: Box<Self>, failed: Option<&LedgerError>);
}

struct Asked<Act, T> {
    act: Option<Act>,
    done: Option<T>,
    reply: oneshot::Sender<std::result::Result<T, LedgerError>>,
}

impl<Act, T> Work for Asked<Act, T>
where
    Act: FnOnce(&Connection) -> Result<T> + Send,
    T: Send,
{
    fn act(&mut self, connection: &Connection) -> Result<()> {
        if let Some(act) = self.act.take() {
            self.done = Some(act(connection)?);
        }
        Ok(())
    }

    fn end(self: Box<Self>, failed: Option<&LedgerError>) {
        // Whoever asked may have stopped waiting; what was asked is done all the same.
        let _ = match (failed, self.done) {
            (Some(error), _) => self.reply.send(Err(error.clone())),
            (None, Some(done)) => self.reply.send(Ok(done)),
            // A transaction that succeeded has done every part of it.
            (None, None) => self.reply.send(Err(closed())),
        };
    }
}

struct Offered<Act, Lost> {
    act: Option<Act>,
    lost: Lost,
}

impl<Act, Lost> Work for Offered<Act, Lost>
where
    Act: FnOnce(&Connection) -> Result<()> + Send,
    Lost: FnOnce() + Send,
{
    fn act(&mut self, connection: &Connection) -> Result<()> {
        self.act.take().map_or(Ok(()), |act| act(connection))
    }

    fn end(self: Box<Self>, failed: Option<&LedgerError>) {
        if failed.is_some() {
            (self.lost)();
        }
    }
}
