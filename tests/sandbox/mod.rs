//! What plugins do wrong, by accident or on purpose, and what it costs: the puppet under a whole host.

mod emit;
mod pure;
mod stuck;

use leveret::config::Settings;
use leveret::delivery::{Record, Settlement};
use leveret::message::{Message, MessageId};
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
        let broker = TestBroker::embedded();
        let host = TestHost::start_with(&broker, adjust).await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
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

    /// The puppet still works.
    async fn lives(&mut self) {
        let record = self.settled(json!({ "do": "emit" })).await;
        assert_eq!(record.settlement, Settlement::Done);
    }
}
