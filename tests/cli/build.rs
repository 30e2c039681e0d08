//! `leveret build`, but for the languages themselves: those are in the conformance suite.

use serde_json::Value;

use super::new::LANGUAGES;
use super::{directory, leveret, write};

/// A plugin's core module: it describes itself as nothing, which is refused later, by a host.
const CORE: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
    (func (export "leveret:plugin/manifest@0.1.0#describe") (result i32) unreachable)
    (func (export "leveret:plugin/subscriber@0.1.0#on-event")
        (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
)"#;

#[test]
fn a_core_module_becomes_a_component_of_the_world_that_its_exports_make() {
    let directory = directory();
    write(&directory, "thanks.core.wasm", &wat::parse_str(CORE).expect("legal"));
    let ended = leveret(directory.path(), &[], &["build", "thanks.core.wasm", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    let built: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert_eq!((&built["name"], &built["file"]), (&"thanks".into(), &"build/thanks.wasm".into()));
    let checked = leveret(directory.path(), &[], &["check", "build/thanks.wasm"]);
    assert!(checked.output.contains("unreachable"), "it is let in as far as `describe`: {}", checked.output);
}

#[test]
fn a_module_that_makes_no_plugin_is_told_why() {
    let directory = directory();
    write(&directory, "other.wasm", &wat::parse_str("(module)").expect("legal"));
    write(&directory, "text.wasm", b"#!/bin/sh");
    let wrong = CORE.replace("(result i32) i32.const 1024", "(result i64) i64.const 1024");
    write(&directory, "wrong.wasm", &wat::parse_str(&wrong).expect("legal"));
    for (file, reason) in
        [("other.wasm", "leveret:plugin/"), ("text.wasm", "no core module"), ("wrong.wasm", "cabi_realloc")]
    {
        let ended = leveret(directory.path(), &[], &["build", file]);
        assert_eq!(ended.code, 1, "{file}");
        assert!(ended.error.contains(reason), "{file}: {}", ended.error);
    }
}

#[test]
fn a_folder_without_a_project_is_told_what_makes_one() {
    let ended = leveret(directory().path(), &[], &["build"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("package.json") && ended.error.contains("leveret new"), "{}", ended.error);
}

#[test]
fn a_missing_toolchain_is_answered_with_what_to_install_in_one_line() {
    for (language, _) in LANGUAGES {
        let directory = directory();
        assert_eq!(leveret(directory.path(), &[], &["new", "thanks", "--lang", language]).code, 0);
        let nothing = [("PATH", "/nowhere"), ("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", "")];
        let ended = leveret(directory.path(), &nothing, &["build", "thanks"]);
        assert_eq!(ended.code, 1, "{language}");
        assert!(ended.error.contains("is missing. Install "), "{language}: {}", ended.error);
        assert_eq!(ended.error.trim().lines().count(), 1, "{language}: {}", ended.error);
    }
}

#[test]
fn a_broken_manifest_is_told_with_its_file() {
    let directory = directory();
    write(&directory, "Cargo.toml", b"[package\n");
    let ended = leveret(directory.path(), &[], &["build"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("Cargo.toml"), "{}", ended.error);
}
