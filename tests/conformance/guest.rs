//! A built component in the host's own sandbox, without a broker.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use leveret::message::{Attempt, FailedAttempt, HeaderValue, Headers, MessageId, Receipt, Tid, Timestamp};
use leveret::name::{EventName, PluginId, TaskName};
use leveret::plugin::{Budget, Draft, Incoming, Invocation, Live, Outcome, Recovered, Sandbox, SandboxOptions, What};
use leveret_tests::host::compile_cache;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::lines::{self, Line};
use super::verdict::{Verdict, Wrong, wrong};

/// When every event was published, and every task created.
pub const TIME: u64 = 1_700_000_000_123;
/// What `describe` may take, as a host has it unless told otherwise.
const DESCRIBE: (Duration, u64) = (Duration::from_secs(1), 64 << 20);
/// What a delivery may take: what the guests ask for, and a host's usual output.
const BUDGET: Budget = Budget {
    time: Duration::from_secs(5),
    wasm_time: Duration::from_secs(5),
    recovery: Duration::from_secs(5),
    memory: 128 << 20,
    output_count: 1000,
    output_size: 4 << 20,
};

/// An event or a task as it is given to a guest.
pub struct Given {
    pub name: &'static str,
    pub kind: Kind,
    pub id: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
    pub payload: String,
}

pub enum Kind {
    Event { source: Option<&'static str> },
    Task { attempt: u32, key: Option<&'static str> },
}

impl Given {
    pub fn new(name: &'static str, payload: impl Into<String>) -> Self {
        Self { name, kind: Kind::Event { source: None }, id: "m-1", headers: &[], payload: payload.into() }
    }

    pub fn asked(instruction: &Value) -> Self {
        Self::new("conformance.asked", instruction.to_string())
    }

    /// A task by its full name.
    pub fn task(name: &'static str, payload: impl Into<String>) -> Self {
        Self { kind: Kind::Task { attempt: 1, key: None }, ..Self::new(name, payload) }
    }

    pub fn ordered(instruction: &Value) -> Self {
        Self::task("conformance.order.obey", instruction.to_string())
    }

    /// Hands it over as the pipeline would.
    async fn to<T>(&self, call: impl AsyncFnOnce(Incoming<'_>) -> T) -> T {
        let id = MessageId::from_wire(self.id).expect("a legal id");
        let tid = Tid::from_wire("t-1").expect("a legal TID");
        let header = |(name, value): &(&str, &str)| (name.to_string(), HeaderValue::from(*value));
        let headers: Headers = self.headers.iter().map(header).collect();
        let incoming = |what| {
            let (time, payload) = (Timestamp::from_millis(TIME), &self.payload);
            Incoming { what, id: &id, tid: &tid, time, payload, headers: &headers }
        };
        match self.kind {
            Kind::Event { source } => {
                let name: EventName = self.name.parse().expect("legal");
                call(incoming(What::Event { name: &name, source })).await
            }
            Kind::Task { attempt, key } => {
                let name: TaskName = self.name.parse().expect("legal");
                let attempt = Attempt::new(attempt).expect("not 0");
                call(incoming(What::Task { name: &name, attempt, key })).await
            }
        }
    }
}

/// A guest that is ready for events and tasks.
pub struct Guest {
    pub component: Arc<[u8]>,
    pub live: Live,
    runtime: Runtime,
}

impl Guest {
    /// Lets a component in as the plugin `conformance`, or says why not.
    pub fn open(file: &Path) -> Result<Self, String> {
        let component = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Self::let_in(component.into(), BUDGET, &[])
    }

    /// The same guest with these settings.
    pub fn with_settings(&self, settings: &[(&str, &str)]) -> Verdict<Self> {
        Self::let_in(self.component.clone(), BUDGET, settings).map_err(refused)
    }

    /// The same guest with as little time as this.
    pub fn within(&self, time: Duration) -> Verdict<Self> {
        Self::let_in(self.component.clone(), Budget { time, ..BUDGET }, &[]).map_err(refused)
    }

    fn let_in(component: Arc<[u8]>, budget: Budget, settings: &[(&str, &str)]) -> Result<Self, String> {
        // One thread, so that the lines that a guest writes come to whoever listens on it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let app = "conformance".parse().expect("legal");
        let compiled = sandbox().compile(&component).map_err(|refusal| refusal.to_string())?;
        let (time, memory) = DESCRIBE;
        let described = runtime.block_on(compiled.describe(&app, time, memory));
        let description = described.map_err(|refusal| refusal.to_string())?;
        let budget = budget.within(&description.limits);
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let id = PluginId::new(app, "conformance".parse().expect("legal"));
        Ok(Self { component, live: compiled.into_live(id, description, budget, settings), runtime })
    }

    /// Delivers an event or a task.
    pub fn deliver(&self, given: &Given) -> Invocation {
        self.runtime.block_on(given.to(async |incoming| self.live.handler.handle(incoming).await))
    }

    /// Asks for something: `{"do": …}`.
    pub fn ask(&self, instruction: &Value) -> Outcome {
        self.deliver(&Given::asked(instruction)).outcome
    }

    /// Asks for something by a task.
    pub fn order(&self, instruction: &Value) -> Outcome {
        self.deliver(&Given::ordered(instruction)).outcome
    }

    /// Asks for something, and returns the payload of the one report that comes of it.
    pub fn report(&self, instruction: &Value) -> Verdict<Value> {
        self.report_on(&Given::asked(instruction))
    }

    pub fn report_on(&self, given: &Given) -> Verdict<Value> {
        match self.deliver(given).outcome {
            Outcome::Done(drafts) => report(&drafts),
            other => wrong("one report", shown(&other)),
        }
    }

    /// Asks for something, and returns every line that it writes meanwhile.
    pub fn lines(&self, instruction: &Value) -> Vec<Line> {
        lines::of(|| drop(self.ask(instruction)))
    }

    /// Gives it its last chance, after two attempts.
    pub fn recover(&self, given: &Given) -> Option<Recovered> {
        let attempts = [(1, "busy"), (2, "still busy")].map(|(number, reason)| FailedAttempt {
            attempt: Attempt::new(number).expect("not 0"),
            time: Timestamp::from_millis(TIME + u64::from(number)),
            version: "1 (ab12cd34)".into(),
            reason: reason.into(),
            receipt: Receipt::default(),
        });
        self.runtime.block_on(given.to(async |incoming| self.live.handler.recover(incoming, &attempts).await))
    }

    pub fn healthy(&self) -> Result<(), String> {
        self.runtime.block_on(self.live.handler.healthy())
    }
}

/// The payload of the only message, which must be a report: a task of an event, or an announcement of a task.
pub fn report(drafts: &[Draft]) -> Verdict<Value> {
    match drafts {
        [draft] if ["conformance.report.make", "report.made"].contains(&draft.subject.as_str()) => Ok(payload(draft)),
        drafts => wrong("one report", shown(&Outcome::Done(drafts.to_vec()))),
    }
}

pub fn payload(draft: &Draft) -> Value {
    serde_json::from_slice(&draft.payload).expect("the host lets nothing but JSON through")
}

/// An outcome in a few words.
pub fn shown(outcome: &Outcome) -> String {
    let task = |draft: &Draft| json!([draft.subject.as_str(), payload(draft)]).to_string();
    let words = match outcome {
        Outcome::Done(drafts) if drafts.len() > 3 => format!("done with {} messages", drafts.len()),
        Outcome::Done(drafts) => format!("done with [{}]", drafts.iter().map(task).collect::<Vec<_>>().join(", ")),
        Outcome::Retry { reason, after: None } => format!("retry: {reason}"),
        Outcome::Retry { reason, after: Some(after) } => format!("retry after {after:?}: {reason}"),
        Outcome::Reject { reason } => format!("reject: {reason}"),
    };
    if words.len() > 400 { format!("{}…", &words[..words.floor_char_boundary(400)]) } else { words }
}

fn refused(refusal: String) -> Wrong {
    Wrong { expected: "a component that the host lets in again".into(), came: refusal }
}

/// One engine for all guests of this process.
fn sandbox() -> &'static Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    let cache = Some(compile_cache().to_owned());
    let options = SandboxOptions { cache, concurrency: 8, memory_maximum: BUDGET.memory, ..SandboxOptions::default() };
    SANDBOX.get_or_init(|| Sandbox::new(&options).expect("an engine"))
}
