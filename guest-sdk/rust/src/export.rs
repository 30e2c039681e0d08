//! What the macros' expansions call: the way between the component's interfaces and the author's functions.

use crate::bindings::imports::leveret::plugin::types;
use crate::{Assignment, Event, FailedAttempt, Failure, Handled, IntoTasks, Message, Task, logger};
use serde::de::DeserializeOwned;
use std::time::{Duration, SystemTime};

pub use crate::bindings::manifest::exports::leveret::plugin::manifest::{Description, Limits, Shape, Subscription};
pub use crate::bindings::{manifest, probe, recovery, subscriber};
pub use types::{
    Event as WitEvent, FailedAttempt as WitFailedAttempt, Failure as WitFailure, Message as WitMessage, Task as WitTask,
};

/// A function with the attribute [`subscribe`](macro@crate::subscribe): the attribute makes a type of the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a subscriber",
    note = "a subscriber is a function with the attribute `#[subscribe(\"event.name\")]`"
)]
pub trait Subscriber {
    /// The event's full name.
    const EVENT: &'static str;
    /// A JSON Schema that payloads must fit.
    const SCHEMA: Option<&'static str>;

    /// Reads the payload and calls the function.
    fn handle(event: Event<String>) -> Handled;
}

/// The body of [`Subscriber::handle`]: finds the function's types by inference.
pub fn handle<T, R, E>(function: fn(Event<T>) -> Result<R, E>, event: Event<String>) -> Handled
where
    T: DeserializeOwned,
    R: IntoTasks,
    E: Into<Failure>,
{
    function(event.parse()?).map(IntoTasks::into_tasks).map_err(Into::into)
}

pub fn subscription<S: Subscriber>() -> Subscription {
    Subscription { event: S::EVENT.into(), schema: S::SCHEMA.map(Into::into) }
}

pub fn shape(name: &str, schema: Option<&str>) -> Shape {
    Shape { name: name.into(), schema: schema.map(Into::into) }
}

pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a name is there twice, at compile time: two subscribers of one event fail the build.
///
/// ```compile_fail,E0080
/// use leveret_plugin::prelude::*;
///
/// #[subscribe("user.authorized")]
/// fn greet(_: Event<Value>) -> Handled<()> {
///     Ok(())
/// }
///
/// #[subscribe("user.authorized")]
/// fn count(_: Event<Value>) -> Handled<()> {
///     Ok(())
/// }
///
/// leveret_plugin::plugin! { summary: "", subscribers: [greet, count] }
/// ```
pub const fn has_duplicate(names: &[&str]) -> bool {
    let mut left = 0;
    while left < names.len() {
        let mut right = left + 1;
        while right < names.len() {
            if same(names[left].as_bytes(), names[right].as_bytes()) {
                return true;
            }
            right += 1;
        }
        left += 1;
    }
    false
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// One subscriber, as [`on_event`] looks it up.
pub struct Handler {
    event: &'static str,
    handle: fn(Event<String>) -> Handled,
}

pub const fn handler<S: Subscriber>() -> Handler {
    Handler { event: S::EVENT, handle: S::handle }
}

/// Hands the event to the one of `handlers` that subscribed to it.
pub fn on_event(event: WitEvent, handlers: &[Handler]) -> Result<Vec<WitTask>, WitFailure> {
    logger::install();
    let event = Event::from(event);
    match handlers.iter().find(|handler| handler.event == event.name) {
        Some(handler) => given_tasks((handler.handle)(event)).map_err(Into::into),
        None => Err(WitFailure::Reject(format!("the plugin has no subscriber of {}", event.name))),
    }
}

pub fn recover<R, E>(
    function: fn(Message, Vec<FailedAttempt>) -> Result<R, E>,
    message: WitMessage,
    attempts: Vec<WitFailedAttempt>,
) -> Result<Vec<WitTask>, String>
where
    R: IntoTasks,
    E: Into<Failure>,
{
    logger::install();
    let attempts = attempts.into_iter().map(FailedAttempt::from).collect();
    let recovered = function(message.into(), attempts).map(IntoTasks::into_tasks);
    given_tasks(recovered.map_err(Into::into)).map_err(reason)
}

pub fn healthy<E: Into<Failure>>(function: fn() -> Result<(), E>) -> Result<(), String> {
    logger::install();
    function().map_err(|failure| reason(failure.into()))
}

fn given_tasks(handled: Handled) -> Result<Vec<WitTask>, Failure> {
    handled.map(|tasks| tasks.into_iter().map(WitTask::from).collect())
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Retry { reason, .. } | Failure::Reject { reason } => reason,
    }
}

fn time(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

fn headers(headers: Vec<types::Header>) -> Vec<(String, String)> {
    headers.into_iter().map(|header| (header.name, header.value)).collect()
}

impl From<WitEvent> for Event<String> {
    fn from(event: WitEvent) -> Self {
        let WitEvent { name, id, tid, time: published, source, payload, headers: given } = event;
        Event { name, id, tid, time: time(published), source, payload, headers: headers(given) }
    }
}

impl From<Task> for WitTask {
    fn from(task: Task) -> Self {
        let headers = task.headers.into_iter().map(|(name, value)| types::Header { name, value }).collect();
        WitTask { name: task.name, payload: task.payload, key: task.key, headers }
    }
}

impl From<types::Assignment> for Assignment {
    fn from(task: types::Assignment) -> Self {
        let types::Assignment { name, id, tid, time: created, attempt, payload, key, headers: given } = task;
        Assignment { name, id, tid, time: time(created), attempt, payload, key, headers: headers(given) }
    }
}

impl From<Failure> for WitFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Retry { reason, after } => {
                WitFailure::Retry(types::Retry { reason, after: after.map(milliseconds) })
            }
            Failure::Reject { reason } => WitFailure::Reject(reason),
        }
    }
}

impl From<WitMessage> for Message {
    fn from(message: WitMessage) -> Self {
        match message {
            WitMessage::Event(event) => Message::Event(event.into()),
            WitMessage::Task(task) => Message::Task(task.into()),
        }
    }
}

impl From<WitFailedAttempt> for FailedAttempt {
    fn from(attempt: WitFailedAttempt) -> Self {
        FailedAttempt {
            attempt: attempt.attempt,
            time: time(attempt.time),
            version: attempt.version,
            reason: attempt.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{reject, retry};

    fn given(name: &str, payload: &str) -> WitEvent {
        let header = types::Header { name: "traceparent".into(), value: "00-1".into() };
        WitEvent {
            name: name.into(),
            id: "id-1".into(),
            tid: "tid-1".into(),
            time: 1_500,
            source: Some("cream".into()),
            payload: payload.into(),
            headers: vec![header],
        }
    }

    fn received(task: WitTask) -> Task {
        Task { name: task.name, payload: task.payload, key: task.key, headers: headers(task.headers) }
    }

    fn repeat(event: Event<String>) -> Handled {
        let time = event.time.duration_since(SystemTime::UNIX_EPOCH).map_err(retry)?;
        let trace = event.header("traceparent").unwrap_or_default();
        let task = Task { payload: event.payload.clone(), ..Task::new(&event.id, &())? };
        Ok(vec![task.key(&event.tid).header("time", time.as_millis().to_string()).header("trace", trace)])
    }

    fn give_up(event: Event<String>) -> Handled {
        Err(reject(event.name))
    }

    const HANDLERS: [Handler; 2] =
        [Handler { event: "user.authorized", handle: repeat }, Handler { event: "user.deleted", handle: give_up }];

    #[test]
    fn an_event_reaches_its_subscriber_whole_and_so_does_its_task_the_host() {
        let tasks = on_event(given("user.authorized", r#"{"user":7}"#), &HANDLERS);
        let tasks: Vec<Task> = tasks.into_iter().flatten().map(received).collect();
        let task = Task {
            name: "id-1".into(),
            payload: r#"{"user":7}"#.into(),
            key: Some("tid-1".into()),
            headers: vec![("time".into(), "1500".into()), ("trace".into(), "00-1".into())],
        };
        assert_eq!(tasks, [task]);
    }

    #[test]
    fn a_failure_reaches_the_host() {
        let failure = on_event(given("user.deleted", "{}"), &HANDLERS);
        assert!(matches!(failure, Err(WitFailure::Reject(reason)) if reason == "user.deleted"));
        let failure = WitFailure::from(retry("busy").after(Duration::from_secs(2)));
        assert!(matches!(failure, WitFailure::Retry(types::Retry { after: Some(2_000), .. })));
    }

    #[test]
    fn an_event_that_nobody_subscribed_to_is_rejected() {
        let failure = on_event(given("user.created", "{}"), &HANDLERS);
        assert!(matches!(failure, Err(WitFailure::Reject(reason)) if reason.ends_with("user.created")));
    }

    #[test]
    fn recovery_gets_the_message_and_its_failed_attempts_and_its_error_is_a_text() {
        fn fail(message: Message, attempts: Vec<FailedAttempt>) -> Result<(), Failure> {
            let Message::Event(event) = message else { return Ok(()) };
            Err(retry(format!("{} {} {}", event.id, attempts[0].attempt, attempts[0].reason)))
        }
        let attempt = WitFailedAttempt { attempt: 3, time: 0, version: "1".into(), reason: "busy".into() };
        let recovered = recover(fail, WitMessage::Event(given("user.authorized", "{}")), vec![attempt]);
        assert_eq!(recovered.err().as_deref(), Some("id-1 3 busy"));
    }

    #[test]
    fn what_recovery_gives_reaches_the_host() {
        fn repeat(message: Message, _: Vec<FailedAttempt>) -> Handled<Task> {
            let Message::Task(task) = message else { return Err(reject("not a task")) };
            Ok(Task { payload: task.payload, ..Task::new(&task.name, &())? }.key(task.key.unwrap_or_default()))
        }
        let assignment = types::Assignment {
            name: "email.send".into(),
            id: "id-1".into(),
            tid: "tid-1".into(),
            time: 0,
            attempt: 2,
            payload: "[7]".into(),
            key: Some("k".into()),
            headers: vec![],
        };
        let tasks = recover(repeat, WitMessage::Task(assignment), vec![]).unwrap_or_default();
        let tasks: Vec<Task> = tasks.into_iter().map(received).collect();
        let headers = vec![];
        assert_eq!(tasks, [Task { name: "email.send".into(), payload: "[7]".into(), key: Some("k".into()), headers }]);
    }

    #[test]
    fn the_reason_of_a_probe_reaches_the_host() {
        assert_eq!(healthy(|| Ok::<(), Failure>(())), Ok(()));
        assert_eq!(healthy(|| Err(retry("the table is empty"))), Err("the table is empty".into()));
    }

    #[test]
    fn a_name_that_is_there_twice_is_found() {
        assert!(has_duplicate(&["a.b", "c.d", "a.b"]));
        assert!(!has_duplicate(&["a.b", "a.bc", "c.d"]));
    }
}
