//! `leveret dev`, with a toolchain that copies: what matters is when it is run and what becomes of its result.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use leveret_tests::guests::{self, another_version};
use leveret_tests::process::binary;
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
struct Dev {
    project: TempDir,
    child: Child,
    lines: Receiver<String>,
    address: String,
}

impl Dev {
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
        let mut child = Command::new(binary())
            .arg("dev")
            .current_dir(project.path())
            .env("LEVERET_ADMIN_ADDRESS", "127.0.0.1:0")
            .env("PATH", format!("{}:{path}", project.path().join("bin").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("leveret was built with the tests");
        let output = child.stdout.take().expect("it is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut dev = Self { project, child, lines, address: String::new() };
        let watching = dev.line("watching ");
        let address = watching.split("reaches ").nth(1).and_then(|rest| rest.split(';').next());
        dev.address = address.expect("it tells where it listens").to_owned();
        dev
    }

    /// Waits for a line that begins with this.
    fn line(&mut self, beginning: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(beginning) => return line,
                Ok(line) => seen.push(line),
                Err(_) => panic!("{beginning:?} did not come; what came is {seen:#?}"),
            }
        }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.project.path().join(name)
    }

    fn publish(&self, payload: &str) {
        let address = [("LEVERET_ADMIN_ADDRESS", self.address.as_str())];
        let ended = leveret(Path::new("."), &address, &["publish", "puppet.pulled", payload]);
        assert_eq!(ended.code, 0, "{}", ended.error);
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_change_goes_live_and_a_broken_source_leaves_the_version_before() {
    let mut dev = Dev::start();
    dev.line("built     puppet, ");
    let first = dev.line("live      puppet 1 (");
    dev.line("cases     1 case: 1 passed, 0 failed");
    dev.publish(r#"{"do": "emit", "count": 1}"#);
    dev.line("done      puppet.pulled ");
    dev.publish(r#"{"do": "print"}"#);
    dev.line("info      the puppet's standard output");

    fs::write(dev.file("src/broken"), "").expect("writable");
    let failed = dev.line("failed    ");
    assert!(failed.ends_with("goes on"), "{failed}");
    dev.publish(r#"{"do": "reject", "reason": "no"}"#);
    dev.line("dead      puppet.pulled ");
    dev.line("          a dead letter: no");

    fs::write(dev.file("src/plugin.wasm"), another_version(&guests::bytes("puppet"), "2")).expect("writable");
    fs::remove_file(dev.file("src/broken")).expect("it is there");
    let second = dev.line("live      puppet 1 (");
    assert_ne!(first, second);
    dev.publish(r#"{"do": "key", "key": "k-1"}"#);
    let task = dev.line("task      puppet.echo.make  key k-1  ");
    assert!(task.contains('{'), "{task}");

    fs::write(dev.file("cases/more.json"), r#"{"healthy": true, "expect": {"unhealthy": "no"}}"#).expect("writable");
    dev.line("cases     2 cases: 1 passed, 1 failed");
}

#[test]
fn i11_an_interrupt_ends_it_cleanly_and_its_files_are_its_own() {
    let mut dev = Dev::start();
    dev.line("live ");
    let id = dev.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("every system has kill").success());
    dev.line("stopped");
    assert_eq!(dev.child.wait().expect("it is our child").code(), Some(0));
    let made: Vec<_> = fs::read_dir(dev.file(".leveret")).expect("it is there").flatten().collect();
    assert_eq!(made.iter().map(|entry| entry.file_name()).collect::<Vec<_>>(), ["dev"]);
    assert!(dev.file(".leveret/dev/plugins/puppet.wasm").is_file());
}

#[test]
fn what_is_no_project_is_said_to_be_none() {
    let ended = leveret(directory().path(), &[], &["dev"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("leveret new"), "{}", ended.error);
}
