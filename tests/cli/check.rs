//! `leveret check`.

use leveret_tests::{guests, wat};
use serde_json::Value;

use super::{configured, directory, leveret, write};

#[test]
fn an_accepted_plugin_is_told_with_what_it_asks_for() {
    let file = guests::path("pheidi");
    let ended = leveret(directory().path(), &[], &["check", file.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    for words in [
        "accepted",
        "a subscriber",
        "org.payment.processed",
        "pheidi.org.payment.processed",
        "pheidi.email.send",
        "sha256",
    ] {
        assert!(ended.output.contains(words), "{words} is missing in {}", ended.output);
    }
}

#[test]
fn another_place_makes_another_plugin_of_it() {
    let file = guests::path("pheidi");
    let arguments = ["check", "--json", "--as", "acme/receipts", file.to_str().expect("UTF-8")];
    let report: Value = serde_json::from_str(&leveret(directory().path(), &[], &arguments).output).expect("JSON");
    assert_eq!(report["accepted"], true);
    assert_eq!(report["queues"][0], "acme.receipts.org.payment.processed");
    assert_eq!(report["description"]["emits"][0], "acme.email.send");
}

#[test]
fn what_would_be_refused_is_told_why() {
    let directory = directory();
    let http = wat::importing("wasi:http/outgoing-handler@0.2.0");
    let cases: [(&str, &[u8], &str); 5] = [
        ("text.wasm", b"#!/bin/sh", "not WebAssembly"),
        ("core.wasm", b"\0asm\x01\0\0\0", "core module"),
        ("empty.wasm", b"", "empty"),
        ("Capital.wasm", b"\0asm", "lower-case"),
        ("http.wasm", &http, "outbound HTTP is a worker's"),
    ];
    for (name, bytes, reason) in cases {
        let file = write(&directory, name, bytes);
        let ended = leveret(directory.path(), &[], &["check", file.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, 1, "{name}");
        assert!(ended.output.contains("refused: ") && ended.output.contains(reason), "{name}: {}", ended.output);
    }
    let ended = leveret(directory.path(), &[], &["check", "missing.wasm"]);
    assert_eq!(ended.code, 1);
    assert!(ended.output.contains("could not be read"), "{}", ended.output);
}

#[test]
fn what_a_worker_imports_and_is_granted_is_told_by_name() {
    let file = guests::path("errand");
    let check = |directory: &std::path::Path| {
        leveret(directory, &[], &["check", "--as", "pheidi", file.to_str().expect("UTF-8")])
    };
    let refused = check(directory().path());
    assert_eq!(refused.code, 1);
    assert!(refused.output.contains("[plugin.pheidi.grants.http] allow = "), "{}", refused.output);

    let settings = "[plugin.pheidi.grants]\nsecrets.api-key = { env = \"NO_SUCH_VARIABLE\" }\n\
                    keyvalue.buckets = [\"sent\"]\nhttp.allow = [{ host = \"api.example\" }]\n";
    let granted = configured(settings);
    let ended = check(granted.path());
    assert_eq!(ended.code, 0, "{} {}", ended.output, ended.error);
    for words in [
        "imports     wasi:http/outgoing-handler@",
        "imports     wasi:keyvalue/store@",
        "granted     http api.example",
        "granted     bucket sent",
        "granted     secret api-key",
    ] {
        assert!(ended.output.contains(words), "{words} is missing in {}", ended.output);
    }
    // To look at a file reads no secret, and makes no bucket.
    assert!(!granted.path().join(".leveret/buckets.db").exists());
}
