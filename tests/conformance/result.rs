//! What came of the table: for the test, and in a file for `./dev conformance`.

use std::fmt::Write as _;
use std::path::Path;

use super::verdict::{Verdict, Wrong};

pub struct CaseResult {
    pub case: &'static str,
    pub verdict: Verdict,
}

/// Writes a line for each case: `passed` or `failed`, and its name.
pub fn write(file: &Path, results: &[CaseResult]) {
    let line = |result: &CaseResult| format!("{} {}\n", result.word(), result.case);
    std::fs::write(file, results.iter().map(line).collect::<String>()).expect("the results are written");
}

/// Panics if a case failed, with all that did.
pub fn demand(plugin: &str, results: &[CaseResult]) {
    let mut complaint = String::new();
    let mut failed = 0;
    for CaseResult { case, verdict } in results {
        if let Err(Wrong { expected, came }) = verdict {
            failed += 1;
            let _ = write!(complaint, "\n  {case}\n    expected: {expected}\n    came:     {came}");
        }
    }
    assert!(failed == 0, "{plugin}: {failed} of {} cases failed:{complaint}", results.len());
}

impl CaseResult {
    fn word(&self) -> &'static str {
        if self.verdict.is_ok() { "passed" } else { "failed" }
    }
}
