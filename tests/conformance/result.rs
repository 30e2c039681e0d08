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
    let failed: Vec<_> =
        results.iter().filter_map(|result| Some((result.case, result.verdict.as_ref().err()?))).collect();
    // A component that was not let in fails every case in the same words.
    for alike in failed.chunk_by(|(_, one), (_, other)| one == other) {
        let (cases, wrongs): (Vec<_>, Vec<_>) = alike.iter().copied().unzip();
        let Wrong { expected, came } = wrongs[0];
        let _ = write!(complaint, "\n  {}\n    expected: {expected}\n    came:     {came}", cases.join(", "));
    }
    assert!(failed.is_empty(), "{plugin}: {} of {} cases failed:{complaint}", failed.len(), results.len());
}

impl CaseResult {
    fn word(&self) -> &'static str {
        if self.verdict.is_ok() { "passed" } else { "failed" }
    }
}
