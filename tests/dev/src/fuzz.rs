//! `./dev fuzz`: throws bytes at whatever parses bytes from outside. Each target of `tests/fuzz` asserts what must hold
//! whatever they are.
//!
//! What was found worth keeping stays in `tests/fuzz/corpus`, where the next run begins, and an input that failed in
//! `tests/fuzz/artifacts`; neither is committed. What a run on a fresh machine begins with is in `tests/fuzz/seeds`, and
//! words that chance would not find are in `tests/fuzz/dictionaries`.

use std::process::ExitCode;
use std::time::Instant;

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::Workspace;

const SECONDS: u64 = 60;
/// The longest input, in bytes.
const LENGTH: &str = "-max_len=16384";
/// What libFuzzer says at a run's end, before a number.
const EXECUTIONS: &str = "stat::number_of_executed_units:";

/// `[--seconds N] [target...]`: for so long at each target. Ends in one line of JSON.
pub fn fuzz(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    let (seconds, chosen) = match arguments {
        [flag, seconds, chosen @ ..] if flag == "--seconds" => (parse(seconds)?, chosen),
        chosen => (SECONDS, chosen),
    };
    setup::fuzzing(workspace)?;
    let targets = choose(workspace, chosen)?;
    eprintln!("Building the targets. The first time takes minutes.");
    for target in &targets {
        cargo_fuzz(workspace, "build").arguments(without_sanitizer(workspace)).argument(target).run()?;
    }
    let (begun, mut executions, mut crashes) = (Instant::now(), 0, 0);
    for (index, target) in targets.iter().enumerate() {
        println!("\n=== [{}/{}] {target} ===", index + 1, targets.len());
        match run(workspace, target, seconds, &mut executions) {
            Ok(()) => {}
            Err(failure) => {
                println!("\n{failure}");
                crashes += 1;
            }
        }
    }
    let (targets, seconds) = (targets.len(), begun.elapsed().as_secs());
    println!("{{\"targets\":{targets},\"seconds\":{seconds},\"executions\":{executions},\"crashes\":{crashes}}}");
    Ok(if crashes == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(seconds: &str) -> Result<u64, Failure> {
    seconds.parse().ok().filter(|seconds| *seconds > 0).ok_or_else(|| Failure::Seconds(seconds.into()))
}

fn choose(workspace: &Workspace, chosen: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<String> = cargo_fuzz(workspace, "list").quietly()?.lines().map(str::to_owned).collect();
    if chosen.is_empty() {
        return Ok(known);
    }
    match chosen.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(Failure::Target { name: name.clone(), known }),
        None => Ok(chosen.to_vec()),
    }
}

/// Runs one target until the time is over or it fails.
fn run(workspace: &Workspace, target: &str, seconds: u64, executions: &mut u64) -> Result<(), Failure> {
    let corpus = workspace.path("tests/fuzz/corpus").join(target);
    setup::make_directory(&corpus)?;
    let seeds = Some(workspace.path("tests/fuzz/seeds").join(target)).filter(|seeds| seeds.is_dir());
    let dictionary = Some(workspace.path("tests/fuzz/dictionaries").join(target)).filter(|words| words.is_file());
    cargo_fuzz(workspace, "run")
        .arguments(without_sanitizer(workspace))
        .argument(target)
        .argument(corpus)
        .arguments(seeds)
        .argument("--")
        .argument(format!("-max_total_time={seconds}"))
        .words("-print_final_stats=1 -rss_limit_mb=4096 -timeout=25")
        .argument(LENGTH)
        .arguments(dictionary.map(|words| format!("-dict={}", words.display())))
        .each_line(|line| {
            let number = line.strip_prefix(EXECUTIONS).and_then(|number| number.trim().parse::<u64>().ok());
            *executions += number.unwrap_or_default();
        })
}

/// libFuzzer writes to stderr; all of it is read as one stream.
fn cargo_fuzz(workspace: &Workspace, verb: &str) -> Program {
    Program::new("sh")
        .arguments(["-c", "exec \"$@\" 2>&1", "sh"])
        .argument(workspace.target("tools/bin/cargo-fuzz"))
        .arguments([verb, "--fuzz-dir"])
        .argument(workspace.path("tests/fuzz"))
}

/// Where a build goes; and no sanitizer, since those need a nightly rustc, and look for what safe Rust cannot do.
fn without_sanitizer(workspace: &Workspace) -> [std::ffi::OsString; 4] {
    ["--target-dir".into(), workspace.target("fuzz").into(), "--sanitizer".into(), "none".into()]
}
