//! A plugin that performs what a task tells it to, and that subscribes to what it announces: the tests' worker.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use leveret_plugin::prelude::*;

/// What `job.do` asks for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Job {
    /// Announce `job.done` so many times, and create `job.check` so many times.
    Make {
        events: u32,
        tasks: u32,
    },
    /// Create `job.check` with what the plugin sees of the world.
    Look,
    /// Create `job.check` with these headers.
    Later {
        headers: BTreeMap<String, String>,
    },
    /// Announce an event of this name.
    Announce {
        name: String,
    },
    /// Fail so many attempts, and succeed then.
    Succeed {
        after: u32,
    },
    Retry {
        reason: String,
    },
    Reject {
        reason: String,
    },
    Panic,
}

#[perform("job.do")]
fn do_job(task: Assignment<Job>) -> Handled<Performed> {
    match &task.payload {
        Job::Make { events, tasks } => Ok(Performed {
            announcements: (0..*events).map(done).collect::<Handled<_>>()?,
            tasks: (0..*tasks)
                .map(|number| Task::new("job.check", &json!({ "number": number })))
                .collect::<Handled<_>>()?,
        }),
        Job::Look => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(reject)?.as_millis();
            let seen = json!({ "id": task.id, "attempt": task.attempt, "key": task.key, "now": now });
            Ok(Task::new("job.check", &seen)?.into_performed())
        }
        Job::Later { headers } => {
            let task = Task::new("job.check", &json!({ "now": true }))?;
            let headed = |task: Task, (name, value): (&String, &String)| task.header(name, value);
            Ok(headers.iter().fold(task, headed).into_performed())
        }
        Job::Announce { name } => Ok(Announcement::new(name, &json!({}))?.into_performed()),
        Job::Succeed { after } if task.attempt <= *after => Err(retry("not yet").after(Duration::from_millis(20))),
        Job::Succeed { .. } => done(0).map(IntoPerformed::into_performed),
        Job::Retry { reason } => Err(retry(reason)),
        Job::Reject { reason } => Err(reject(reason)),
        Job::Panic => panic!("as it was told"),
    }
}

fn done(number: u32) -> Handled<Announcement> {
    Announcement::new("job.done", &json!({ "number": number }))
}

/// What it announced itself comes back to it as to anybody: a task is created of it, unless it was the last.
#[subscribe("job.done")]
fn follow_up(event: Event<Value>) -> Handled<Option<Task>> {
    match event.payload["number"].as_u64() {
        Some(0) => Task::new("job.file", &json!({ "of": event.id })).map(Some),
        _ => Ok(None),
    }
}

/// Once a year, so that no test sees it come.
fn timetable() -> Vec<TimedEvent> {
    vec![TimedEvent::cron("job.due", "0 0 1 1 *").zone("Europe/Berlin").missed(Missed::Skip)]
}

fn give_up(message: Message, attempts: Vec<FailedAttempt>) -> Handled<Task> {
    let Message::Task(task) = message else { return Err(reject("it was an event")) };
    Task::new("job.file", &json!({ "of": task.id, "attempts": attempts.len() }))
}

leveret_plugin::plugin! {
    subscribers: [follow_up],
    workers: [do_job],
    emits: ["job.check", "job.file"],
    announces: ["job.done", "job.due"],
    recover: give_up,
    timetable: timetable,
}
