//! What plugins do wrong, by accident or on purpose, and what it costs: the puppet under a whole host.

mod budget;
mod constant;
mod emit;
mod hostile;
mod outside;
mod payload;
mod probe;
mod pure;
mod receipt;
mod recover;
mod reuse;
mod schema;
mod stuck;

use std::sync::Arc;

use leveret::config::Settings;
use leveret::delivery::{Record, Settlement};
use leveret::message::{Headers, Message, MessageId, Tid, Timestamp};
use leveret::name::EventName;
use leveret::plugin::{Incoming, Live, What};
use leveret_tests::broker::{self, TestBroker};
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use serde_json::{Value, json};

const PULLED: &str = "puppet.pulled";
const ECHO: &str = "puppet.echo.make";

/// A host with the puppet.
struct Stage {
    host: TestHost,
    _broker: TestBroker,
}

impl Stage {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let stage = Self::start(adjust).await;
        stage.host.install("puppet.wasm", &guests::bytes("puppet")).await;
        stage
    }

    /// A host without a plugin yet.
    async fn empty() -> Self {
        Self::start(|_| ()).await
    }

    async fn start(adjust: impl FnOnce(&mut Settings)) -> Self {
        let broker = TestBroker::embedded();
        let host = TestHost::start_with(&broker, adjust).await;
        Self { host, _broker: broker }
    }

    async fn pull(&self, instruction: Value) -> MessageId {
        self.host.publish(PULLED, instruction.to_string()).await
    }

    /// Pulls and waits until the delivery has settled.
    async fn settled(&mut self, instruction: Value) -> Record {
        let id = self.pull(instruction).await;
        self.host.record(&id).await
    }

    /// Pulls and expects a failure that is tried again; the reason.
    async fn retried(&mut self, instruction: Value) -> String {
        match self.settled(instruction).await.settlement {
            Settlement::Retried { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    /// What the puppet emitted so far; more than once asks for nothing.
    async fn emitted(&self) -> u64 {
        let queue = broker::tasks(ECHO).queue;
        self.host.host.broker.depth(&queue).await.expect("a depth").unwrap_or_default()
    }

    /// The version of the only plugin.
    fn live(&self) -> Arc<Live> {
        self.host.host.catalog.live().borrow().values().next().cloned().expect("a plugin is live")
    }

    /// The puppet still works.
    async fn lives(&mut self) {
        let record = self.settled(json!({ "do": "emit" })).await;
        assert_eq!(record.settlement, Settlement::Done);
    }
}

/// An event as the pipeline hands it to a plugin.
struct Pulled {
    name: EventName,
    id: MessageId,
    tid: Tid,
    headers: Headers,
    payload: String,
}

impl Pulled {
    const TIME: u64 = 1_700_000_000_123;

    fn new(instruction: &Value) -> Self {
        Self {
            name: PULLED.parse().expect("legal"),
            id: MessageId::from_wire("m-1").expect("a legal id"),
            tid: Tid::from_wire("t-1").expect("a legal TID"),
            headers: Headers::new(),
            payload: instruction.to_string(),
        }
    }

    fn event(&self) -> Incoming<'_> {
        Incoming {
            what: What::Event { name: &self.name, source: None },
            id: &self.id,
            tid: &self.tid,
            time: Timestamp::from_millis(Self::TIME),
            payload: &self.payload,
            headers: &self.headers,
        }
    }
}
