//! `./dev test`: every check and every test, with what each took, and one line of counts at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// One part of `./dev test`.
struct Suite {
    name: &'static str,
    run: fn(&Workspace) -> Outcome,
}

/// What a suite counted, and whether it succeeded.
type Outcome = (Tally, Result<(), Failure>);

/// What `./dev test` runs. All tests share one build: the same profile and features everywhere.
const ALL: [Suite; 4] = [
    Suite { name: "fmt", run: |_| check("fmt --all --check") },
    Suite { name: "clippy", run: |_| check("clippy --workspace --all-targets -- -D warnings") },
    Suite { name: "tests", run: |_| tests("") },
    Suite { name: "deny", run: deny },
];

/// Parts of the tests, for a developer in a hurry.
const PARTS: [Suite; 9] = [
    Suite { name: "unit", run: |_| tests("--lib --bins") },
    Suite { name: "architecture", run: |_| tests("--test suite architecture::") },
    Suite { name: "catalog", run: |_| tests("--test suite catalog::") },
    Suite { name: "chaos", run: |_| tests("--test suite chaos::") },
    Suite { name: "cli", run: |_| tests("--test suite cli::") },
    Suite { name: "contract", run: |_| tests("--test suite contract::") },
    Suite { name: "end-to-end", run: |_| tests("--test suite end_to_end::") },
    Suite { name: "rabbitmq", run: |_| tests("--test suite rabbitmq::") },
    Suite { name: "sandbox", run: |_| tests("--test suite sandbox::") },
];

pub fn names() -> Vec<&'static str> {
    ALL.iter().chain(&PARTS).map(|suite| suite.name).collect()
}

pub fn test(workspace: &Workspace, chosen: &[String]) -> Result<ExitCode, Failure> {
    let suites = choose(chosen)?;
    setup::everything(workspace)?;
    let (mut tally, mut summary) = (Tally::default(), Vec::new());
    for (index, suite) in suites.iter().enumerate() {
        println!("\n=== [{}/{}] {} ===", index + 1, suites.len(), suite.name);
        let started = Instant::now();
        let (mut counted, result) = (suite.run)(workspace);
        if let Err(failure) = &result {
            println!("\n{failure}");
            // A check that failed, or tests that did not even compile, must not end as "0 failed".
            counted.failed = counted.failed.max(1);
        }
        tally += counted;
        summary.push((suite.name, started.elapsed(), result.is_ok()));
    }
    println!();
    for (name, time, passed) in &summary {
        println!("{name:10} {:>8}  {}", seconds(*time), if *passed { "passed" } else { "FAILED" });
    }
    println!("{tally}");
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(chosen: &[String]) -> Result<Vec<&'static Suite>, Failure> {
    if chosen.is_empty() {
        return Ok(ALL.iter().collect());
    }
    let find = |name: &String| ALL.iter().chain(&PARTS).find(|suite| suite.name == name);
    chosen.iter().map(|name| find(name).ok_or_else(|| Failure::Suite { name: name.clone(), known: names() })).collect()
}

fn check(words: &str) -> Outcome {
    (Tally::default(), Program::cargo().words(words).run())
}

fn tests(which: &str) -> Outcome {
    let mut tally = Tally::default();
    // Tests start the real `leveret`, which `cargo test` alone would leave as it was. The same build serves both.
    let built = Program::cargo().words("build --workspace --all-targets").run();
    let cargo = Program::cargo().words("test --workspace --no-fail-fast").words(which);
    let result = built.and_then(|()| cargo.each_line(|line| tally += Tally::of_line(line)));
    (tally, result)
}

/// Licences, duplicates and sources are checked anywhere. Advisories need their database from GitHub: where that is
/// out of reach they are not checked, and it is said; an advisory that is found is a failure.
fn deny(workspace: &Workspace) -> Outcome {
    let cargo_deny = || Program::new(workspace.target("tools/bin/cargo-deny"));
    let offline = cargo_deny().words("check --hide-inclusion-graph licenses bans sources").run();
    let advisories = match cargo_deny().words("fetch db").quietly() {
        Ok(_) => cargo_deny().words("check --hide-inclusion-graph advisories").run(),
        Err(failure) => {
            println!("\n{failure}");
            println!("\n!!! WARNING: the RustSec advisory database could not be fetched.");
            println!("!!! NOT CHECKED: security advisories, unmaintained and yanked crates.");
            println!("!!! Run `./dev test deny` where https://github.com can be reached.");
            Ok(())
        }
    };
    (Tally::default(), offline.and(advisories))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_that_does_not_exist_is_refused_with_those_that_do() {
        let chosen = ["clipy".to_owned()];
        let failure = choose(&chosen).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(
            failure.starts_with("There is no suite \"clipy\". There are: fmt, clippy, tests, deny, unit, "),
            "{failure}"
        );
    }

    #[test]
    fn every_suite_has_a_name_of_its_own() {
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len() + PARTS.len());
    }
}
