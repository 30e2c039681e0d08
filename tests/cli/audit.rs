//! `leveret audit`, and what `check` and `status` say of trust.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use leveret::plugin::Digest;
use leveret_tests::guests;
use leveret_tests::minisign::Signer;
use leveret_tests::wait::until;
use serde_json::Value;

use super::operate::{Operated, ready};
use super::{configured, leveret};

/// The audit log as soon as it has so many turns.
async fn turns(host: &Operated, number: usize) -> Vec<Value> {
    until("the turns", async || {
        let turns = host.json(&["audit", "--plugin", "puppet"]);
        let turns = turns.as_array().expect("a list").clone();
        (turns.len() == number).then_some(turns)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_what_went_live_across_restarts() {
    let Operated { directory, process } = Operated::start().await;
    let host = Operated { directory, process };
    let digest = Digest::of(&guests::bytes("puppet")).to_string();
    let first = turns(&host, 1).await.remove(0);
    assert_eq!((&first["became"], &first["again"], &first["by"]), (&"live".into(), &false.into(), &Value::Null));
    assert_eq!(first["version"]["sha256"], digest);

    let Operated { directory, process } = host;
    drop(process);
    let process = ready(directory.path()).await;
    let host = Operated { directory, process };
    assert_eq!(turns(&host, 2).await[1]["again"], true);

    let file = host.directory.path().join("plugins/puppet.wasm");
    fs::write(&file, "broken").expect("written");
    let refused = turns(&host, 3).await.remove(2);
    assert_eq!((&refused["became"], &refused["still_live"]["sha256"]), (&"refused".into(), &digest.into()));
    assert_eq!(refused["sha256"], Digest::of(b"broken").to_string());
    fs::remove_file(&file).expect("removed");
    assert_eq!(turns(&host, 4).await[3]["became"], "gone");
    let ended = host.run(&["audit"]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    assert!(ended.output.contains("again") && ended.output.contains("not WebAssembly"), "{}", ended.output);
}

#[test]
fn a_check_says_whether_the_file_is_trusted_where_anybody_must_be() {
    let signer = Signer::new();
    let directory =
        configured(&format!("[plugins.trust]\nkeys = [{{ key = \"{}\", apps = [\"pheidi\"] }}]\n", signer.public()));
    let file = directory.path().join("pheidi.wasm");
    fs::copy(guests::path("pheidi"), &file).expect("copied");
    let ended = leveret(directory.path(), &[], &["check", "pheidi.wasm"]);
    assert_eq!(ended.code, 1);
    assert!(ended.output.contains("there is no signature") && ended.output.contains("minisign -S"), "{}", ended.output);

    fs::write(directory.path().join("pheidi.wasm.minisig"), signer.sign(&guests::bytes("pheidi"))).expect("written");
    let ended = leveret(directory.path(), &[], &["check", "pheidi.wasm"]);
    assert_eq!(ended.code, 0, "{}", ended.output);
    assert!(ended.output.contains(&format!("its key {}", signer.public())), "{}", ended.output);
    let ended = leveret(directory.path(), &[], &["check", "--as", "docker", "pheidi.wasm"]);
    assert!(ended.code == 1 && ended.output.contains("may not vouch for plugins of docker"), "{}", ended.output);

    // Whatever the environment names wins over the file's.
    let digest = Digest::of(&guests::bytes("pheidi"));
    let listed = format!(r#"{{"digests":["{digest}"]}}"#);
    let ended = leveret(directory.path(), &[("LEVERET_PLUGINS_TRUST", &listed)], &["check", "--json", "pheidi.wasm"]);
    let report: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert_eq!(report["trusted_by"], "digest");
}

#[test]
fn trust_in_nobody_and_a_key_that_cannot_be_read_are_said_before_anything_runs() {
    for (settings, code, words) in [
        ("[plugins.trust]\n", 2, "neither a digest nor a key"),
        ("[plugins]\ntrust = { keys = [\"RWQf\"] }\n", 2, "leveret.toml:2"),
        ("[plugins]\ntrust = { keys = [{ file = \"plugins/ci.pub\" }] }\n", 2, "put it elsewhere"),
        ("[plugins]\ntrust = { keys = [{ file = \"ci.pub\" }] }\n", 1, "ci.pub cannot be read"),
    ] {
        let directory = configured(settings);
        let ended = leveret(directory.path(), &[("LEVERET_ADMIN_ADDRESS", "127.0.0.1:0")], &["up"]);
        assert_eq!(ended.code, code, "{settings}: {}", ended.error);
        assert!(ended.error.contains(words), "{settings}: {}", ended.error);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_everybody_can_write_is_told_in_the_status_and_once_in_the_log() {
    let host = Operated::start().await;
    let plugins = host.directory.path().join("plugins");
    fs::set_permissions(&plugins, fs::Permissions::from_mode(0o777)).expect("changed");
    until("the warning", async || {
        let status = host.run(&["status"]).output;
        (status.contains("everybody on this machine can write") && status.contains("chmod go-w")).then_some(())
    })
    .await;
    let warned = host.process.log().iter().filter(|line| line.contains("everybody on this machine can write")).count();
    assert_eq!(warned, 1);
}
