//! The command line as a person meets it: what it says, where, and with which exit code.

mod audit;
mod build;
mod check;
mod clock;
mod config;
mod dev;
mod history;
mod later;
mod letters;
mod new;
mod operate;
mod publish;
mod test;
mod top;
mod topology;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use leveret_tests::process::command;
use leveret_tests::{guests, host};
use tempfile::TempDir;

/// How a command ended.
struct Ended {
    code: i32,
    output: String,
    error: String,
}

/// Runs `leveret` in a directory, with these variables and none of the developer's own.
fn leveret(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let output = command()
        .args(arguments)
        .current_dir(directory)
        .env("LEVERET_PLUGINS_CACHE", host::compile_cache())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("leveret was built with the tests");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    Ended { code: output.status.code().expect("no signal"), output: text(output.stdout), error: text(output.stderr) }
}

fn directory() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// A directory with a settings file in it.
fn configured(settings: &str) -> TempDir {
    let directory = directory();
    std::fs::write(directory.path().join("leveret.toml"), settings).expect("a settings file");
    directory
}

fn write(directory: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

#[test]
fn a_command_that_is_none_is_a_wrong_use() {
    let ended = leveret(directory().path(), &[], &["upp"]);
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("up"), "{}", ended.error);
}

#[test]
fn the_help_tells_the_commands_and_the_exit_codes() {
    let ended = leveret(directory().path(), &[], &["--help"]);
    assert_eq!(ended.code, 0);
    let commands = [
        "up", "demo", "dev", "publish", "check", "test", "status", "dead", "history", "replay", "trace", "audit",
        "top", "plugin", "breaker", "topology", "config",
    ];
    for word in commands.into_iter().chain(["Exit codes"]) {
        assert!(ended.output.contains(word), "{word} is missing in {}", ended.output);
    }
}

#[test]
fn a_status_without_a_host_says_how_to_start_one() {
    // Port 1 is nobody's.
    let ended = leveret(directory().path(), &[("LEVERET_ADMIN_ADDRESS", "127.0.0.1:1")], &["status"]);
    assert_eq!(ended.code, 3);
    assert!(ended.error.contains("leveret up"), "{}", ended.error);
}

#[test]
fn i9_the_demo_replaces_a_plugin_and_ends_by_itself() {
    let samples = guests::path("pheidi");
    let samples = samples.parent().expect("a directory").to_str().expect("UTF-8");
    let ended = leveret(directory().path(), &[], &["demo", "--samples", samples]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    for word in [
        "pheidi.email.send",
        "event email.sent",
        "event part.reserved",
        "event payment.declined",
        "event part.released",
        "docker.images.cleanup",
        "dead letter",
        "keepFreePercent",
    ] {
        assert!(ended.output.contains(word), "{word} is missing in {}", ended.output);
    }
}

#[test]
fn a_demo_without_samples_says_what_builds_them() {
    let ended = leveret(directory().path(), &[], &["demo", "--samples", "nowhere"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("./dev demo"), "{}", ended.error);
}
