//! Places for what runs at the same time, shared fairly by neighbours: whoever holds the fewest gets the next one.
//!
//! A neighbour may hold as many as are free, and one more. So one alone has half of them, the next one half of the rest,
//! and a newcomer finds a place however many hold on to theirs.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Who holds places and waits for them.
pub(super) type Number = u64;

/// A number of places.
pub(super) struct Places(Mutex<State>);

struct State {
    free: usize,
    /// Of those that hold places or wait for one.
    lines: HashMap<Number, Line>,
    /// How many wait.
    waiting: usize,
    /// How many have ever waited.
    arrivals: u64,
}

#[derive(Default)]
struct Line {
    held: usize,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    arrival: u64,
    turn: oneshot::Sender<Place>,
}

/// A place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: Number,
}

impl Places {
    pub(super) fn new(number: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { free: number, lines: HashMap::new(), waiting: 0, arrivals: 0 })))
    }

    /// Waits for a place.
    pub(super) async fn take(self: &Arc<Self>, number: Number) -> Place {
        let waiting = {
            let mut state = self.state();
            if state.take(number) {
                return Place { places: self.clone(), number };
            }
            state.wait(number)
        };
        waiting.await.expect("who waits stays in its line until it has a place")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, so what a poisoned lock guards is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        state.give_back(self.number);
        let mut next = Vec::new();
        while let Some((number, turn)) = state.next() {
            next.push((turn, Place { places: self.places.clone(), number }));
        }
        drop(state);
        for (turn, place) in next {
            // Who does not wait any more leaves it to the next one, by dropping it.
            drop(turn.send(place));
        }
    }
}

impl State {
    /// Takes a place at once, if there is one for this neighbour and it has nobody before it.
    fn take(&mut self, number: Number) -> bool {
        let line = self.lines.entry(number).or_default();
        let takes = line.waiting.is_empty() && self.free > 0 && line.held <= self.free;
        if takes {
            line.held += 1;
            self.free -= 1;
        }
        takes
    }

    fn wait(&mut self, number: Number) -> oneshot::Receiver<Place> {
        let (turn, waiting) = oneshot::channel();
        self.arrivals += 1;
        self.waiting += 1;
        self.lines.entry(number).or_default().waiting.push_back(Waiting { arrival: self.arrivals, turn });
        waiting
    }

    fn give_back(&mut self, number: Number) {
        self.free += 1;
        if let Some(line) = self.lines.get_mut(&number) {
            line.held -= 1;
            if line.held == 0 && line.waiting.is_empty() {
                self.lines.remove(&number);
            }
        }
    }

    /// Whose turn it is: of those that hold the fewest, who has waited for longest.
    fn next(&mut self) -> Option<(Number, oneshot::Sender<Place>)> {
        if self.free == 0 || self.waiting == 0 {
            return None;
        }
        for line in self.lines.values_mut() {
            line.waiting.retain(|waiting| !waiting.turn.is_closed());
        }
        self.lines.retain(|_, line| line.held > 0 || !line.waiting.is_empty());
        self.waiting = self.lines.values().map(|line| line.waiting.len()).sum();
        let waiting = self.lines.iter_mut().filter_map(|(number, line)| {
            let arrival = line.waiting.front()?.arrival;
            Some((line.held, arrival, *number, line))
        });
        let (held, _, number, line) = waiting.min_by_key(|(held, arrival, ..)| (*held, *arrival))?;
        if held > self.free {
            return None;
        }
        let turn = line.waiting.pop_front()?.turn;
        line.held += 1;
        self.waiting -= 1;
        self.free -= 1;
        Some((number, turn))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Who gets a place within a second, in order, and then keeps it for that long.
    async fn order(places: &Arc<Places>, numbers: &[Number]) -> Vec<Number> {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut running = tokio::task::JoinSet::new();
        for &number in numbers {
            let (places, order) = (places.clone(), order.clone());
            running.spawn(async move {
                let _place = places.take(number).await;
                order.lock().expect("nobody panics").push(number);
                tokio::time::sleep(SECOND).await;
            });
            tokio::task::yield_now().await;
        }
        running.join_all().await;
        std::mem::take(&mut *order.lock().expect("nobody panics"))
    }

    fn is_as_at_first(places: &Places, number: usize) -> bool {
        let state = places.state();
        state.free == number && state.lines.is_empty()
    }

    #[tokio::test(start_paused = true)]
    async fn i6_one_neighbour_leaves_half_of_the_places_to_others() {
        let places = Places::new(8);
        let mut held = Vec::new();
        while let Ok(place) = tokio::time::timeout(SECOND, places.take(1)).await {
            held.push(place);
        }
        assert_eq!(held.len(), 5);
        for newcomer in 2..=3 {
            tokio::time::timeout(SECOND, places.take(newcomer)).await.expect("a place for a newcomer");
        }
        drop(held);
        assert!(is_as_at_first(&places, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn i6_who_holds_the_fewest_is_next_and_of_those_who_has_waited_for_longest() {
        let places = Places::new(1);
        assert_eq!(order(&places, &[1, 1, 1, 2, 3, 2]).await, [1, 1, 1, 2, 3, 2]);
        let places = Places::new(2);
        assert_eq!(order(&places, &[1, 1, 1, 1, 2]).await, [1, 1, 2, 1, 1]);
        assert!(is_as_at_first(&places, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_takes_no_place() {
        let places = Places::new(1);
        let held = places.take(1).await;
        assert!(tokio::time::timeout(SECOND, places.take(2)).await.is_err());
        drop(held);
        assert!(is_as_at_first(&places, 1));
        drop(places.take(3).await);
    }

    #[tokio::test(start_paused = true)]
    async fn each_neighbour_alone_gets_every_place_that_is_left_for_it() {
        for number in 1..=64 {
            let places = Places::new(number);
            let mut held = Vec::new();
            while let Ok(place) = tokio::time::timeout(SECOND, places.take(1)).await {
                held.push(place);
            }
            assert_eq!(held.len(), number / 2 + 1);
        }
    }
}
