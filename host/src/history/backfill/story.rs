//! One subscription that begins in the past, as a story: its queue is bound → the past is walked → the queue is
//! listened to. It goes on where it was left, by whoever holds the subscription's cell.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::Over;
use super::listener::Ends;
use super::stage::{Beginning, Replay, Stage};
use super::walk::Walk;
use crate::broker::{Broker, BrokerError, Cell, Condition, Listener, Progress, Source, Start, Wanted};
use crate::message::Timestamp;
use crate::name::QueueName;
use crate::rate::Limiter;

/// The wait before a story that was interrupted goes on.
const PAUSE: Duration = Duration::from_secs(1);
/// After how long somebody else is taken for the holder.
const TAKEN: Duration = Duration::from_secs(2);

/// A subscription's way from the past to what happens now.
pub(super) struct Story {
    pub broker: Arc<dyn Broker>,
    pub source: Source,
    pub start: Start,
    pub pace: Limiter,
    pub note: Duration,
    pub over: Arc<Over>,
    pub ends: Ends,
}

/// What a story comes to.
pub(super) enum End {
    /// The past is over: from now on the queue is listened to.
    Live(Box<dyn Listener>),
    /// The listener wants no more.
    Stopped,
}

impl Story {
    pub async fn run(mut self) {
        // Told however this ends, so that nobody waits for ever.
        let _stopped = self.ends.stopped.clone().drop_guard();
        loop {
            match self.tell().await {
                Ok(End::Live(listener)) => return self.hand_over(listener).await,
                Ok(End::Stopped) => return,
                Err(error) => {
                    tracing::warn!(queue = %self.source.queue, "the past does not come, tried again: {error}");
                    self.ends.condition.send_replace(Condition::Interrupted { reason: error.to_string() });
                }
            }
            if self.ends.stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }

    async fn tell(&mut self) -> Result<End, BrokerError> {
        let Some(mut cell) = self.unless_stopped(self.acquire()).await.transpose()? else { return Ok(End::Stopped) };
        let is_new = self.broker.depth(&self.source.queue).await?.is_none();
        let beginning = match cell.value().cloned() {
            Some(Stage::Replaying(replay)) => return Walk::begin(self, cell, replay).await?.run().await,
            Some(Stage::Binding(beginning)) => beginning,
            Some(Stage::Done) | None if is_new => self.begin(&mut cell).await?,
            Some(Stage::Done) => return self.live().await,
            None => {
                let queue = &self.source.queue;
                tracing::info!(%queue, "the subscription is not new, so that it is not given the past: see leveret replay");
                cell.write(Stage::Done).await?;
                return self.live().await;
            }
        };
        match self.bind(beginning, &mut cell).await? {
            Some(replay) => Walk::begin(self, cell, replay).await?.run().await,
            None => Ok(End::Stopped),
        }
    }

    /// Waits until the subscription is this host's to bring on its way.
    async fn acquire(&self) -> Result<Cell<Stage>, BrokerError> {
        let acquired = Cell::acquire(self.broker.clone(), QueueName::backfill(&self.source.queue));
        tokio::pin!(acquired);
        tokio::select! {
            acquired = &mut acquired => return acquired,
            () = tokio::time::sleep(TAKEN) => {}
        }
        tracing::info!(queue = %self.source.queue, "another host gives the subscription its past");
        self.ends.condition.send_replace(Condition::Backfilling(Progress::default()));
        acquired.await
    }

    async fn begin(&self, cell: &mut Cell<Stage>) -> Result<Beginning, BrokerError> {
        let before = self.broker.history_end().await?;
        let beginning = Beginning { moment: self.start.moment(Timestamp::now()), before };
        cell.write(Stage::Binding(beginning)).await?;
        Ok(beginning)
    }

    /// Lets what is published from now on wait in the queue, and finds a place in the history that lies behind that.
    async fn bind(&self, beginning: Beginning, cell: &mut Cell<Stage>) -> Result<Option<Replay>, BrokerError> {
        self.broker.declare(&Wanted::Subscription(self.source.clone())).await?;
        self.ends.condition.send_replace(Condition::Backfilling(Progress::default()));
        if self.unless_stopped(tokio::time::sleep(self.broker.straggling())).await.is_none() {
            return Ok(None);
        }
        let replay = Replay::new(beginning, self.broker.history_end().await?);
        cell.write(Stage::Replaying(replay.clone())).await?;
        tracing::info!(queue = %self.source.queue, "the subscription is given the past");
        Ok(Some(replay))
    }

    async fn live(&self) -> Result<End, BrokerError> {
        self.broker.listen(self.source.clone()).await.map(End::Live)
    }

    /// From now on the queue's own listener is asked, and its condition is told.
    async fn hand_over(self, listener: Box<dyn Listener>) {
        self.over.note(&self.source.queue);
        let Ends { arrivals, condition, hand_over, stopped, .. } = self.ends;
        drop(arrivals);
        let mut now = listener.condition();
        // Dropped where nobody listens any more.
        let _ = hand_over.send(listener);
        stopped.cancel();
        loop {
            condition.send_replace(now.borrow_and_update().clone());
            tokio::select! {
                changed = now.changed() => if changed.is_err() { return },
                () = condition.closed() => return,
            }
        }
    }

    pub async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.ends.stop.run_until_cancelled(future).await
    }
}
