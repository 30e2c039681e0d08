//! Plugins that were written from `wit/` alone, without an SDK and without a generator: the contract's comments suffice. Each
//! is held to the cases that it claims.

use std::path::Path;

use super::{CASES, Case, built, result, run};

/// What they all do.
const CLAIMED: [&str; 9] = [
    "echo",
    "echo-empty",
    "echo-numbers",
    "echo-unicode",
    "echo-1-mib",
    "retry",
    "retry-after",
    "reject",
    "failure-unicode",
];

fn claimed() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| CLAIMED.contains(&case.name))
}

#[test]
fn webassembly_text() {
    let text = include_str!("foreign/wat/plugin.wat");
    let component = leveret::project::componentize(&leveret_tests::wat::parse(text)).expect("it fits the contract");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("wat.wasm");
    std::fs::write(&file, component).expect("written");
    keeps_its_claims("WebAssembly text", &file);
}

#[test]
fn assemblyscript() {
    compiled("assemblyscript");
}

#[test]
fn zig() {
    compiled("zig");
}

/// What subscribers must not import is told by its name, whichever language it was written in.
#[test]
fn a_component_that_imports_http_is_refused_by_its_name() {
    let component = leveret_tests::wat::importing("wasi:http/outgoing-handler@0.2.0");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("http.wasm");
    std::fs::write(&file, component).expect("written");
    let refusal = super::Guest::open(&file).err().unwrap_or_default();
    assert!(refusal.contains("`wasi:http/outgoing-handler@0.2.0`"), "{refusal}");
    assert!(refusal.contains("a subscriber is pure"), "{refusal}");
}

/// What a compiler made of its sources, if there is one here.
fn compiled(name: &str) {
    let component = built(&format!("foreign/{name}.wasm"));
    if !component.is_file() && std::env::var_os("CI").is_none() {
        eprintln!(
            "!!! SKIPPED: {name}: it was not built; `./dev conformance` does, where its compiler can be installed"
        );
        return;
    }
    keeps_its_claims(name, &component);
}

fn keeps_its_claims(name: &str, component: &Path) {
    let results = run(component, claimed());
    assert_eq!(results.len(), CLAIMED.len(), "a claim is no case");
    result::demand(name, &results);
}
