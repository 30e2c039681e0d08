//! The plugin of the conformance suite in Rust: it does what an event tells it to.

#![forbid(unsafe_code)]

mod work;
mod world;

use leveret_plugin::prelude::*;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OBJECT_WITH_N: &str = r#"{"type": "object", "required": ["n"]}"#;
const INTEGER_N: &str = r#"{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}"#;

leveret_plugin::plugin! {
    subscribers: [echo, type_check, shape_check, obey],
    workers: [work::echo, work::type_check, work::shape_check, work::obey],
    emits: ["echo.make", "report.make", { name: "shape.make", schema: INTEGER_N }],
    announces: ["echo.made", "report.made", { name: "shape.made", schema: INTEGER_N }],
    limits: { time: Duration::from_secs(5), memory: 128 << 20, prefetch: 7, attempts: 4 },
    recover: recover,
    healthy: healthy,
    timetable: timetable,
}

#[subscribe("conformance.echoed")]
fn echo(event: Event<Value>) -> Handled<Task> {
    Task::new("echo.make", &event.payload)
}

#[derive(Serialize, Deserialize)]
pub struct Account {
    email: String,
    amount: i64,
}

#[subscribe("conformance.typed")]
fn type_check(event: Event<Account>) -> Handled<Task> {
    Task::new("echo.make", &event.payload)
}

#[subscribe("conformance.shaped", schema = OBJECT_WITH_N)]
fn shape_check(_: Event<Value>) -> Handled<()> {
    Ok(())
}

/// What `conformance.asked` asks for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Ask {
    Facts,
    Emit { count: u32, size: usize },
    Key,
    Undeclared,
    Misshapen,
    Retry { reason: String, after: Option<u64> },
    Reject { reason: String },
    Error,
    Panic,
    Loop,
    Memory,
    Recurse,
    Log,
    World,
    Reach,
    Setting { name: String },
    State,
}

#[subscribe("conformance.asked")]
fn obey(event: Event<Value>) -> Handled {
    match Ask::deserialize(&event.payload).map_err(reject)? {
        Ask::Facts => report(facts(&event)),
        Ask::Emit { count, size } => (1..=count).map(|number| padded(number, size)).collect(),
        Ask::Key => Ok(vec![Task::new("echo.make", &json!({}))?.key("k-1").header("colour", "blue")]),
        Ask::Undeclared => Ok(vec![Task::new("other.make", &json!({}))?]),
        Ask::Misshapen => Ok(vec![Task::new("shape.make", &json!({ "n": "one" }))?]),
        Ask::Retry { reason, after: None } => Err(retry(reason)),
        Ask::Retry { reason, after: Some(after) } => Err(retry(reason).after(Duration::from_millis(after))),
        Ask::Reject { reason } => Err(reject(reason)),
        Ask::Error => Err(std::io::Error::other("boom"))?,
        Ask::Panic => panic!("boom"),
        Ask::Loop => loop {
            black_box(());
        },
        Ask::Memory => hoard(),
        Ask::Recurse => {
            recurse(0);
            Ok(vec![])
        }
        Ask::Log => {
            write_lines();
            Ok(vec![])
        }
        Ask::World => report(world::seen()),
        Ask::Reach => report(world::reached()),
        Ask::Setting { name } => report(json!({ "value": setting(&name) })),
        Ask::State => {
            static CALLS: AtomicU32 = AtomicU32::new(0);
            report(json!({ "calls": CALLS.fetch_add(1, Ordering::Relaxed) + 1 }))
        }
    }
}

fn recover(message: Message, attempts: Vec<FailedAttempt>) -> Handled {
    let (id, payload) = match message {
        Message::Event(event) => (event.id, event.payload),
        Message::Task(task) => (task.id, task.payload),
    };
    let payload: Value = leveret_plugin::serde_json::from_str(&payload)?;
    if payload["recover"] == "fail" {
        return Err(reject("no way out"));
    }
    let attempts: Vec<Value> = attempts.iter().map(told).collect();
    report(json!({ "recovered": id, "attempts": attempts }))
}

fn timetable() -> Vec<TimedEvent> {
    vec![
        TimedEvent::cron("report.made", "30 8 * * MON-FRI").zone("Europe/Berlin").missed(Missed::Skip),
        TimedEvent::every("echo.made", Duration::from_secs(90)).offset(Duration::from_secs(7)),
        TimedEvent::at("shape.made", UNIX_EPOCH + Duration::from_secs(5)).missed(Missed::All),
    ]
}

fn healthy() -> Result<(), Failure> {
    setting("ill").map_or(Ok(()), |ill| Err(retry(ill)))
}

fn report(payload: Value) -> Handled {
    Ok(vec![Task::new("report.make", &payload)?])
}

fn padded(number: u32, size: usize) -> Result<Task, Failure> {
    Task::new("echo.make", &json!({ "number": number, "padding": "x".repeat(size) }))
}

fn facts(event: &Event<Value>) -> Value {
    json!({
        "name": event.name,
        "id": event.id,
        "tid": event.tid,
        "time": milliseconds(event.time),
        "source": event.source,
        "headers": event.headers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}

fn told(FailedAttempt { attempt, time, version, reason }: &FailedAttempt) -> Value {
    json!({ "attempt": attempt, "time": milliseconds(*time), "version": version, "reason": reason })
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn write_lines() {
    log::trace!("a trace line");
    log::debug!("a debug line");
    log::info!("an info line");
    log::warn!("a warn line");
    log::error!("an error line");
    println!("a printed line");
    eprintln!("a complaint");
}

fn hoard() -> ! {
    let mut hoarded = Vec::new();
    loop {
        hoarded.push(black_box(vec![1u8; 1 << 20]));
    }
}

/// A frame that the compiler can neither drop nor turn into a loop.
#[inline(never)]
#[expect(unconditional_recursion, reason = "that is what was asked for")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use leveret_plugin::test::{deliver, perform, with_settings};

    #[test]
    fn it_does_what_it_is_told() -> Handled<()> {
        let busy = json!({ "do": "retry", "reason": "busy", "after": 5 });
        assert_eq!(deliver::<obey>(busy), Err(retry("busy").after(Duration::from_millis(5))));
        let asked = json!({ "do": "setting", "name": "greeting" });
        let tasks = with_settings([("greeting", "hello")], || deliver::<obey>(asked))?;
        assert_eq!(tasks, [Task::new("report.make", &json!({ "value": "hello" }))?]);
        Ok(())
    }

    #[test]
    fn it_performs_what_it_is_told() -> Handled<()> {
        let performed = perform::<work::obey>(json!({ "do": "both" }))?;
        assert_eq!(performed.announcements, [Announcement::new("echo.made", &json!({}))?.header("colour", "blue")]);
        assert_eq!(performed.tasks, [Task::new("echo.make", &json!({}))?.key("k-1").header("colour", "green")]);
        Ok(())
    }

    #[test]
    fn it_is_ill_if_a_setting_says_so() {
        assert_eq!(healthy(), Ok(()));
        assert_eq!(with_settings([("ill", "feverish")], healthy), Err(retry("feverish")));
    }
}
