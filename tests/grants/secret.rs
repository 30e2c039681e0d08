//! Secrets: read by a worker as its settings are, and written nowhere by the host.

use std::sync::Mutex;

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span;

use super::*;

const SECRET: &str = "s3cr3t-of-pheidi";

async fn stage(reuse: bool) -> (Stage, tempfile::TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("key");
    std::fs::write(&secret, format!("{SECRET}\n")).expect("written");
    let mut grants = usable(json!([{ "host": "api.example" }]));
    grants["secrets"] = json!({ "api-key": { "file": secret } });
    let adjust = |settings: &mut Settings| {
        buckets_in(settings, directory.path());
        grant(settings, "pheidi", grants);
        let plugin = settings.plugin.values_mut().next().expect("pheidi");
        plugin.settings.insert("greeting".into(), leveret::config::PluginSetting::Text("hello".into()));
        plugin.reuse.enabled = reuse;
    };
    (Stage::with(adjust, &["pheidi.wasm"]).await, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_read_by_name_for_tasks_only() {
    for reuse in [false, true] {
        let (stage, _directory) = stage(reuse).await;
        for _ in 0..2 {
            assert_eq!(stage.run(json!({ "do": "world" })).await["ok"]["key"], SECRET);
            let told = told(stage.on_event("pheidi", &json!({ "do": "world" })).await);
            assert_eq!(told["ok"]["key"], Value::Null);
        }
        stage.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_plugin_writes_is_hidden_in_log_and_reasons() {
    let (stage, _directory) = stage(false).await;
    for errand in ["leak", "panic"] {
        let lines = Lines::default();
        let errand = json!({ "do": errand, "setting": "api-key" });
        let reason = reason(stage.perform("pheidi", &errand).with_subscriber(lines.clone()).await);
        assert!(reason.contains("it is ***") && !reason.contains(SECRET), "{reason}");
        let log = lines.0.lock().expect("nobody panics with it").join("\n");
        assert!(log.contains("out ***") && log.contains("err ***") && !log.contains(SECRET), "{log}");
        // What is no secret is said as it is.
        let harmless = json!({ "do": "leak", "setting": "greeting" });
        assert!(self::reason(stage.perform("pheidi", &harmless).await).contains("it is hello"));
    }
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_to_the_operator_without_what_a_request_carries() {
    let (stage, _directory) = stage(false).await;
    let lines = Lines::default();
    let url = "https://other.example/path?token=s3cr3t-of-pheidi";
    let errand = json!({ "do": "requests", "url": url, "count": 30 });
    stage.perform("pheidi", &errand).with_subscriber(lines.clone()).await;
    let log = lines.0.lock().expect("nobody panics with it").clone();
    let refused: Vec<&String> = log.iter().filter(|line| line.contains("refused: ")).collect();
    assert_eq!(refused.len(), 10, "{log:#?}");
    for told in ["WARN", "plugin=pheidi", "host=other.example", "method=GET"] {
        assert!(refused[0].contains(told), "{}", refused[0]);
    }
    let log = log.join("\n");
    assert!(log.contains("further refusals") && !log.contains("token") && !log.contains("/path"), "{log}");
    stage.host.stop().await;
}

/// Everything that is logged, but for what the host's log never has: see `host/src/cli/log.rs`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        !metadata.target().starts_with("wasmtime_wasi_http")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().expect("nobody panics with it").push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}
