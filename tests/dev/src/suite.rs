//! `./dev test`: every check and every test, with what each took, and one line of counts at the end.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::command::Program;
use crate::conformance::guests;
use crate::failure::Failure;
use crate::sdks;
use crate::setup;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// One part of `./dev test`.
struct Suite {
    name: &'static str,
    run: fn(&Workspace, RabbitMq) -> Outcome,
}

/// Which RabbitMQ the tests start nodes of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RabbitMq {
    System,
    Four,
}

impl RabbitMq {
    /// What the tests read in `TESTED_RABBITMQ`.
    fn number(self) -> &'static str {
        match self {
            Self::System => "3",
            Self::Four => "4",
        }
    }
}

/// What a suite counted, and whether it succeeded.
pub type Outcome = (Tally, Result<(), Failure>);

/// What `./dev test` runs. All tests share one build: the same profile and features everywhere.
const ALL: [Suite; 6] = [
    Suite { name: "fmt", run: |_, _| check("fmt --all --check") },
    Suite { name: "clippy", run: |_, _| check("clippy --workspace --all-targets -- -D warnings") },
    Suite { name: "tests", run: |workspace, version| tests(workspace, "", "", version) },
    Suite { name: "sdks", run: |workspace, _| sdks::test(workspace) },
    Suite { name: "rabbitmq-4", run: |workspace, _| rabbitmq_4(workspace) },
    Suite { name: "deny", run: |workspace, _| deny(workspace) },
];

/// Parts of the tests, for a developer in a hurry.
const PARTS: [Suite; 13] = [
    Suite { name: "unit", run: |workspace, version| tests(workspace, "--lib --bins", "", version) },
    Suite {
        name: "architecture",
        run: |workspace, version| tests(workspace, "--test suite", "architecture::", version),
    },
    Suite { name: "catalog", run: |workspace, version| tests(workspace, "--test suite", "catalog::", version) },
    Suite { name: "chaos", run: |workspace, version| tests(workspace, "--test suite", "chaos::", version) },
    Suite { name: "cli", run: |workspace, version| tests(workspace, "--test suite", "cli::", version) },
    Suite { name: "conformance", run: |workspace, version| tests(workspace, "--test suite", "conformance::", version) },
    Suite { name: "contract", run: |workspace, version| tests(workspace, "--test suite", "contract::", version) },
    Suite { name: "end-to-end", run: |workspace, version| tests(workspace, "--test suite", "end_to_end::", version) },
    Suite { name: "ledger", run: |workspace, version| tests(workspace, "--test suite", "ledger::", version) },
    Suite { name: "patterns", run: |workspace, version| tests(workspace, "--test suite", "patterns::", version) },
    Suite { name: "rabbitmq", run: |workspace, version| tests(workspace, "--test suite", "rabbitmq::", version) },
    Suite { name: "sandbox", run: |workspace, version| tests(workspace, "--test suite", "sandbox::", version) },
    Suite { name: "on-rabbitmq", run: |workspace, version| tests(workspace, "--test suite", ON_RABBITMQ, version) },
];

/// The tests that start a node, whichever module they are in.
const ON_RABBITMQ: &str = "rabbitmq patterns:: end_to_end::raw:: end_to_end::ponos::";
/// A Ponos of today: its client asks for frames that are too small for RabbitMQ 4.1 and later.
const NOT_ON_FOUR: &str = "--skip end_to_end::ponos::";
/// What `--rabbitmq` alone stands for.
const ASKED: &str = "on-rabbitmq";

pub fn names() -> Vec<&'static str> {
    ALL.iter().chain(&PARTS).map(|suite| suite.name).collect()
}

/// Runs the suites named, or all: `[--rabbitmq 3|4] [suite...]`.
pub fn test(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    let (version, suites) = choose(arguments)?;
    setup::everything(workspace)?;
    if version == RabbitMq::Four && setup::rabbitmq_4::find(workspace).is_none() {
        let remedy = "It is taken from Debian's packages, and this system has none.".into();
        return Err(Failure::Missing { what: "RabbitMQ 4", remedy });
    }
    let (mut tally, mut summary) = (Tally::default(), Vec::new());
    for (index, suite) in suites.iter().enumerate() {
        println!("\n=== [{}/{}] {} ===", index + 1, suites.len(), suite.name);
        let started = Instant::now();
        let (mut counted, result) = (suite.run)(workspace, version);
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
    // Only where it is asked for, since the last line of everything is that of the counts.
    if let ([suite], Some(hostile)) = (&suites[..], tally.hostile())
        && suite.name == "sandbox"
    {
        println!("{hostile}");
    }
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn choose(arguments: &[String]) -> Result<(RabbitMq, Vec<&'static Suite>), Failure> {
    let (version, chosen) = match arguments {
        [flag, number, chosen @ ..] if flag == "--rabbitmq" => (Some(version(number)?), chosen),
        chosen => (None, chosen),
    };
    let find = |name: &str| {
        let suite = ALL.iter().chain(&PARTS).find(|suite| suite.name == name);
        suite.ok_or_else(|| Failure::Suite { name: name.into(), known: names() })
    };
    let suites = match (chosen, version) {
        ([], None) => ALL.iter().collect(),
        ([], Some(_)) => vec![find(ASKED)?],
        (chosen, _) => chosen.iter().map(|name| find(name)).collect::<Result<_, _>>()?,
    };
    Ok((version.unwrap_or(RabbitMq::System), suites))
}

fn version(number: &str) -> Result<RabbitMq, Failure> {
    let known = [RabbitMq::System, RabbitMq::Four].into_iter().find(|version| version.number() == number);
    known.ok_or_else(|| Failure::RabbitMq(number.into()))
}

fn check(words: &str) -> Outcome {
    (Tally::default(), Program::cargo().words(words).run())
}

/// Runs the tests of these binaries whose names have one of these words; no words are all tests.
fn tests(workspace: &Workspace, binaries: &str, names: &str, version: RabbitMq) -> Outcome {
    let mut tally = Tally::default();
    // Tests start the real `leveret`, which `cargo test` alone would leave as it was. The same build serves both.
    let built = Program::cargo().words("build --workspace --all-targets").run();
    let with_guests = names.is_empty() && binaries.is_empty() || names.starts_with("conformance::");
    let built = built.and_then(|()| if with_guests { guests::build(workspace) } else { Ok(()) });
    let with_hostile = names.is_empty() && binaries.is_empty() || names.starts_with("sandbox::");
    let built = built.and_then(|()| if with_hostile { guests::build_hostile(workspace) } else { Ok(()) });
    let cargo = Program::cargo().words("test --workspace --no-fail-fast").words(binaries).argument("--").words(names);
    let cargo = if version == RabbitMq::Four { cargo.words(NOT_ON_FOUR) } else { cargo };
    let cargo = cargo.variable("TESTED_RABBITMQ", version.number());
    let result = built.and_then(|()| cargo.each_line(|line| tally += Tally::of_line(line)));
    (tally, result)
}

/// The second time for every test that starts a node, in the build of the first.
fn rabbitmq_4(workspace: &Workspace) -> Outcome {
    if setup::rabbitmq_4::find(workspace).is_some() {
        return tests(workspace, "--test suite", ON_RABBITMQ, RabbitMq::Four);
    }
    println!(
        "\n!!! WARNING: there is no RabbitMQ 4 here: it is taken from Debian's packages, and this system has none."
    );
    println!("!!! NOT TESTED: Leveret on RabbitMQ 4.");
    (Tally::default(), Ok(()))
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
            failure.starts_with("There is no suite \"clipy\". There are: fmt, clippy, tests, sdks, rabbitmq-4, deny, "),
            "{failure}"
        );
    }

    #[test]
    fn the_version_of_rabbitmq_alone_means_the_tests_that_need_it() {
        let chosen = |words: &str| {
            let words: Vec<String> = words.split_whitespace().map(String::from).collect();
            let (version, suites) = choose(&words).expect("legal");
            (version, suites.iter().map(|suite| suite.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen("--rabbitmq 4"), (RabbitMq::Four, vec!["on-rabbitmq"]));
        assert_eq!(chosen("--rabbitmq 4 contract"), (RabbitMq::Four, vec!["contract"]));
        assert_eq!(chosen("fmt"), (RabbitMq::System, vec!["fmt"]));
        assert_eq!(chosen("").1.len(), ALL.len());
        assert!(choose(&["--rabbitmq".into(), "5".into()]).is_err());
    }

    #[test]
    fn every_suite_has_a_name_of_its_own() {
        let mut names = names();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len() + PARTS.len());
    }
}
