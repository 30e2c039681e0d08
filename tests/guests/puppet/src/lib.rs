//! A plugin that does what the payload of `puppet.pulled` tells it to: for the host's tests. In recovery it does what the
//! payload says under `recover`, and its probe does what [`HEALTH`] says.
//!
//! Its version is what `PUPPET_VERSION` was in the environment of the build, or `1`.

#![forbid(unsafe_code)]

mod role;

use leveret_plugin::prelude::*;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// One instruction: `{"do": "emit", "count": 2, "size": 10}`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Instruction {
    /// Emit so many tasks, each with a number and so many bytes of padding.
    Emit {
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        size: usize,
    },
    /// Emit one task of this name, legal or not, declared or not, with this payload, or an empty object.
    EmitName { name: String, payload: Option<Value> },
    /// Emit one task with this payload, JSON or not.
    EmitRaw { payload: String },
    /// Emit one task with this header.
    Header { name: String, value: String },
    /// Emit one task with this ordering key.
    Key { key: String },
    /// Emit one task that says what of the world the plugin sees.
    Clock,
    /// Emit one task that says how often this instance was told so.
    State,
    /// Emit one task that says which attempts failed before: none, but in recovery.
    Attempts,
    /// Fail for now, and perhaps say for how many milliseconds.
    Retry { reason: String, after: Option<u64> },
    /// Fail for good.
    Reject { reason: String },
    /// Trap, with a text on standard error.
    Panic,
    /// Never end.
    Loop,
    /// Fill so many bytes of memory.
    Allocate { bytes: usize },
    /// Use up the stack.
    Recurse,
    /// Write so many log lines.
    Log { lines: u32 },
    /// Write to standard output and standard error.
    Print,
    /// Do what the role that is written into this very file makes of an event with this number.
    Perform(role::Part),
}

fn one() -> u32 {
    1
}

/// What a payload may say beside its instruction.
#[derive(Deserialize)]
struct LastWill {
    recover: Option<Instruction>,
}

const TASK: &str = "echo.make";
/// What a form must look like: the schema of the task `form.fill`.
const FORM: &str = r#"{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}"#;
/// What the probe does, in letters that a test finds in the file and replaces by others: after `=` stands `fine`, `sick`,
/// `loop` or `trap`.
static HEALTH: [u8; 18] = *b"puppet-health=fine";

/// How often this instance was told [`Instruction::State`].
static CALLS: AtomicU64 = AtomicU64::new(0);

#[subscribe("puppet.pulled")]
fn obey(event: Event<Instruction>) -> Handled {
    perform(event.payload, &[])
}

fn recover(message: Message, attempts: Vec<FailedAttempt>) -> Handled {
    let Message::Event(event) = message else { return Err(reject("the puppet has no tasks")) };
    match event.parse::<LastWill>()?.payload.recover {
        Some(instruction) => perform(instruction, &attempts),
        None => Ok(vec![]),
    }
}

fn healthy() -> Result<(), Failure> {
    match black_box(&HEALTH).strip_prefix(b"puppet-health=").unwrap_or_default() {
        b"fine" => Ok(()),
        b"loop" => loop {
            black_box(());
        },
        b"trap" => panic!("the puppet's probe panics as told"),
        // The clock, so that a test sees at which moment it stands.
        _ => Err(retry(format!("sick at {}", milliseconds(SystemTime::now())))),
    }
}

fn perform(instruction: Instruction, attempts: &[FailedAttempt]) -> Handled {
    match instruction {
        Instruction::Emit { count, size } => (1..=count).map(|number| echo(number, size)).collect(),
        Instruction::EmitName { name, payload } => one_task(Task::new(name, &payload.unwrap_or_else(|| json!({})))?),
        Instruction::EmitRaw { payload } => one_task(Task { payload, ..Task::new(TASK, &())? }),
        Instruction::Header { name, value } => one_task(Task::new(TASK, &json!({}))?.header(name, value)),
        Instruction::Key { key } => one_task(Task::new(TASK, &json!({}))?.key(key)),
        Instruction::Clock => one_task(Task::new(TASK, &what_the_plugin_sees())?),
        Instruction::State => {
            one_task(Task::new(TASK, &json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed) + 1 }))?)
        }
        Instruction::Attempts => one_task(Task::new(TASK, &attempts.iter().map(told).collect::<Vec<_>>())?),
        Instruction::Retry { reason, after: None } => Err(retry(reason)),
        Instruction::Retry { reason, after: Some(after) } => Err(retry(reason).after(Duration::from_millis(after))),
        Instruction::Reject { reason } => Err(reject(reason)),
        Instruction::Panic => panic!("the puppet panics as told"),
        Instruction::Loop => loop {
            black_box(());
        },
        Instruction::Allocate { bytes } => {
            black_box(vec![1u8; bytes]);
            Ok(vec![])
        }
        Instruction::Recurse => {
            black_box(recurse(0));
            Ok(vec![])
        }
        Instruction::Log { lines } => {
            (1..=lines).for_each(|line| log::info!("line {line} of {lines}"));
            Ok(vec![])
        }
        Instruction::Print => {
            println!("the puppet's standard output");
            eprintln!("the puppet's standard error");
            Ok(vec![])
        }
        Instruction::Perform(part) => part.perform(),
    }
}

fn one_task(task: Task) -> Handled {
    Ok(vec![task])
}

fn echo(number: u32, size: usize) -> Result<Task, Failure> {
    Task::new(TASK, &json!({ "number": number, "padding": "x".repeat(size) }))
}

/// A frame that the compiler can neither drop nor turn into a loop.
#[inline(never)]
#[expect(unconditional_recursion, reason = "that is the instruction")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

fn told(FailedAttempt { attempt, time, version, reason }: &FailedAttempt) -> Value {
    json!({ "attempt": attempt, "time": milliseconds(*time), "version": version, "reason": reason })
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn what_the_plugin_sees() -> Value {
    let started = Instant::now();
    json!({
        "milliseconds": milliseconds(SystemTime::now()),
        "elapsedNanoseconds": started.elapsed().as_nanos() as u64,
        "random": RandomState::new().hash_one(0),
        "entropy": getrandom::u64().ok(),
        "environment": std::env::vars().collect::<HashMap<_, _>>(),
        "arguments": std::env::args().collect::<Vec<_>>(),
        "file": text_of(std::fs::read_to_string("/etc/passwd")),
        "directory": text_of(std::fs::read_dir("/").map(Iterator::count)),
        "write": text_of(std::fs::write("puppet.txt", "x")),
    })
}

/// What came of trying to reach something: a test looks for `Ok`.
fn text_of<T: std::fmt::Debug>(result: std::io::Result<T>) -> String {
    match result {
        Ok(value) => format!("Ok: {value:?}"),
        Err(error) => format!("Err: {error}"),
    }
}

leveret_plugin::plugin! {
    version: option_env!("PUPPET_VERSION").unwrap_or("1"),
    subscribers: [obey],
    emits: ["echo.make", { name: "form.fill", schema: FORM }],
    recover: recover,
    healthy: healthy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::deliver;

    #[test]
    fn the_puppet_emits_as_told() -> Handled<()> {
        let tasks = deliver::<obey>(json!({ "do": "emit", "count": 2, "size": 3 }))?;
        let echo = |number: u32| Task::new(TASK, &json!({ "number": number, "padding": "xxx" }));
        assert_eq!(tasks, [echo(1)?, echo(2)?]);
        let tasks = deliver::<obey>(json!({ "do": "emit-raw", "payload": "not json" }))?;
        assert_eq!(tasks[0].payload, "not json");
        Ok(())
    }

    #[test]
    fn the_puppet_fails_as_told() {
        let failure = deliver::<obey>(json!({ "do": "retry", "reason": "busy", "after": 5 }));
        assert_eq!(failure, Err(retry("busy").after(Duration::from_millis(5))));
        let failure = deliver::<obey>(json!({ "do": "reject", "reason": "broken" }));
        assert_eq!(failure, Err(reject("broken")));
    }

    #[test]
    fn the_puppet_recovers_as_told() -> Handled<()> {
        let pulled = |payload: Value| Message::Event(Event::sample("puppet.pulled", payload.to_string()));
        let attempts = vec![FailedAttempt::sample(1, "busy")];
        let told = json!([{ "attempt": 1, "time": 0, "version": "sample-version", "reason": "busy" }]);
        let will = json!({ "do": "panic", "recover": { "do": "attempts" } });
        assert_eq!(recover(pulled(will), attempts.clone())?, [Task::new(TASK, &told)?]);
        assert_eq!(recover(pulled(json!({ "do": "panic" })), attempts)?, []);
        assert_eq!(healthy(), Ok(()));
        Ok(())
    }

    #[test]
    fn an_unknown_instruction_is_rejected() {
        let failure = deliver::<obey>(json!({ "do": "dance" })).err();
        assert!(failure.is_some_and(|failure| failure.reason().contains("unknown variant `dance`")));
    }
}
