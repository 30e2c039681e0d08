//! The same as a worker: what a task tells it to.

use crate::{Account, OBJECT_WITH_N, milliseconds, world};
use leveret_plugin::prelude::*;
use std::time::Duration;

#[perform("text.echo")]
pub fn echo(task: Assignment<Value>) -> Handled<Announcement> {
    Announcement::new("echo.made", &task.payload)
}

#[perform("account.check")]
pub fn type_check(task: Assignment<Account>) -> Handled<Announcement> {
    Announcement::new("echo.made", &task.payload)
}

#[perform("shape.check", schema = OBJECT_WITH_N)]
pub fn shape_check(_: Assignment<Value>) -> Handled<()> {
    Ok(())
}

/// What `order.obey` asks for.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Ask {
    Facts,
    Announce { count: u32 },
    Create { count: u32 },
    Both,
    Undeclared,
    Misshapen,
    Retry { reason: String, after: Option<u64> },
    Reject { reason: String },
    Error,
    Panic,
    World,
    Setting { name: String },
}

#[perform("order.obey")]
pub fn obey(task: Assignment<Value>) -> Handled<Performed> {
    match Ask::deserialize(&task.payload).map_err(reject)? {
        Ask::Facts => report(facts(&task)),
        Ask::Announce { count } => {
            let event = |number| Announcement::new("echo.made", &json!({ "number": number }));
            (1..=count).map(event).collect::<Handled<Vec<_>>>().map(IntoPerformed::into_performed)
        }
        Ask::Create { count } => {
            let task = |number| Task::new("echo.make", &json!({ "number": number }));
            (1..=count).map(task).collect::<Handled<Vec<_>>>().map(IntoPerformed::into_performed)
        }
        Ask::Both => {
            let event = Announcement::new("echo.made", &json!({}))?.header("colour", "blue");
            let task = Task::new("echo.make", &json!({}))?.key("k-1").header("colour", "green");
            Ok((event, task).into_performed())
        }
        Ask::Undeclared => Ok(Announcement::new("other.made", &json!({}))?.into_performed()),
        Ask::Misshapen => Ok(Announcement::new("shape.made", &json!({ "n": "one" }))?.into_performed()),
        Ask::Retry { reason, after: None } => Err(retry(reason)),
        Ask::Retry { reason, after: Some(after) } => Err(retry(reason).after(Duration::from_millis(after))),
        Ask::Reject { reason } => Err(reject(reason)),
        Ask::Error => Err(std::io::Error::other("boom"))?,
        Ask::Panic => panic!("boom"),
        Ask::World => report(world::seen()),
        Ask::Setting { name } => report(json!({ "value": setting(&name) })),
    }
}

fn report(payload: Value) -> Handled<Performed> {
    Ok(Announcement::new("report.made", &payload)?.into_performed())
}

fn facts(task: &Assignment<Value>) -> Value {
    json!({
        "name": task.name,
        "id": task.id,
        "tid": task.tid,
        "time": milliseconds(task.time),
        "attempt": task.attempt,
        "key": task.key,
        "headers": task.headers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
    })
}
