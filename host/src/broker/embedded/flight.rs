//! What is out: which listener has which message, and how far each queue was read.
//!
//! All of it is memory only: bounded by the listeners' prefetch (I8), and a few words for each message that a browse has
//! taken. After a restart every message is ready again.

use std::collections::{BTreeSet, HashMap, VecDeque};

use tokio::sync::{mpsc, watch};

use super::content::Content;
use super::listener::Receipt;
use super::store::{Position, QueueKey, Store};
use super::worker::Worker;
use crate::broker::Received;
use crate::message::Message;

/// How many messages of one queue are fetched before the next queue has its turn.
const TURN: usize = 64;

/// A listener or a browse of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListenerKey(pub u64);

/// One message, out with one listener: what a receipt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    pub position: Position,
    pub listener: ListenerKey,
}

/// Everything that is known of this process's listeners.
#[derive(Debug)]
pub struct Flight {
    queues: HashMap<QueueKey, Queue>,
    listeners: HashMap<ListenerKey, Place>,
    out: HashMap<Position, Out>,
    /// The newest message when the file was opened: up to here, each may have been out before.
    newest_before: Position,
    /// Told when the history has something new.
    history: watch::Sender<()>,
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
    /// Only the listener in front gets messages, and only while nobody else has any of them out.
    single_active: bool,
}

#[derive(Debug)]
struct Place {
    queue: QueueKey,
    single_active: bool,
    /// How many messages it has out, and how many it may.
    out: u16,
    prefetch: u16,
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
    pub fn new(newest_before: Position, history: watch::Sender<()>) -> Self {
        Self { queues: HashMap::new(), listeners: HashMap::new(), out: HashMap::new(), newest_before, history }
    }

    /// Adds a listener that may have as many messages out as its channel has room for.
    pub fn listen(
        &mut self,
        listener: ListenerKey,
        queue: QueueKey,
        single_active: bool,
        incoming: mpsc::Sender<Received>,
    ) {
        let prefetch = u16::try_from(incoming.max_capacity()).unwrap_or(u16::MAX);
        let place = Place { queue, single_active, out: 0, prefetch, incoming: Some(incoming), abandoned: Vec::new() };
        self.listeners.insert(listener, place);
        let queue = self.queues.entry(queue).or_insert_with(Queue::unread);
        queue.turns.push_back(listener);
        queue.single_active |= single_active;
    }

    /// Takes a listener out of its queue's turns. What it has out stays out.
    pub fn stop(&mut self, listener: ListenerKey) {
        let Self { queues, listeners, .. } = self;
        let Some(place) = listeners.get_mut(&listener) else { return };
        place.incoming = None;
        if let Some(queue) = queues.get_mut(&place.queue) {
            queue.turns.retain(|turn| *turn != listener);
            queue.single_active = queue.turns.iter().filter_map(|key| listeners.get(key)).any(|it| it.single_active);
        }
    }

    /// Forgets a listener; what it abandoned goes back.
    pub fn end(&mut self, listener: ListenerKey) {
        self.stop(listener);
        let abandoned = self.listeners.remove(&listener).map(|place| place.abandoned);
        for position in abandoned.into_iter().flatten() {
            self.give_back(Arrival { position, listener });
        }
    }

    /// Forgets a browse; all that it has out goes back, whoever still holds a receipt for it.
    pub fn end_browse(&mut self, browse: ListenerKey) {
        let held = self.out.iter().filter(|(_, out)| out.listener == browse);
        let held: Vec<_> = held.map(|(&position, _)| Arrival { position, listener: browse }).collect();
        held.into_iter().for_each(|arrival| self.give_back(arrival));
    }

    /// Forgets a queue that was deleted: another may get its row.
    pub fn forget(&mut self, queue: QueueKey) {
        self.queues.remove(&queue);
    }

    /// There may be something new in these queues.
    pub fn arrived(&mut self, queues: &[QueueKey]) {
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.drained = false;
            }
        }
    }

    /// There is something new in the history.
    pub fn recorded(&self) {
        self.history.send_replace(());
    }

    /// The message is gone from the file.
    pub fn settled(&mut self, arrival: Arrival) {
        self.release(arrival);
    }

    /// The message goes back to its old place, unless it is there already.
    pub fn give_back(&mut self, arrival: Arrival) {
        if let Some(queue) = self.release(arrival) {
            queue.returned.insert(arrival.position);
        }
    }

    /// Makes room for another message; the queue of this one, if it was out.
    fn release(&mut self, arrival: Arrival) -> Option<&mut Queue> {
        if !self.is_out(arrival) {
            return None;
        }
        let Out { queue, listener } = self.out.remove(&arrival.position)?;
        if let Some(place) = self.listeners.get_mut(&listener) {
            place.out -= 1;
        }
        let queue = self.queues.get_mut(&queue)?;
        queue.out -= 1;
        Some(queue)
    }

    /// Nobody can settle the message any more: it goes back with the end of its listener.
    pub fn abandon(&mut self, arrival: Arrival) {
        if !self.is_out(arrival) {
            return;
        }
        match self.listeners.get_mut(&arrival.listener) {
            Some(place) => place.abandoned.push(arrival.position),
            None => self.give_back(arrival),
        }
    }

    /// Whether the message did not go back since.
    pub fn is_out(&self, arrival: Arrival) -> bool {
        self.out.get(&arrival.position).is_some_and(|out| out.listener == arrival.listener)
    }

    /// How many listeners of a queue were not stopped.
    pub fn consumers(&self, queue: QueueKey) -> u64 {
        self.queues.get(&queue).map_or(0, |queue| queue.turns.len() as u64)
    }

    /// How many messages of a queue are out.
    pub fn out(&self, queue: QueueKey) -> u64 {
        self.queues.get(&queue).map_or(0, |queue| queue.out)
    }

    /// Takes the next message of a queue that nobody has, for a browse.
    pub fn take(
        &mut self,
        queue: QueueKey,
        browse: ListenerKey,
        store: &Store,
        worker: &Worker,
    ) -> rusqlite::Result<Option<Received>> {
        let state = self.queues.entry(queue).or_insert_with(Queue::unread);
        let Some(next) = state.next(queue, store)? else { return Ok(None) };
        state.out += 1;
        let arrival = Arrival { position: next.position, listener: browse };
        self.out.insert(next.position, Out { queue, listener: browse });
        Ok(Some(next.received(self.newest_before, Receipt::of_browse(arrival, worker.clone()))))
    }

    /// Hands out what the listeners have room for; `true` if there may be more to hand out at once.
    pub fn deliver(&mut self, store: &Store, worker: &Worker) -> rusqlite::Result<bool> {
        let Self { queues, listeners, out, newest_before, .. } = self;
        let mut more = false;
        for (&key, queue) in queues {
            for fetched in 1.. {
                let Some(listener) = queue.next_turn(listeners) else { break };
                let Some(next) = queue.next(key, store)? else { break };
                let Some(place) = listeners.get_mut(&listener) else { break };
                queue.took_turn(listener);
                queue.out += 1;
                place.out += 1;
                out.insert(next.position, Out { queue: key, listener });
                let arrival = Arrival { position: next.position, listener };
                let received = next.received(*newest_before, Receipt::new(arrival, worker.clone()));
                if let Some(incoming) = &place.incoming {
                    // The channel has room for the whole prefetch. If its other end is gone, the receipt drops here
                    // and its message comes back.
                    let _ = incoming.try_send(received);
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
    fn unread() -> Self {
        Self {
            cursor: Position::START,
            returned: BTreeSet::new(),
            drained: false,
            out: 0,
            turns: VecDeque::new(),
            single_active: false,
        }
    }

    /// The listener that gets the next message.
    fn next_turn(&self, listeners: &HashMap<ListenerKey, Place>) -> Option<ListenerKey> {
        let mut turns = self.turns.iter().filter_map(|key| listeners.get(key).map(|place| (*key, place)));
        let has_room = |place: &Place| place.out < place.prefetch;
        let (listener, _) = if self.single_active {
            // What another one has out may come back, and then comes before all that waits (I10).
            turns.next().filter(|(_, active)| has_room(active) && u64::from(active.out) == self.out)?
        } else {
            turns.find(|(_, place)| has_room(place))?
        };
        Some(listener)
    }

    /// From now on the listener waits behind all others, if they share the queue.
    fn took_turn(&mut self, listener: ListenerKey) {
        if let Some(turn) = self.turns.iter().position(|key| *key == listener)
            && !self.single_active
        {
            self.turns.rotate_left(turn + 1);
        }
    }

    /// The next message that nobody has. One that cannot be read holds up no other.
    fn next(&mut self, key: QueueKey, store: &Store) -> rusqlite::Result<Option<Next>> {
        while let Some((position, came_back, content)) = self.fetch(key, store)? {
            match content.decode() {
                Ok(message) => return Ok(Some(Next { position, came_back, message })),
                Err(error) => {
                    tracing::error!(?position, %error, "a stored message cannot be read; it stays in the file")
                }
            }
        }
        Ok(None)
    }

    /// The next row, and whether it came back.
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

/// A message on its way out of the file.
struct Next {
    position: Position,
    came_back: bool,
    message: Message,
}

impl Next {
    fn received(self, newest_before: Position, receipt: Receipt) -> Received {
        let redelivered = self.came_back || self.position <= newest_before;
        Received { message: self.message, redelivered, receipt: Box::new(receipt) }
    }
}
