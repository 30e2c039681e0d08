//! A plugin that runs an errand, as a task's payload tells it, and announces what came of it. For an event it runs the same
//! errand, with nothing granted, and tells by a task.

#![forbid(unsafe_code)]

use leveret_plugin::http::{self, Request};
use leveret_plugin::keyvalue::{self, Bucket};
use leveret_plugin::prelude::*;
use std::time::SystemTime;

/// One errand: `{"do": "request", "method": "GET", "url": "https://api.example/"}`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Errand {
    /// Make a request, with so many bytes of body, and tell of the answer.
    Request {
        #[serde(default = "get")]
        method: String,
        url: String,
        #[serde(default)]
        size: usize,
    },
    /// Make so many requests one after the other, and tell of the last answer.
    Requests { url: String, count: u32 },
    /// Open a bucket and do these things to it, until one fails.
    Bucket { name: String, steps: Vec<Step> },
    /// Tell what of the world the plugin sees.
    World,
    /// Write a setting to the log, to standard output and to standard error, and fail with it as the reason.
    Leak { setting: String },
    /// Write it to standard error, and trap.
    Panic { setting: String },
}

/// Something that is done to a bucket.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Step {
    Set(String, String),
    Get(String),
    Delete(String),
    Exists(String),
    Increment(String, u64),
    Keys,
}

fn get() -> String {
    "GET".into()
}

/// What an errand came to: `{"ok": …}`, or `{"error": "why"}`.
fn run(errand: Errand) -> Handled<Value> {
    Ok(match errand {
        Errand::Request { method, url, size } => request(&method, &url, size),
        Errand::Requests { url, count } => (0..count).fold(Value::Null, |_, _| request("GET", &url, 0)),
        Errand::Bucket { name, steps } => match bucket(&name, steps) {
            Ok(values) => json!({ "ok": values }),
            Err(error) => json!({ "error": error.to_string() }),
        },
        Errand::World => json!({ "ok": world() }),
        Errand::Leak { setting } => {
            let value = leak(&setting);
            log::info!("{value}");
            return Err(retry(format!("it is {value}")));
        }
        Errand::Panic { setting } => panic!("it is {}", leak(&setting)),
    })
}

fn leak(name: &str) -> String {
    let value = setting(name).unwrap_or_else(|| "absent".into());
    println!("out {value}");
    eprintln!("err {value}");
    value
}

fn request(method: &str, url: &str, size: usize) -> Value {
    let request = Request::new(method, url).body(vec![b'x'; size]).response_limit(64 << 20);
    match http::send(&request) {
        Ok(response) => json!({ "ok": {
            "status": response.status,
            "size": response.body.len(),
            "text": response.text().chars().take(100).collect::<String>(),
            "location": response.header("location"),
        } }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn bucket(name: &str, steps: Vec<Step>) -> Result<Vec<Value>, keyvalue::Error> {
    let bucket = keyvalue::open(name)?;
    steps.into_iter().map(|step| take(&bucket, step)).collect()
}

fn take(bucket: &Bucket, step: Step) -> Result<Value, keyvalue::Error> {
    Ok(match step {
        Step::Set(key, value) => json!(bucket.set(&key, value)?),
        Step::Get(key) => json!(bucket.get(&key)?.map(|value| String::from_utf8_lossy(&value).into_owned())),
        Step::Delete(key) => json!(bucket.delete(&key)?),
        Step::Exists(key) => json!(bucket.exists(&key)?),
        Step::Increment(key, by) => json!(bucket.increment(&key, by)?),
        Step::Keys => json!(bucket.keys().collect::<Result<Vec<_>, _>>()?),
    })
}

fn world() -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64);
    let mut entropy = [0_u8; 8];
    let drawn = getrandom::fill(&mut entropy).is_ok();
    json!({ "now": now, "entropy": drawn.then(|| u64::from_le_bytes(entropy).to_string()), "key": setting("api-key") })
}

#[cfg_attr(not(feature = "two"), perform("errand.run"))]
#[cfg_attr(feature = "two", perform("errand.two"))]
fn on_task(task: Assignment<Errand>) -> Handled<Announcement> {
    Announcement::new("errand.done", &run(task.payload)?)
}

#[subscribe("errand.wanted")]
fn on_event(event: Event<Errand>) -> Handled<Task> {
    Task::new("errand.tell", &run(event.payload)?)
}

leveret_plugin::plugin! {
    summary: "Runs errands.",
    subscribers: [on_event],
    workers: [on_task],
    emits: ["errand.tell"],
    announces: ["errand.done"],
}
