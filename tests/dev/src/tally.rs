//! Counting tests by what cargo prints.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// What one line adds: nothing, unless it is a test binary's `test result:`.
    pub fn of_line(line: &str) -> Self {
        let Some((_, counts)) = line.split_once("test result: ") else { return Self::default() };
        let mut words = counts.split([' ', '.', ';']).filter(|word| !word.is_empty()).peekable();
        let mut tally = Self::default();
        while let Some(word) = words.next() {
            match (word.parse(), words.peek()) {
                (Ok(count), Some(&"passed")) => tally.passed = count,
                (Ok(count), Some(&"failed")) => tally.failed = count,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_test_binaries_are_counted_and_nothing_else_is() {
        let output = "running 3 tests\n\
            test a::b ... ok\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.13s\n\
            test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.02s\n\
            12 passed, 9 failed\n";
        let mut tally = Tally::default();
        for line in output.lines() {
            tally += Tally::of_line(line);
        }
        assert_eq!(tally.to_string(), "15 passed, 2 failed");
    }
}
