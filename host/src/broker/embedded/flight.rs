//! What is out: which listener has which message, and how far each queue was read.
//!
//! All of it is memory only and bounded by the listeners' prefetch (I8). After a restart every message is ready again.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::sync::mpsc;

use super::content::Content;
use super::listener::Receipt;
use super::store::{Position, QueueKey, Store};
use super::worker::Worker;
use crate::broker::Received;

/// How many messages of one queue are fetched before the next queue has its turn.
const TURN: usize = 64;

/// A listener of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerKey(pub u64);

/// Everything that is known of this process's listeners.
#[derive(Debug)]
pub struct Flight {
    queues: HashMap<QueueKey, Queue>,
    listeners: HashMap<ListenerKey, Place>,
    out: HashMap<Position, Out>,
    /// The newest message when the file was opened: up to here, each may have been out before.
    newest_before: Position,
}

#[derive(Debug)]
struct Queue {
    /// Everything behind it was not read yet.
    cursor: Position,
    /// What was out and came back; always before the cursor, so always the first to go out again.
    returned: BTreeSet<Position>,
    /// Nothing is behind the cursor.
    drained: bool,
    /// How many of its messages are out.
    out: u64,
    /// Its listeners, the one that waits longest for a message in front.
    turns: VecDeque<ListenerKey>,
}

#[derive(Debug)]
struct Place {
    queue: QueueKey,
    /// How many more messages it may have out.
    free: u16,
    /// `None` once it was stopped: a channel without senders ends when it is empty.
    incoming: Option<mpsc::Sender<Received>>,
    /// Messages whose receipts were dropped unused; they stay out as long as the listener lasts.
    abandoned: Vec<Position>,
}

#[derive(Debug)]
struct Out {
    queue: QueueKey,
    listener: ListenerKey,
}

impl Flight {
    pub fn new(newest_before: Position) -> Self {
        Self { queues: HashMap::new(), listeners: HashMap::new(), out: HashMap::new(), newest_before }
    }

    /// Adds a listener that may have as many messages out as its channel has room for.
    pub fn listen(&mut self, listener: ListenerKey, queue: QueueKey, incoming: mpsc::Sender<Received>) {
        let free = u16::try_from(incoming.max_capacity()).unwrap_or(u16::MAX);
        self.listeners.insert(listener, Place { queue, free, incoming: Some(incoming), abandoned: Vec::new() });
        let new = || Queue {
            cursor: Position::START,
            returned: BTreeSet::new(),
            drained: false,
            out: 0,
            turns: VecDeque::new(),
        };
        self.queues.entry(queue).or_insert_with(new).turns.push_back(listener);
    }

    /// Takes a listener out of its queue's turns. What it has out stays out.
    pub fn stop(&mut self, listener: ListenerKey) {
        let Some(place) = self.listeners.get_mut(&listener) else { return };
        place.incoming = None;
        if let Some(queue) = self.queues.get_mut(&place.queue) {
            queue.turns.retain(|turn| *turn != listener);
        }
    }

    /// Forgets a listener; what it abandoned goes back.
    pub fn end(&mut self, listener: ListenerKey) {
        self.stop(listener);
        let abandoned = self.listeners.remove(&listener).map(|place| place.abandoned);
        abandoned.into_iter().flatten().for_each(|position| self.give_back(position));
    }

    /// There may be something new in these queues.
    pub fn arrived(&mut self, queues: &[QueueKey]) {
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.drained = false;
            }
        }
    }

    /// The message is gone from the file.
    pub fn settled(&mut self, position: Position) {
        self.release(position);
    }

    /// The message goes back to its old place.
    pub fn give_back(&mut self, position: Position) {
        if let Some(queue) = self.release(position) {
            queue.returned.insert(position);
        }
    }

    /// Makes room for another message; the queue of this one, if it was out.
    fn release(&mut self, position: Position) -> Option<&mut Queue> {
        let Out { queue, listener } = self.out.remove(&position)?;
        if let Some(place) = self.listeners.get_mut(&listener) {
            place.free += 1;
        }
        let queue = self.queues.get_mut(&queue)?;
        queue.out -= 1;
        Some(queue)
    }

    /// Nobody can settle the message any more: it goes back with the end of its listener.
    pub fn abandon(&mut self, position: Position) {
        let Some(out) = self.out.get(&position) else { return };
        match self.listeners.get_mut(&out.listener) {
            Some(place) => place.abandoned.push(position),
            None => self.give_back(position),
        }
    }

    /// How many messages of a queue are out.
    pub fn out(&self, queue: QueueKey) -> u64 {
        self.queues.get(&queue).map_or(0, |queue| queue.out)
    }

    /// Hands out what the listeners have room for; `true` if there may be more to hand out at once.
    pub fn deliver(&mut self, store: &Store, worker: &Worker) -> rusqlite::Result<bool> {
        let Self { queues, listeners, out, newest_before } = self;
        let mut more = false;
        for (&key, queue) in queues {
            for fetched in 1.. {
                let Some(turn) = queue.next_turn(listeners) else { break };
                let Some((position, redelivered, content)) = queue.fetch(key, store)? else { break };
                let message = match content.decode() {
                    Ok(message) => message,
                    Err(error) => {
                        tracing::error!(?position, %error, "a stored message cannot be read; it stays in the file");
                        continue;
                    }
                };
                let listener = queue.take_turn(turn);
                let Some(place) = listeners.get_mut(&listener) else { break };
                place.free -= 1;
                queue.out += 1;
                out.insert(position, Out { queue: key, listener });
                let redelivered = redelivered || position <= *newest_before;
                let receipt = Box::new(Receipt::new(position, worker.clone()));
                if let Some(incoming) = &place.incoming {
                    // The channel has room for the whole prefetch. If its other end is gone, the receipt drops here
                    // and its message comes back.
                    let _ = incoming.try_send(Received { message, redelivered, receipt });
                }
                if fetched >= TURN {
                    more = true;
                    break;
                }
            }
        }
        Ok(more)
    }
}

impl Queue {
    /// The place in the turns of the next listener with room.
    fn next_turn(&self, listeners: &HashMap<ListenerKey, Place>) -> Option<usize> {
        self.turns.iter().position(|key| listeners.get(key).is_some_and(|place| place.free > 0))
    }

    /// The listener at this place, which waits behind all others from now on.
    fn take_turn(&mut self, turn: usize) -> ListenerKey {
        let listener = self.turns[turn];
        self.turns.rotate_left(turn + 1);
        listener
    }

    /// The next message, and whether it came back.
    fn fetch(&mut self, key: QueueKey, store: &Store) -> rusqlite::Result<Option<(Position, bool, Content)>> {
        while let Some(&position) = self.returned.first() {
            let found = store.at(position)?;
            self.returned.remove(&position);
            if let Some((position, content)) = found {
                return Ok(Some((position, true, content)));
            }
        }
        if self.drained {
            return Ok(None);
        }
        let Some((position, content)) = store.after(key, self.cursor)? else {
            self.drained = true;
            return Ok(None);
        };
        self.cursor = position;
        Ok(Some((position, false, content)))
    }
}
