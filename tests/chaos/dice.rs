//! Chance that a seed decides: the same seed throws the same numbers, whatever the time does.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// One stream of throws.
#[derive(Debug, Clone)]
pub struct Dice {
    seed: u64,
    what: &'static str,
    thrown: u64,
}

impl Dice {
    /// A stream of its own for each purpose, so that one takes no throws from another.
    pub fn new(seed: u64, what: &'static str) -> Self {
        Self { seed, what, thrown: 0 }
    }

    /// A number below `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.thrown += 1;
        throw(self.seed, self.what, self.thrown, sides)
    }

    /// A duration between two limits.
    pub fn duration(&mut self, shortest: Duration, longest: Duration) -> Duration {
        let span = u64::try_from((longest - shortest).as_millis()).unwrap_or(u64::MAX);
        shortest + Duration::from_millis(self.throw(span + 1))
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let sides = u64::try_from(of.len()).unwrap_or(u64::MAX);
        &of[usize::try_from(self.throw(sides)).unwrap_or_default()]
    }

    /// Brings a deck into another order.
    pub fn shuffle<T>(&mut self, deck: &mut [T]) {
        for last in (1..deck.len()).rev() {
            let other = usize::try_from(self.throw(last as u64 + 1)).unwrap_or_default();
            deck.swap(last, other);
        }
    }
}

/// The throw of this number in a stream.
pub fn throw(seed: u64, what: &str, number: u64, sides: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, what, number).hash(&mut hasher);
    hasher.finish() % sides.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let throws = |seed, what| {
            let mut dice = Dice::new(seed, what);
            (0..20).map(|_| dice.throw(1000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, "faults"), throws(1, "faults"));
        assert_ne!(throws(1, "faults"), throws(2, "faults"));
        assert_ne!(throws(1, "faults"), throws(1, "reloads"));
    }

    #[test]
    fn a_shuffled_deck_has_every_card_once() {
        let mut deck: Vec<u32> = (0..50).collect();
        Dice::new(3, "deck").shuffle(&mut deck);
        assert!(deck.iter().enumerate().any(|(place, card)| place != *card as usize));
        deck.sort_unstable();
        assert_eq!(deck, (0..50).collect::<Vec<_>>());
    }
}
