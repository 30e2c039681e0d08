//! The contract `leveret:plugin@0.1.0`: generated bindings, and the way between them and the host's own types. A later
//! version of the contract gets a file like this one beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::component::Bounds;
use super::instance::State;
use super::output::Level;
use super::refusal::Refusal;
use super::schema::Schema;
use super::{Draft, Event, Outcome};
use crate::message::{FailedAttempt, HeaderValue, Headers, json_text};
use crate::name::{AppName, TaskName};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "everything",
    exports: { default: async },
});

pub(super) use self::leveret::plugin::log::add_to_linker;
use self::leveret::plugin::log::{Host as LogHost, Level as LogLevel};
pub(super) use self::leveret::plugin::types;
pub(super) use exports::leveret::plugin::manifest;
use exports::leveret::plugin::{probe, recovery, subscriber};

const MANIFEST: &str = "leveret:plugin/manifest@0.1.0";
const SUBSCRIBER: &str = "leveret:plugin/subscriber@0.1.0";
const WORKER: &str = "leveret:plugin/worker@0.1.0";
const RECOVERY: &str = "leveret:plugin/recovery@0.1.0";
const PROBE: &str = "leveret:plugin/probe@0.1.0";
/// What a plugin may export and this host does not call yet.
const UNSERVED: [&str; 1] = [WORKER];
/// The longest header name and ordering key, in bytes: AMQP's short string.
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
    subscriber: subscriber::GuestIndices,
    recovery: Option<Recovery>,
    probe: Option<Probe>,
    unserved: Vec<&'static str>,
}

impl Exports {
    pub(super) fn find(pre: &InstancePre<State>, names: Vec<String>) -> Result<Self, Refusal> {
        let has = |name: &str| names.iter().any(|export| export == name);
        if !has(MANIFEST) {
            return Err(Refusal::OtherWorld { exports: names });
        }
        let contract = |error: wasmtime::Error| Refusal::Contract(format!("{error:#}"));
        let manifest = manifest::GuestIndices::new(pre).map_err(contract)?;
        if !has(SUBSCRIBER) {
            return Err(if has(WORKER) { Refusal::Worker } else { Refusal::Idle });
        }
        let subscriber = subscriber::GuestIndices::new(pre).map_err(contract)?;
        let recovery = has(RECOVERY).then(|| recovery::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let probe = has(PROBE).then(|| probe::GuestIndices::new(pre)).transpose().map_err(contract)?;
        let unserved = UNSERVED.into_iter().filter(|name| has(name)).collect();
        Ok(Self { manifest, subscriber, recovery: recovery.map(Recovery), probe: probe.map(Probe), unserved })
    }

    pub(super) fn unserved(&self) -> &[&'static str] {
        &self.unserved
    }

    pub(super) async fn describe(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<manifest::Description> {
        self.manifest.load(&mut *store, instance)?.call_describe(store).await
    }

    /// Calls `on-event`. What it gives is not read yet.
    pub(super) async fn on_event(
        &self,
        store: &mut Store<State>,
        instance: &Instance,
        event: &types::Event,
    ) -> wasmtime::Result<Result<Vec<types::Task>, types::Failure>> {
        self.subscriber.load(&mut *store, instance)?.call_on_event(store, event).await
    }

    pub(super) fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }

    pub(super) fn probe(&self) -> Option<&Probe> {
        self.probe.as_ref()
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
    ) -> wasmtime::Result<Result<Vec<types::Task>, String>> {
        self.0.load(&mut *store, instance)?.call_recover(store, message, attempts).await
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

pub(super) fn record(event: &Event<'_>) -> types::Event {
    let text = |(name, value): (&String, &HeaderValue)| {
        value.as_text().map(|value| types::Header { name: name.clone(), value: value.to_owned() })
    };
    types::Event {
        name: event.name.to_string(),
        id: event.id.to_string(),
        tid: event.tid.to_string(),
        time: event.time.millis(),
        source: event.source.map(str::to_owned),
        payload: event.payload.to_owned(),
        headers: event.headers.iter().filter_map(text).collect(),
    }
}

/// How many bytes of payload these tasks have.
pub(super) fn size(tasks: &[types::Task]) -> u64 {
    tasks.iter().map(|task| task.payload.len() as u64).sum()
}

/// Reads what a plugin emits. One task that is not as it must be fails the whole, since a part is never published (I2).
pub(super) async fn drafts(tasks: Vec<types::Task>, bounds: &Bounds) -> Result<Vec<Draft>, String> {
    let count = tasks.len();
    if count as u64 > u64::from(bounds.budget.output_count) {
        return Err(format!("it emits {count} tasks; at most {} are allowed", bounds.budget.output_count));
    }
    let size = size(&tasks);
    if size > bounds.budget.output_size {
        return Err(format!("it emits {size} bytes; at most {} are allowed", bounds.budget.output_size));
    }
    let mut drafts = Vec::with_capacity(count);
    for task in tasks {
        drafts.push(draft(task, &bounds.app, &bounds.emits).await?);
    }
    Ok(drafts)
}

async fn draft(task: types::Task, app: &AppName, emits: &BTreeMap<TaskName, Option<Schema>>) -> Result<Draft, String> {
    let name = TaskName::within(app, &task.name).map_err(|error| format!("it emits what it must not: {error}"))?;
    let Some(schema) = emits.get(&name) else {
        return Err(format!("it emits `{name}`, which its description does not list"));
    };
    json_text(task.payload.as_bytes()).map_err(|error| format!("it emits `{name}`, but {error}"))?;
    if let Some(schema) = schema {
        let checked = schema.check_apart(&task.payload).await;
        checked.map_err(|misfit| format!("it emits `{name}`, whose payload does not fit its schema {misfit}"))?;
    }
    if task.key.as_ref().is_some_and(|key| key.len() > SHORT_STRING) {
        return Err(format!("the key that it emits for `{name}` is longer than {SHORT_STRING} bytes"));
    }
    let headers = task.headers.into_iter().map(header).collect::<Result<Headers, _>>()?;
    Ok(Draft { task: name, payload: task.payload.into(), key: task.key, headers })
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
    Ok((name, HeaderValue::Text(value)))
}

#[cfg(test)]
mod tests {
    use super::super::Budget;
    use super::*;
    use crate::plugin::PluginSettings;

    fn task(name: &str, payload: &str) -> types::Task {
        types::Task { name: name.into(), payload: payload.into(), key: None, headers: vec![] }
    }

    async fn read(tasks: Vec<types::Task>) -> Result<Vec<Draft>, String> {
        let app: AppName = "pheidi".parse().expect("legal");
        let name = |name| TaskName::within(&app, name).expect("legal");
        let schema = Schema::parse(r#"{"properties": {"to": {"type": "string"}}}"#).expect("a schema");
        let emits = BTreeMap::from([(name("email.send"), None), (name("letter.send"), Some(schema))]);
        let second = Duration::from_secs(1);
        let (output_count, output_size) = (2, 10);
        let budget = Budget { time: second, wasm_time: second, recovery: second, memory: 0, output_count, output_size };
        drafts(tasks, &Bounds { app: app.clone(), emits, budget, settings: PluginSettings::default() }).await
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
        assert_eq!(read(vec![task("email.send", "{}")]).await.expect("legal")[0].task.as_str(), "pheidi.email.send");
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
    async fn the_host_s_headers_cannot_be_forged() {
        for name in ["x-leveret-attempt", "X-Leveret-Tid", "leveret-dead-reason", "x-death", "CC", "bcc", "", "a\nb"] {
            let forged = types::Header { name: name.into(), value: "1".into() };
            let task = types::Task { headers: vec![forged], ..task("email.send", "{}") };
            assert!(read(vec![task]).await.is_err(), "{name:?}");
        }
    }
}
