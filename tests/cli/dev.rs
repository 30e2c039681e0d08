//! `leveret dev`, with a toolchain that copies: what matters is when it is run and what becomes of its result.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use leveret_tests::dev::Dev;
use leveret_tests::guests::{self, another_version};
use leveret_tests::wait::PATIENCE;
use tempfile::TempDir;

use super::{directory, leveret};

/// What npm does in these tests.
const NPM: &str = r#"#!/bin/sh
if [ -f src/broken ]; then
    echo "src/broken: it is" >&2
    exit 1
fi
mkdir -p build
cp src/plugin.wasm build/puppet.wasm
"#;

/// A project, and `leveret dev` at work in it.
struct Project {
    directory: TempDir,
    dev: Dev,
}

impl Project {
    fn start() -> Self {
        let project = directory();
        for folder in ["src", "bin", "cases", "node_modules"] {
            fs::create_dir(project.path().join(folder)).expect("a new directory");
        }
        let write = |name: &str, text: &[u8]| fs::write(project.path().join(name), text).expect("writable");
        write("package.json", br#"{"name": "puppet"}"#);
        write("src/plugin.wasm", &guests::bytes("puppet"));
        write(
            "cases/nothing.json",
            br#"{"event": {"name": "puppet.pulled", "payload": {"do": "emit", "count": 0}}, "expect": {"tasks": []}}"#,
        );
        write("bin/npm", NPM.as_bytes());
        fs::set_permissions(project.path().join("bin/npm"), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let path = std::env::var("PATH").expect("every system has one");
        let path = format!("{}:{path}", project.path().join("bin").display());
        let dev = Dev::start(project.path(), &[], [("PATH", path)]);
        Self { directory: project, dev }
    }

    /// Waits for a line that begins with this.
    fn line(&self, beginning: &str) -> String {
        self.dev.line(beginning, PATIENCE).0
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn publish(&self, payload: &str) {
        let address = [("LEVERET_ADMIN_ADDRESS", self.dev.address.as_str())];
        let ended = leveret(Path::new("."), &address, &["publish", "puppet.pulled", payload]);
        assert_eq!(ended.code, 0, "{}", ended.error);
    }
}

#[test]
fn a_change_goes_live_and_a_broken_source_leaves_the_version_before() {
    let project = Project::start();
    project.line("built     puppet, ");
    let first = project.line("live      puppet 1 (");
    project.line("cases     1 case: 1 passed, 0 failed");
    project.publish(r#"{"do": "emit", "count": 1}"#);
    project.line("done      puppet.pulled ");
    project.publish(r#"{"do": "print"}"#);
    project.line("info      the puppet's standard output");

    fs::write(project.file("src/broken"), "").expect("writable");
    let failed = project.line("failed    ");
    assert!(failed.ends_with("goes on"), "{failed}");
    project.publish(r#"{"do": "reject", "reason": "no"}"#);
    project.line("dead      puppet.pulled ");
    project.line("          a dead letter: no");

    fs::write(project.file("src/plugin.wasm"), another_version(&guests::bytes("puppet"), "2")).expect("writable");
    fs::remove_file(project.file("src/broken")).expect("it is there");
    let second = project.line("live      puppet 1 (");
    assert_ne!(first, second);
    project.publish(r#"{"do": "key", "key": "k-1"}"#);
    let task = project.line("task      puppet.echo.make  key k-1  ");
    assert!(task.contains('{'), "{task}");

    fs::write(project.file("cases/more.json"), r#"{"healthy": true, "expect": {"unhealthy": "no"}}"#)
        .expect("writable");
    project.line("cases     2 cases: 1 passed, 1 failed");
}

#[test]
fn i11_an_interrupt_ends_it_cleanly_and_its_files_are_its_own() {
    let mut project = Project::start();
    project.line("live ");
    let id = project.dev.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("every system has kill").success());
    project.line("stopped");
    assert_eq!(project.dev.child.wait().expect("it is our child").code(), Some(0));
    let made: Vec<_> = fs::read_dir(project.file(".leveret")).expect("it is there").flatten().collect();
    assert_eq!(made.iter().map(|entry| entry.file_name()).collect::<Vec<_>>(), ["dev"]);
    assert!(project.file(".leveret/dev/plugins/puppet.wasm").is_file());
}

#[test]
fn what_is_no_project_is_said_to_be_none() {
    let ended = leveret(directory().path(), &[], &["dev"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("leveret new"), "{}", ended.error);
}
