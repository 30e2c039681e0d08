//! From nothing to a running plugin, as an author goes, in each language: new, build, test, drop, handled.

use std::path::Path;
use std::process::Stdio;

use leveret::delivery::Settlement;
use leveret_tests::broker::TestBroker;
use leveret_tests::host::TestHost;
use leveret_tests::process::command;
use leveret_tests::{guests, host};
use tempfile::TempDir;

use super::*;

macro_rules! in_each_language {
    ($($name:ident: $language:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                an_author_has_a_running_plugin($language).await;
            }
        )*
    };
}

in_each_language!(
    an_author_has_a_running_plugin_in_rust: "rust",
    an_author_has_a_running_plugin_in_typescript: "ts",
    an_author_has_a_running_plugin_in_javascript: "js",
    an_author_has_a_running_plugin_in_python: "python",
    an_author_has_a_running_plugin_in_go: "go",
    an_author_has_a_running_plugin_in_c: "c",
    an_author_has_a_running_plugin_in_cpp: "cpp",
);

async fn an_author_has_a_running_plugin(language: &'static str) {
    if let Some(reason) = guests::skipped(language) {
        return eprintln!("{language} is skipped: {reason}");
    }
    let directory = TempDir::new().expect("a temporary directory");
    let place = directory.path().to_owned();
    let made = tokio::task::spawn_blocking(move || {
        leveret(&place, &["new", "thanks", "--lang", language]);
        let project = place.join("thanks");
        leveret(&project, &["build"]);
        let tested = leveret(&project, &["test"]);
        assert!(tested.contains("a-payer-is-thanked"), "{language}: {tested}");
        std::fs::read(project.join("build/thanks.wasm")).expect("it was built")
    });
    let component = made.await.expect("it was made");

    let mut host = TestHost::start(&TestBroker::embedded()).await;
    host.install("thanks.wasm", &component).await;
    let id = host.publish(PAID, json!({ "user": { "email": "ada@example.org" }, "amount": 4200 }).to_string()).await;
    let task = host.tasks("thanks.email.send", 1).await.remove(0);
    let body: Value = serde_json::from_slice(&task.body).expect("JSON");
    assert_eq!((&body["to"], &body["template"]), (&json!("ada@example.org"), &json!("thanks")), "{language}");
    assert_eq!(task.id, derived(&id, "thanks"));
    let nothing = host.publish(PAID, json!({ "user": { "email": "ada@example.org" }, "amount": 0 }).to_string()).await;
    let Settlement::Dead { reason } = host.record(&nothing).await.settlement else {
        panic!("{language}: it is rejected")
    };
    assert_eq!(reason, "a payment of nothing", "{language}");
    host.stop().await;
}

/// Runs a command that works, with the compilers that `./dev setup` installed, and returns what it says.
fn leveret(directory: &Path, arguments: &[&str]) -> String {
    let output = command()
        .args(arguments)
        .current_dir(directory)
        .envs(guests::toolchains())
        .env("LEVERET_PLUGINS_CACHE", host::compile_cache())
        .stdin(Stdio::null())
        .output()
        .expect("leveret was built with the tests");
    let [said, complained] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "leveret {arguments:?}: {said}\n{complained}");
    said
}
