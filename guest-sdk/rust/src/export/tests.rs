use super::convert::headers;
use super::*;
use crate::{Announcement, Task, reject, retry};
use std::time::SystemTime;

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

const HANDLERS: [Handler<Event<String>, Vec<Task>>; 2] =
    [Handler { name: "user.authorized", handle: repeat }, Handler { name: "user.deleted", handle: give_up }];

fn assigned(name: &str) -> WitAssignment {
    WitAssignment {
        name: name.into(),
        id: "id-1".into(),
        tid: "tid-1".into(),
        time: 1_500,
        attempt: 2,
        payload: "[7]".into(),
        key: Some("k".into()),
        headers: vec![types::Header { name: "colour".into(), value: "blue".into() }],
    }
}

fn send(task: Assignment<String>) -> Handled<Performed> {
    let time = task.time.duration_since(SystemTime::UNIX_EPOCH).map_err(retry)?.as_millis();
    let facts = format!("{} {} {time} {} {:?}", task.id, task.tid, task.attempt, task.key);
    let sent = Announcement { payload: task.payload, ..Announcement::new("email.sent", &())? };
    let headers = task.headers.clone();
    let task = Task { headers, ..Task::new("email.count", &facts)? };
    Ok(Performed { announcements: vec![sent.header("colour", "red")], tasks: vec![task] })
}

fn refuse(_: Assignment<String>) -> Handled<Performed> {
    Err(retry("busy").after(Duration::from_secs(2)))
}

const WORKERS: [Handler<Assignment<String>, Performed>; 2] =
    [Handler { name: "email.send", handle: send }, Handler { name: "email.drop", handle: refuse }];

#[test]
fn a_task_reaches_its_worker_whole_and_so_does_what_came_of_it_the_host() {
    let Ok(WitPerformed { announcements, tasks }) = perform_task(assigned("email.send"), &WORKERS) else {
        panic!("performed")
    };
    let [sent] = &announcements[..] else { panic!("one announcement") };
    assert_eq!((sent.name.as_str(), sent.payload.as_str()), ("email.sent", "[7]"));
    assert_eq!((sent.headers[0].name.as_str(), sent.headers[0].value.as_str()), ("colour", "red"));
    let tasks: Vec<Task> = tasks.into_iter().map(received).collect();
    let [task] = &tasks[..] else { panic!("one task") };
    assert_eq!((task.name.as_str(), task.payload.as_str()), ("email.count", r#""id-1 tid-1 1500 2 Some(\"k\")""#));
    assert_eq!(task.headers, [("colour".into(), "blue".into())]);
}

#[test]
fn a_worker_s_failure_reaches_the_host() {
    let failure = perform_task(assigned("email.drop"), &WORKERS);
    assert!(matches!(failure, Err(WitFailure::Retry(types::Retry { after: Some(2_000), .. }))));
}

#[test]
fn a_task_that_nobody_performs_is_rejected() {
    let failure = perform_task(assigned("email.burn"), &WORKERS);
    assert!(matches!(failure, Err(WitFailure::Reject(reason)) if reason.ends_with("no worker of email.burn")));
}

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
    let tasks = recover(repeat, WitMessage::Task(assigned("email.send")), vec![]).unwrap_or_default();
    let tasks: Vec<Task> = tasks.into_iter().map(received).collect();
    let headers = vec![];
    assert_eq!(tasks, [Task { name: "email.send".into(), payload: "[7]".into(), key: Some("k".into()), headers }]);
}

#[test]
fn the_reason_of_a_probe_reaches_the_host() {
    assert_eq!(healthy(|| Ok::<(), Failure>(())), Ok(()));
    assert_eq!(healthy(|| Err(retry("the table is empty"))), Err("the table is empty".into()));
}
