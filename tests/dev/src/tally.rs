//! Counting tests by what cargo prints.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and failed, and what became of each hostile plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    /// How many hostile plugins were tried.
    tried: u64,
    /// Those that were not contained, by name.
    escaped: Vec<String>,
}

/// What the tests of hostile plugins begin with.
const HOSTILE: &str = "test sandbox::hostile::";

impl Tally {
    /// What one line adds: nothing, unless it is a test binary's `test result:` or tells of a hostile plugin.
    pub fn of_line(line: &str) -> Self {
        if let Some((name, result)) = line.strip_prefix(HOSTILE).and_then(|line| line.split_once(" ... ")) {
            let escaped = if result == "ok" { vec![] } else { vec![name.to_owned()] };
            return Self { tried: 1, escaped, ..Self::default() };
        }
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

    /// How many hostile plugins were tried and contained, and those that were not, as one line of JSON; `None` if none
    /// was tried.
    pub fn hostile(&self) -> Option<String> {
        let Self { tried, escaped, .. } = self;
        let contained = tried - escaped.len() as u64;
        // Names of functions, which need no escaping.
        let names = escaped.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        (*tried > 0).then(|| format!("{{\"tried\":{tried},\"contained\":{contained},\"escaped\":[{names}]}}"))
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.tried += other.tried;
        self.escaped.extend(other.escaped);
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

    #[test]
    fn hostile_plugins_are_counted_by_their_tests() {
        let output = "test sandbox::hostile::loops_in_describe ... ok\n\
            test sandbox::hostile::floods_the_log ... FAILED\n\
            test sandbox::stuck::a_panic ... ok\n";
        let mut tally = Tally::default();
        for line in output.lines() {
            tally += Tally::of_line(line);
        }
        let told = tally.hostile().unwrap_or_default();
        assert_eq!(told, r#"{"tried":2,"contained":1,"escaped":["floods_the_log"]}"#);
        assert_eq!(Tally::default().hostile(), None);
    }
}
