//! The walk through the past, and on to the queue.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Interval, MissedTickBehavior};

use super::receipt::{Fate, PastReceipt, RoomReceipt};
use super::stage::{Replay, Stage};
use super::story::{End, Story};
use crate::broker::{Broker, BrokerError, Cell, Condition, From, Listener, Offset, Passage, Past, Received, Source};
use crate::message::{Attempt, Message, MessageId, REPLAYED};

/// One walk, as long as this host holds the cell.
pub(super) struct Walk<'a> {
    story: &'a mut Story,
    cell: Cell<Stage>,
    replay: Replay,
    /// What was out in an earlier walk, and is to be handed out again.
    again: BTreeSet<Offset>,
    past: Box<dyn Past>,
    /// What was read and is to be handed out, in order.
    pending: VecDeque<(Offset, Message)>,
    /// How far the history was read; behind the last of what is pending.
    reached: Offset,
    fates: (mpsc::UnboundedSender<Fate>, mpsc::UnboundedReceiver<Fate>),
    /// Receipts that can still be used.
    receipts: usize,
    room: Arc<Semaphore>,
    queue: Option<Queue>,
    note: Interval,
    /// Something was settled, or read, since the last note.
    news: bool,
}

/// The queue, once the past is read.
struct Queue {
    listener: Box<dyn Listener>,
    /// What was handed out and may be in the queue too.
    overlap: HashSet<MessageId>,
    /// How many messages from the front of the queue may be among them.
    left: u64,
}

/// What happened.
enum Turn {
    Stop,
    Lost,
    Fate(Fate),
    Note,
    HandOut(OwnedSemaphorePermit),
    Read(Result<Passage, BrokerError>),
    Came(OwnedSemaphorePermit, Option<Box<Received>>),
}

impl<'a> Walk<'a> {
    pub async fn begin(story: &'a mut Story, cell: Cell<Stage>, replay: Replay) -> Result<Self, BrokerError> {
        let past = story.broker.past(replay.from()).await?;
        // So that a walk that finds nothing comes to an end: it reaches what is asked now.
        story.broker.history_end().await?;
        let mut note = tokio::time::interval(story.note);
        note.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            again: replay.outstanding.clone(),
            past,
            pending: VecDeque::new(),
            reached: Offset::FIRST,
            fates: mpsc::unbounded_channel(),
            receipts: 0,
            room: Arc::new(Semaphore::new(story.source.prefetch.get().into())),
            queue: None,
            note,
            news: false,
            story,
            cell,
            replay,
        })
    }

    pub async fn run(mut self) -> Result<End, BrokerError> {
        self.tell_progress();
        loop {
            if self.replay.is_read() && self.pending.is_empty() {
                let left = self.queue.as_ref().map(|queue| queue.left);
                match left {
                    None => self.queue = Some(self.open_queue().await?),
                    Some(0) if self.replay.outstanding.is_empty() => return self.finish().await,
                    Some(_) => {}
                }
            }
            match self.turn().await {
                Turn::Stop => return self.stop().await,
                Turn::Lost => return Err(BrokerError::Unreachable("the connection was lost".into())),
                Turn::Fate(fate) => self.take(fate),
                Turn::Note => {
                    self.tell_progress();
                    self.write_note().await?;
                }
                Turn::HandOut(room) => self.hand_out(room).await,
                Turn::Read(passage) => self.read(passage?),
                Turn::Came(room, received) => self.hand_on(room, received).await?,
            }
        }
    }

    /// Waits for whatever comes first.
    async fn turn(&mut self) -> Turn {
        let Self { story, cell, past, pending, fates, room, queue, note, news, replay, .. } = self;
        let Some(arrivals) = &story.ends.arrivals else { return Turn::Stop };
        let (has_pending, is_read) = (!pending.is_empty(), replay.is_read());
        let hand_out = async {
            let room = acquire(room).await;
            let place = arrivals.reserve().await;
            if place.is_ok() {
                story.pace.wait().await;
            }
            Turn::HandOut(room)
        };
        let came = async {
            let Some(queue) = queue else { return std::future::pending().await };
            let room = acquire(room).await;
            let _place = arrivals.reserve().await;
            Turn::Came(room, queue.listener.next().await.map(Box::new))
        };
        tokio::select! {
            biased;
            () = story.ends.stop.cancelled() => Turn::Stop,
            () = arrivals.closed() => Turn::Stop,
            () = cell.lost() => Turn::Lost,
            Some(fate) = fates.1.recv() => Turn::Fate(fate),
            _ = note.tick(), if *news => Turn::Note,
            turn = hand_out, if has_pending => turn,
            passage = past.next(), if !has_pending && !is_read => Turn::Read(passage),
            turn = came, if !has_pending => turn,
        }
    }

    fn read(&mut self, Passage { events, reached }: Passage) {
        let moment = self.replay.beginning.moment;
        if self.replay.first.is_none() {
            self.replay.first = events.first().map(|recorded| recorded.offset).or(Some(reached));
        }
        for recorded in events {
            let offset = recorded.offset;
            let is_due = self.replay.is_due(offset, &self.again);
            let is_meant = moment.is_none_or(|moment| recorded.message.time >= moment);
            if let Some(message) = (is_due && is_meant).then(|| recorded.within(&self.story.source)).flatten() {
                self.pending.push_back((offset, message));
            }
        }
        self.reached = reached;
        self.note_read();
    }

    /// Hands out the next event of the past.
    async fn hand_out(&mut self, room: OwnedSemaphorePermit) {
        let Some((offset, message)) = self.pending.pop_front() else { return };
        let redelivered = self.again.remove(&offset) || self.replay.outstanding.contains(&offset);
        self.replay.outstanding.insert(offset);
        self.receipts += 1;
        let receipt = PastReceipt::new(offset, &message, &self.fates.0, room);
        let received = Received { message, redelivered, receipt: Box::new(receipt) };
        if let Some(arrivals) = &self.story.ends.arrivals {
            // Where nobody listens any more, its receipt says so.
            let _ = arrivals.send(received).await;
        }
        self.note_read();
    }

    /// What is pending and was not out before counts as not read.
    fn note_read(&mut self) {
        let fresh = self.pending.iter().map(|(offset, _)| *offset).find(|offset| *offset >= self.replay.read);
        self.replay.reached(fresh.unwrap_or(self.reached));
        self.news = true;
    }

    fn take(&mut self, fate: Fate) {
        self.receipts -= 1;
        self.news = true;
        match fate {
            Fate::Settled(offset) => self.replay.settle(offset),
            Fate::Back(offset, message) => {
                let place = self.pending.partition_point(|(before, _)| *before < offset);
                self.pending.insert(place, (offset, *message));
            }
            Fate::Dropped => {}
        }
    }

    /// Listens to the queue, beside what of the past is still in work.
    async fn open_queue(&mut self) -> Result<Queue, BrokerError> {
        let Story { broker, source, .. } = &*self.story;
        let overlap = overlap(broker.as_ref(), source, &self.replay).await?;
        // Nobody has taken anything out of it yet, or what is gone was dealt with by a walk before.
        let left = broker.depth(&source.queue).await?.unwrap_or_default();
        tracing::info!(queue = %source.queue, waiting = left, "the past is handed out; what was published meanwhile comes now");
        Ok(Queue { listener: broker.listen(source.clone()).await?, overlap, left })
    }

    /// Hands on a message of the queue, unless it is one of the past.
    async fn hand_on(
        &mut self,
        room: OwnedSemaphorePermit,
        received: Option<Box<Received>>,
    ) -> Result<(), BrokerError> {
        let gone = || BrokerError::Unreachable("the queue's listener has ended".into());
        let (Some(received), Some(queue)) = (received, &mut self.queue) else { return Err(gone()) };
        queue.left = queue.left.saturating_sub(1);
        if is_first(&received.message) && queue.overlap.remove(&received.message.id) {
            tracing::debug!(message = %received.message.id, "it came with the past, too");
            return received.receipt.acknowledge().await;
        }
        let Received { message, redelivered, receipt } = *received;
        let receipt = Box::new(RoomReceipt { receipt, _room: room });
        if let Some(arrivals) = &self.story.ends.arrivals {
            // Where nobody listens any more, the queue has it back.
            let _ = arrivals.send(Received { message, redelivered, receipt }).await;
        }
        Ok(())
    }

    fn tell_progress(&self) {
        self.story.ends.condition.send_replace(Condition::Backfilling(self.replay.progress()));
    }

    async fn write_note(&mut self) -> Result<(), BrokerError> {
        self.cell.write(Stage::Replaying(self.replay.clone())).await?;
        self.news = false;
        Ok(())
    }

    async fn finish(mut self) -> Result<End, BrokerError> {
        self.cell.write(Stage::Done).await?;
        tracing::info!(queue = %self.story.source.queue, events = self.replay.settled, "the subscription has had its past");
        match self.queue {
            Some(queue) => Ok(End::Live(queue.listener)),
            None => Ok(End::Stopped),
        }
    }

    /// Asks for no more, hands on what was fetched, and notes what of it is settled.
    async fn stop(mut self) -> Result<End, BrokerError> {
        if let Some(queue) = &mut self.queue {
            queue.listener.stop().await;
        }
        self.story.ends.stopped.cancel();
        // Nothing more comes this way, which is what the listener waits for.
        if let (Some(arrivals), Some(queue)) = (self.story.ends.arrivals.take(), &mut self.queue) {
            while let Some(received) = queue.listener.next().await {
                if arrivals.send(received).await.is_err() {
                    break;
                }
            }
        }
        while self.receipts > 0 {
            let fate = tokio::select! {
                Some(fate) = self.fates.1.recv() => fate,
                () = self.cell.lost() => return Ok(End::Stopped),
            };
            self.take(fate);
        }
        self.write_note().await?;
        Ok(End::Stopped)
    }
}

/// Those that were handed out and may have come into the queue as well, since it was bound when they were published.
async fn overlap(broker: &dyn Broker, source: &Source, replay: &Replay) -> Result<HashSet<MessageId>, BrokerError> {
    let (before, end) = (replay.beginning.before, replay.end);
    let mut ids = HashSet::new();
    if before >= end {
        return Ok(ids);
    }
    let mut past = broker.past(From::Offset(before)).await?;
    broker.history_end().await?;
    loop {
        let Passage { events, reached } = past.next().await?;
        for recorded in events.into_iter().filter(|recorded| recorded.offset < end) {
            ids.extend(recorded.within(source).map(|message| message.id));
        }
        if reached >= end {
            return Ok(ids);
        }
    }
}

/// Whether it came by the exchange: not to be tried again, and not since a person sent it again, which is never taken for
/// what came both ways.
fn is_first(message: &Message) -> bool {
    message.attempt == Attempt::FIRST && message.failures.is_empty() && !message.headers.contains_key(REPLAYED)
}

async fn acquire(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    room.clone().acquire_owned().await.expect("the semaphore is never closed")
}
