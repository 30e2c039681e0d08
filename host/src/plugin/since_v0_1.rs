//! The contract `leveret:plugin@0.1.0`: generated bindings, and the way between them and the host's own types. A later
//! version of the contract gets a file like this one beside it.

use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::component::Bounds;
use super::deferral::{self, Deferral};
use super::instance::State;
use super::output::Level;
use super::refusal::Refusal;
use super::{Draft, Incoming, Outcome, What};
use crate::message::{FailedAttempt, HeaderValue, Headers, KEY_LIMIT, Subject, Timestamp, json_text};
use crate::name::{EventName, TaskName};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "everything",
    exports: { default: async },
});

pub(super) use self::leveret::plugin::log::add_to_linker;
use self::leveret::plugin::log::{Host as LogHost, Level as LogLevel};
pub(super) use self::leveret::plugin::types;
pub(super) use exports::leveret::plugin::manifest;
pub(super) use exports::leveret::plugin::timekeeper;
use exports::leveret::plugin::{probe, recovery, subscriber, worker};

const MANIFEST: &str = "leveret:plugin/manifest@0.1.0";
const SUBSCRIBER: &str = "leveret:plugin/subscriber@0.1.0";
const WORKER: &str = "leveret:plugin/worker@0.1.0";
const RECOVERY: &str = "leveret:plugin/recovery@0.1.0";
const PROBE: &str = "leveret:plugin/probe@0.1.0";
const TIMEKEEPER: &str = "leveret:plugin/timekeeper@0.1.0";
/// The longest header name, in bytes: AMQP's short string.
const SHORT_STRING: usize = 255;

impl LogHost for State {
    fn log(&mut self, level: LogLevel, line: String) {
        let level = match level {
            LogLevel::Trace => Level::Trace,
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        };
        self.output.line(level, line.as_bytes());
    }
}

/// Which of the contract's interfaces a component exports. Found by looking, since WIT has no optional exports.
pub(super) struct Exports {
    manifest: manifest::GuestIndices,
    subscriber: Option<subscriber::GuestIndices>,
    worker: Option<worker::GuestIndices>,
    recovery: Option<Recovery>,
    probe: Option<Probe>,
    timekeeper: Option<Timekeeper>,
}

/// Whether a component with these exports performs tasks.
pub(super) fn has_worker(names: &[String]) -> bool {
    names.iter().any(|export| export == WORKER)
}

impl Exports {
    pub(super) fn find(pre: &InstancePre<State>, names: Vec<String>) -> Result<Self, Refusal> {
        let has = |name: &str| names.iter().any(|export| export == name);
        if !has(MANIFEST) {
            return Err(Refusal::OtherWorld { exports: names });
        }
        let contract = |error: wasmtime::Error| Refusal::Contract(format!("{error:#}"));
        let manifest = manifest::GuestIndices::new(pre).map_err(contract)?;
        if !has(SUBSCRIBER) && !has(WORKER) {
            return Err(Refusal::Idle);
        }
        let subscriber = has(SUBSCRIBER).then(|| subscriber::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let worker = has(WORKER).then(|| worker::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let recovery = has(RECOVERY).then(|| recovery::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let probe = has(PROBE).then(|| probe::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let timekeeper = has(TIMEKEEPER).then(|| timekeeper::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let (recovery, probe, timekeeper) = (recovery.map(Recovery), probe.map(Probe), timekeeper.map(Timekeeper));
        Ok(Self { manifest, subscriber, worker, recovery, probe, timekeeper })
    }

    pub(super) fn is_subscriber(&self) -> bool {
        self.subscriber.is_some()
    }

    pub(super) fn is_worker(&self) -> bool {
        self.worker.is_some()
    }

    pub(super) async fn describe(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<manifest::Description> {
        self.manifest.load(&mut *store, instance)?.call_describe(store).await
    }

    /// Calls the handler for the message. What it gives is not read yet.
    ///
    /// # Errors
    /// A trap, or that the component has no handler for such a message, which no version that is live gets.
    pub(super) async fn handle(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        message: &types::Message,
    ) -> wasmtime::Result<Result<Made, types::Failure>> {
        match (message, &self.subscriber, &self.worker) {
            (types::Message::Event(event), Some(subscriber), _) => {
                let answer = subscriber.load(&mut *store, instance)?.call_on_event(store, event).await?;
                Ok(answer.map(|tasks| Made { tasks, announcements: Vec::new() }))
            }
            (types::Message::Task(task), _, Some(worker)) => {
                let answer = worker.load(&mut *store, instance)?.call_perform(store, task).await?;
                Ok(answer.map(|types::Performed { announcements, tasks }| Made { tasks, announcements }))
            }
            (types::Message::Event(_), None, _) => Err(wasmtime::format_err!("it exports no `subscriber`")),
            (types::Message::Task(_), _, None) => Err(wasmtime::format_err!("it exports no `worker`")),
        }
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    pub(super) fn probe(&self) -> Option<&Probe> {
        self.probe.as_ref()
    }

    pub(super) fn timekeeper(&self) -> Option<&Timekeeper> {
        self.timekeeper.as_ref()
    }
}

/// The export `recovery` of a component that has it.
pub(super) struct Recovery(recovery::GuestIndices);

impl Recovery {
    /// Calls `recover`. What it gives is not read yet.
    pub(super) async fn recover(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        message: &types::Message,
        attempts: &[types::FailedAttempt],
    ) -> wasmtime::Result<Result<Made, String>> {
        let answer = self.0.load(&mut *store, instance)?.call_recover(store, message, attempts).await?;
        Ok(answer.map(|tasks| Made { tasks, announcements: Vec::new() }))
    }
}

/// The export `probe` of a component that has it.
pub(super) struct Probe(probe::GuestIndices);

impl Probe {
    pub(super) async fn healthy(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Result<(), String>> {
        self.0.load(&mut *store, instance)?.call_healthy(store).await
    }
}

/// The export `timekeeper` of a component that has it.
pub(super) struct Timekeeper(timekeeper::GuestIndices);

impl Timekeeper {
    pub(super) async fn timetable(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Vec<timekeeper::TimedEvent>> {
        self.0.load(&mut *store, instance)?.call_timetable(store).await
    }
}

impl From<types::Failure> for Outcome {
    fn from(failure: types::Failure) -> Self {
        match failure {
            types::Failure::Retry(types::Retry { reason, after }) => {
                Self::Retry { reason, after: after.map(Duration::from_millis) }
            }
            types::Failure::Reject(reason) => Self::Reject { reason },
        }
    }
}

pub(super) fn failed(attempt: &FailedAttempt) -> types::FailedAttempt {
    types::FailedAttempt {
        attempt: attempt.attempt.number(),
        time: attempt.time.millis(),
        version: attempt.version.clone(),
        reason: attempt.reason.clone(),
    }
}

pub(super) fn record(message: &Incoming<'_>) -> types::Message {
    let Incoming { what, id, tid, time, payload, headers } = message;
    let text = |(name, value): (&String, &HeaderValue)| {
        value.as_text().map(|value| types::Header { name: name.clone(), value: value.to_owned() })
    };
    let headers = headers.iter().filter_map(text).collect();
    let (id, tid, time, payload) = (id.to_string(), tid.to_string(), time.millis(), (*payload).to_owned());
    match what {
        What::Event { name, source } => {
            let (name, source) = (name.to_string(), source.map(str::to_owned));
            types::Message::Event(types::Event { name, id, tid, time, source, payload, headers })
        }
        What::Task { name, attempt, key } => {
            let (name, attempt, key) = (name.relative().to_owned(), attempt.number(), key.map(str::to_owned));
            types::Message::Task(types::Assignment { name, id, tid, time, attempt, payload, key, headers })
        }
    }
}

/// What a call gave, as the plugin wrote it.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    tasks: Vec<types::Task>,
    announcements: Vec<types::Announcement>,
}

impl Made {
    /// How many bytes of payload it has.
    pub(super) fn size(&self) -> u64 {
        let tasks = self.tasks.iter().map(|task| task.payload.len() as u64);
        tasks.chain(self.announcements.iter().map(|event| event.payload.len() as u64)).sum()
    }

    /// Reads it. One message that is not as it must be fails the whole, since a part is never published (I2).
    pub(super) async fn read(self, bounds: &Bounds) -> Result<Vec<Draft>, String> {
        let (count, size) = (self.tasks.len() + self.announcements.len(), self.size());
        if count as u64 > u64::from(bounds.budget.output_count) {
            return Err(format!("it emits {count} messages; at most {} are allowed", bounds.budget.output_count));
        }
        if size > bounds.budget.output_size {
            return Err(format!("it emits {size} bytes; at most {} are allowed", bounds.budget.output_size));
        }
        let mut drafts = Vec::with_capacity(count);
        for announcement in self.announcements {
            drafts.push(announced(announcement, bounds).await?);
        }
        for task in self.tasks {
            drafts.push(created(task, bounds).await?);
        }
        Ok(drafts)
    }
}

async fn created(task: types::Task, bounds: &Bounds) -> Result<Draft, String> {
    let types::Task { name, payload, key, headers } = task;
    let name = TaskName::within(&bounds.app, &name).map_err(|error| format!("it emits what it must not: {error}"))?;
    if key.as_ref().is_some_and(|key| key.len() > KEY_LIMIT) {
        return Err(format!("the key that it emits for `{name}` is longer than {KEY_LIMIT} bytes"));
    }
    draft(Subject::Task(name), payload, key, headers, bounds).await
}

async fn announced(announcement: types::Announcement, bounds: &Bounds) -> Result<Draft, String> {
    let types::Announcement { name, payload, headers } = announcement;
    let name: EventName = name.parse().map_err(|error| format!("it announces what it must not: {error}"))?;
    draft(Subject::Event(name), payload, None, headers, bounds).await
}

/// Reads what tasks and events have in common. Only what the description lists is let through.
async fn draft(
    subject: Subject,
    payload: String,
    key: Option<String>,
    headers: Vec<types::Header>,
    bounds: &Bounds,
) -> Result<Draft, String> {
    let Some(schema) = bounds.makes.get(&subject) else {
        return Err(format!("it emits `{subject}`, which its description does not list"));
    };
    json_text(payload.as_bytes()).map_err(|error| format!("it emits `{subject}`, but {error}"))?;
    if let Some(schema) = schema {
        let checked = schema.check_apart(&payload).await;
        checked.map_err(|misfit| format!("it emits `{subject}`, whose payload does not fit its schema {misfit}"))?;
    }
    let headers = headers.into_iter().map(header).collect::<Result<Headers, _>>()?;
    let deferral = Deferral::read(&headers, Timestamp::now());
    let deferral = deferral.map_err(|error| format!("it emits `{subject}`, but {error}"))?;
    Ok(Draft { subject, payload: payload.into(), key, headers, deferral })
}

fn header(header: types::Header) -> Result<(String, HeaderValue), String> {
    let types::Header { name, value } = header;
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.len() > SHORT_STRING || name.chars().any(char::is_control) {
        return Err(format!("it emits a header with an illegal name, {name:?}"));
    }
    // By `CC` and `BCC` RabbitMQ routes to further queues, of any application (I3).
    let reserved = ["x-leveret-", "leveret-", "x-death"].iter().any(|prefix| lower.starts_with(prefix));
    if reserved || matches!(lower.as_str(), "cc" | "bcc") {
        return Err(format!("it emits the header {name:?}, which is not a plugin's to set"));
    }
    let name = deferral::spelling(&name).map_or(name, str::to_owned);
    Ok((name, HeaderValue::Text(value)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::name::AppName;
    use crate::plugin::{Budget, Grants, PluginSettings, Schema};

    fn task(name: &str, payload: &str) -> types::Task {
        types::Task { name: name.into(), payload: payload.into(), key: None, headers: vec![] }
    }

    async fn read(tasks: Vec<types::Task>) -> Result<Vec<Draft>, String> {
        read_all(Made { tasks, announcements: Vec::new() }).await
    }

    async fn read_all(made: Made) -> Result<Vec<Draft>, String> {
        let app: AppName = "pheidi".parse().expect("legal");
        let task = |name| Subject::Task(TaskName::within(&app, name).expect("legal"));
        let schema = || Schema::parse(r#"{"properties": {"to": {"type": "string"}}}"#).expect("a schema");
        let makes = BTreeMap::from([
            (task("email.send"), None),
            (task("letter.send"), Some(schema())),
            (Subject::Event("email.sent".parse().expect("legal")), Some(schema())),
        ]);
        let second = Duration::from_secs(1);
        let (output_count, output_size) = (2, 10);
        let budget = Budget { time: second, wasm_time: second, recovery: second, memory: 0, output_count, output_size };
        made.read(&Bounds {
            app: app.clone(),
            makes,
            budget,
            settings: PluginSettings::default(),
            grants: Grants::default(),
        })
        .await
    }

    fn event(name: &str, payload: &str) -> Made {
        let announcement = types::Announcement { name: name.into(), payload: payload.into(), headers: vec![] };
        Made { tasks: vec![], announcements: vec![announcement] }
    }

    #[tokio::test]
    async fn i3_only_declared_events_are_announced() {
        assert_eq!(read_all(event("email.sent", "{}")).await.expect("legal")[0].subject.as_str(), "email.sent");
        for name in ["email.lost", "", "sent", "email.sent\0", "Email.sent", "pheidi.email.send", "ema\u{456}l.sent"] {
            assert!(read_all(event(name, "{}")).await.is_err(), "{name:?}");
        }
        assert!(read_all(event("email.sent", r#"{"to":7}"#)).await.expect_err("a misfit").contains("/to"));
    }

    #[tokio::test]
    async fn i8_tasks_and_events_are_bounded_together() {
        let made = Made { tasks: vec![task("email.send", "{}"); 2], ..event("email.sent", "{}") };
        assert!(read_all(made).await.expect_err("too many").contains("at most 2"));
    }

    #[tokio::test]
    async fn i2_a_payload_that_does_not_fit_the_task_s_schema_fails_the_whole() {
        assert!(read(vec![task("letter.send", r#"{"to":""}"#)]).await.is_ok());
        let letters = vec![task("email.send", "{}"), task("letter.send", r#"{"to":7}"#)];
        let reason = read(letters).await.expect_err("it must not fit");
        assert!(reason.contains("`pheidi.letter.send`") && reason.contains("/to"), "{reason}");
        assert!(read(vec![task("email.send", r#"{"to":7}"#)]).await.is_ok());
    }

    #[tokio::test]
    async fn i3_only_declared_tasks_of_the_own_application_are_read() {
        assert_eq!(read(vec![task("email.send", "{}")]).await.expect("legal")[0].subject.as_str(), "pheidi.email.send");
        for name in ["email.delete", "", "email.send\0", "EMAIL.SEND", "../billing.pay", "email.send."] {
            assert!(read(vec![task(name, "{}")]).await.is_err(), "{name:?}");
        }
    }

    #[tokio::test]
    async fn i2_one_bad_task_fails_the_whole() {
        assert!(read(vec![task("email.send", "{}"), task("email.send", "not json")]).await.is_err());
    }

    #[tokio::test]
    async fn i8_what_is_emitted_is_bounded() {
        assert!(read(vec![task("email.send", "{}"); 3]).await.expect_err("too many").contains("at most 2"));
        assert!(read(vec![task("email.send", "\"123456789\"")]).await.expect_err("too large").contains("at most 10"));
    }

    #[tokio::test]
    async fn a_deferral_is_read_from_headers_and_one_that_cannot_be_fails_the_whole() {
        let with = |value: &str| {
            let headers = vec![types::Header { name: "Deliver-At".into(), value: value.into() }];
            types::Task { headers, ..task("email.send", "{}") }
        };
        let drafts = read(vec![task("email.send", "{}"), with("5")]).await.expect("legal");
        assert_eq!(drafts[0].deferral, None);
        assert!(matches!(&drafts[1].deferral, Some(Deferral::At { moment, name: None }) if moment.millis() == 5));
        let reason = read(vec![task("email.send", "{}"), with("soon")]).await.expect_err("no moment");
        assert!(reason.contains("`pheidi.email.send`") && reason.contains("deliver-at"), "{reason}");
    }

    #[tokio::test]
    async fn the_host_s_headers_cannot_be_forged() {
        for name in ["x-leveret-attempt", "X-Leveret-Tid", "leveret-dead-reason", "x-death", "CC", "bcc", "", "a\nb"] {
            let forged = types::Header { name: name.into(), value: "1".into() };
            let task = types::Task { headers: vec![forged], ..task("email.send", "{}") };
            assert!(read(vec![task]).await.is_err(), "{name:?}");
        }
    }
}
