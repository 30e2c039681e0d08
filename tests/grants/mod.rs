//! What a worker gets of the world: what is granted to it, and nothing else. A plugin that does what a task tells it to,
//! under a whole host; its tasks are handed to it directly, since here it matters only what comes of them.

mod bucket;
mod http;
mod secret;
mod server;
mod world;

use std::path::Path;
use std::sync::Arc;

use leveret::config::{PluginKey, Settings};
use leveret::message::{Attempt, Headers, MessageId, Tid, Timestamp};
use leveret::plugin::{Incoming, Invocation, Live, Outcome, What};
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use serde_json::{Value, json};

/// When every task and event was published.
const TIME: u64 = 1_700_000_000_000;

/// A host with the errand plugin as one or several plugins.
struct Stage {
    host: TestHost,
    _broker: TestBroker,
}

impl Stage {
    /// The plugin as `pheidi`, with these grants.
    async fn granting(grants: Value) -> Self {
        Self::with(|settings| grant(settings, "pheidi", grants), &["pheidi.wasm"]).await
    }

    async fn with(adjust: impl FnOnce(&mut Settings), places: &[&str]) -> Self {
        let broker = TestBroker::embedded();
        let host = TestHost::start_with(&broker, adjust).await;
        for (number, place) in places.iter().enumerate() {
            // Each a version of its own, so that the host is waited for.
            let file = guests::another_version(&errand(place), &number.to_string());
            host.install(place, &file).await;
        }
        Self { host, _broker: broker }
    }

    fn live(&self, plugin: &str) -> Arc<Live> {
        let live = self.host.host.catalog.live().borrow().clone();
        live[&plugin.parse().expect("legal")].clone()
    }

    /// Has a plugin perform a task.
    async fn perform(&self, plugin: &str, errand: &Value) -> Outcome {
        let live = self.live(plugin);
        let name = live.description.performs.first().expect("it performs one");
        self.handle(&live, What::Task { name, attempt: Attempt::FIRST, key: None }, errand).await
    }

    /// Hands a plugin an event.
    async fn on_event(&self, plugin: &str, errand: &Value) -> Outcome {
        let name = "errand.wanted".parse().expect("legal");
        self.handle(&self.live(plugin), What::Event { name: &name, source: None }, errand).await
    }

    async fn handle(&self, live: &Live, what: What<'_>, errand: &Value) -> Outcome {
        self.invoke(live, what, errand).await.outcome
    }

    async fn invoke(&self, live: &Live, what: What<'_>, errand: &Value) -> Invocation {
        let (id, tid) = (MessageId::from_wire("an errand").expect("legal"), Tid::fresh());
        let (time, payload, headers) = (Timestamp::from_millis(TIME), errand.to_string(), Headers::new());
        let incoming = Incoming { what, id: &id, tid: &tid, time, payload: &payload, headers: &headers };
        live.handler.handle(incoming).await
    }

    /// What comes of `pheidi`'s errand.
    async fn run(&self, errand: Value) -> Value {
        told(self.perform("pheidi", &errand).await)
    }

    /// Why nothing comes of it.
    async fn refused(&self, errand: Value) -> String {
        let told = self.run(errand).await;
        told["error"].as_str().unwrap_or_else(|| panic!("it was let do that: {told}")).to_owned()
    }
}

/// The plugin for a place. Plugins of one application perform different tasks.
fn errand(place: &str) -> Vec<u8> {
    guests::bytes(if place.contains('/') { "errand-two" } else { "errand" })
}

/// What the plugin tells.
fn told(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Done(drafts) => serde_json::from_slice(&drafts[0].payload).expect("JSON"),
        other => panic!("{other:?}"),
    }
}

/// The reason of a failure.
fn reason(outcome: Outcome) -> String {
    match outcome {
        Outcome::Retry { reason, .. } | Outcome::Reject { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn grant(settings: &mut Settings, plugin: &str, grants: Value) {
    let key: PluginKey = plugin.parse().expect("legal");
    let grants = serde_json::from_value(grants).expect("legal grants");
    settings.plugin.entry(key).or_default().grants = grants;
}

/// Keeps buckets out of the working directory.
fn buckets_in(settings: &mut Settings, directory: &Path) {
    settings.buckets.file = directory.join("buckets.db");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_s_import_that_is_not_granted_is_refused_with_what_grants_it() {
    let broker = TestBroker::embedded();
    let host = TestHost::start(&broker).await;
    leveret_tests::host::put(&host.plugins, "pheidi/errand.wasm", &guests::bytes("errand"));
    let reason = leveret_tests::wait::until("a refusal", async || {
        host.host.catalog.status().into_iter().find_map(|plugin| match plugin.state {
            leveret::catalog::PluginState::Refused { reason, .. } => Some(reason),
            _ => None,
        })
    })
    .await;
    for line in [
        r#"[plugin."pheidi/errand".grants.http] allow = [{ host = "api.example" }]"#,
        r#"[plugin."pheidi/errand".grants.keyvalue] buckets = ["sent"]"#,
    ] {
        assert!(reason.contains(line), "{reason}");
    }
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_told_by_name_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "hunter2").expect("written");
    let mut grants = usable(json!([{ "host": "*.mail.example" }]));
    grants["clock"] = json!(true);
    grants["secrets"] = json!({ "api-key": { "file": secret } });
    let stage = Stage::with(
        |settings| {
            buckets_in(settings, directory.path());
            grant(settings, "pheidi", grants);
        },
        &["pheidi.wasm"],
    )
    .await;
    let status = stage.host.host.catalog.status();
    let shown = serde_json::to_value(&status).expect("plain");
    assert_eq!(
        shown[0]["uses"]["grants"],
        json!(["clock", "http *.mail.example", "bucket sent", "secret api-key"]),
        "{shown}"
    );
    let imports = shown[0]["uses"]["imports"].to_string();
    assert!(imports.contains("wasi:http/outgoing-handler@") && imports.contains("wasi:keyvalue/store@"), "{imports}");
    assert!(!format!("{status:?} {shown}").contains("hunter2"));
    stage.host.stop().await;
}

/// Grants that let the plugin in, since it imports both, with these hosts.
fn usable(allow: Value) -> Value {
    json!({ "http": { "allow": allow }, "keyvalue": { "buckets": ["sent"] } })
}
