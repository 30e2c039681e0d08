//! What the tests left of their run, and how people and programs are told.

use std::fmt::Write as _;
use std::fs;

use super::languages::{LANGUAGES, Language};
use super::place;
use crate::failure::Failure;
use crate::setup::remove_file;
use crate::workspace::Workspace;

/// What came of a language.
pub enum Outcome {
    /// Each case, and whether it passed.
    Ran(Vec<(String, bool)>),
    Skipped(String),
    /// The tests did not come to it.
    Missing,
}

pub struct Results(pub Vec<(&'static Language, Outcome)>);

/// Removes what an earlier run left, so that it is not taken for this one's.
pub fn forget(workspace: &Workspace) -> Result<(), Failure> {
    LANGUAGES.iter().try_for_each(|language| remove_file(&place(workspace, language, "results")))
}

impl Results {
    pub fn read(workspace: &Workspace) -> Self {
        let outcome = |language| {
            let text = |extension| fs::read_to_string(place(workspace, language, extension)).ok();
            let ran = || text("results").map(|text| Outcome::Ran(text.lines().filter_map(case).collect()));
            let skipped = text("skipped").map(|reason| Outcome::Skipped(reason.trim().to_owned()));
            skipped.or_else(ran).unwrap_or(Outcome::Missing)
        };
        Self(LANGUAGES.iter().map(|language| (language, outcome(language))).collect())
    }

    /// A table with a row for each case and a column for each language.
    pub fn shown(&self) -> String {
        let mut cases: Vec<&str> = Vec::new();
        for (name, _) in self.0.iter().flat_map(|(_, outcome)| outcome.cases()) {
            if !cases.contains(&name.as_str()) {
                cases.push(name);
            }
        }
        let width = cases.iter().map(|case| case.len()).max().unwrap_or_default();
        let mut table = format!("{:width$}", "");
        for (language, _) in &self.0 {
            let _ = write!(table, "  {:>10}", language.title);
        }
        for case in cases {
            let _ = write!(table, "\n{case:width$}");
            for (_, outcome) in &self.0 {
                let _ = write!(table, "  {:>10}", outcome.word(case));
            }
        }
        for (language, outcome) in &self.0 {
            if let Outcome::Skipped(reason) = outcome {
                let _ = write!(table, "\n!!! SKIPPED: {}: {reason}", language.title);
            }
        }
        table
    }

    /// `{"conformance":{"rust":{"passed":45,"of":45}},"skipped":{}}`
    pub fn json(&self) -> String {
        let (mut ran, mut skipped) = (Vec::new(), Vec::new());
        for (Language { name, .. }, outcome) in &self.0 {
            match outcome {
                Outcome::Skipped(reason) => skipped.push(format!("\"{name}\":\"{}\"", escaped(reason))),
                outcome => {
                    let (passed, of) = outcome.counts();
                    ran.push(format!("\"{name}\":{{\"passed\":{passed},\"of\":{of}}}"));
                }
            }
        }
        format!("{{\"conformance\":{{{}}},\"skipped\":{{{}}}}}", ran.join(","), skipped.join(","))
    }
}

impl Outcome {
    pub fn counts(&self) -> (usize, usize) {
        (self.cases().iter().filter(|(_, passed)| *passed).count(), self.cases().len())
    }

    fn cases(&self) -> &[(String, bool)] {
        match self {
            Self::Ran(cases) => cases,
            _ => &[],
        }
    }

    fn word(&self, case: &str) -> &'static str {
        match self.cases().iter().find(|(name, _)| name == case) {
            Some((_, true)) => "ok",
            Some((_, false)) => "FAILED",
            None => "-",
        }
    }
}

/// `passed echo` or `failed echo`.
fn case(line: &str) -> Option<(String, bool)> {
    let (verdict, name) = line.split_once(' ')?;
    Some((name.to_owned(), verdict == "passed"))
}

fn escaped(text: &str) -> String {
    let character = |c: char| if c.is_control() { " ".into() } else { c.to_string() };
    text.chars().map(character).collect::<String>().replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_end_in_json_that_counts_them() {
        let ran = "passed echo\nfailed panic\n".lines().filter_map(case).collect();
        let outcomes = [Outcome::Ran(ran), Outcome::Skipped("npm is \"missing\".".into()), Outcome::Missing];
        let results = Results(LANGUAGES.iter().zip(outcomes).collect());
        let json = "{\"conformance\":{\"rust\":{\"passed\":1,\"of\":2},\"js\":{\"passed\":0,\"of\":0}},\
                    \"skipped\":{\"ts\":\"npm is \\\"missing\\\".\"}}";
        assert_eq!(results.json(), json);
        assert!(results.shown().contains("panic      FAILED           -           -"), "{}", results.shown());
    }
}
