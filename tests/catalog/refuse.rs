//! Files that are no plugins.

use leveret_tests::guests;
use leveret_tests::wat::parse;

use super::*;

/// Puts a file in place and returns why it is refused.
async fn refusal(bytes: &[u8]) -> String {
    let bench = Bench::new();
    bench.put("a.wasm", bytes);
    let reason = bench.refused("a.wasm").await;
    assert!(bench.catalog.live().borrow().is_empty());
    reason
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    assert!(refusal(b"").await.contains("empty"));
}

#[tokio::test]
async fn what_is_not_webassembly_is_refused() {
    assert!(refusal(b"#!/bin/sh\nrm -rf /\n").await.contains("not WebAssembly"));
}

#[tokio::test]
async fn a_core_module_is_refused_with_what_to_do() {
    let reason = refusal(b"\0asm\x01\0\0\0").await;
    assert!(reason.contains("core module") && reason.contains("wasm32-wasip2"), "{reason}");
}

#[tokio::test]
async fn a_precompiled_file_is_refused() {
    let reason = refusal(b"\x7fELF\x02\x01\x01\0").await;
    assert!(reason.contains("not WebAssembly"), "{reason}");
}

#[tokio::test]
async fn a_component_cut_short_is_refused() {
    let whole = guests::bytes("pheidi");
    let reason = refusal(&whole[..whole.len() / 2]).await;
    assert!(reason.contains("does not compile"), "{reason}");
}

#[tokio::test]
async fn a_component_of_another_world_is_refused_with_what_it_exports() {
    let none = refusal(b"\0asm\x0d\0\x01\0").await;
    assert!(none.contains("leveret:plugin/manifest@0.1.0") && none.contains("nothing"), "{none}");
    let other = parse(
        r#"(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f"))) (export "greet" (func $f)))"#,
    );
    let other = refusal(&other).await;
    assert!(other.contains("`greet`"), "{other}");
}

#[tokio::test]
async fn a_manifest_without_a_handler_is_refused() {
    // A subscriber whose export of the handler is left out: the world would not let the encoder do that.
    let empty_manifest =
        parse(r#"(component (instance $manifest) (export "leveret:plugin/manifest@0.1.0" (instance $manifest)))"#);
    let reason = refusal(&empty_manifest).await;
    assert!(reason.contains("leveret:plugin"), "{reason}");
}

#[tokio::test]
async fn a_file_that_is_too_large_is_refused_without_being_read() {
    const SIZE: u64 = 200 * 1024 * 1024 * 1024;
    let bench = Bench::new();
    // Two hundred gigabytes of nothing: reading them would not end, nor fit in memory.
    let file = fs::File::create(bench.path("a.wasm")).expect("made");
    file.set_len(SIZE).expect("a sparse file");
    let reason = bench.refused("a.wasm").await;
    assert!(reason.contains(&SIZE.to_string()) && reason.contains("plugins.size-limit"), "{reason}");
}

#[tokio::test]
async fn i9_a_broken_file_changes_nothing_and_a_mended_one_does() {
    let bench = Bench::new();
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    for broken in [&b""[..], b"broken", &two[..two.len() - 1], b"\0asm\x0d\0\x01\0"] {
        bench.put("a.wasm", broken);
        bench.refused("a.wasm").await;
        let Some(PluginState::Refused { still_live, .. }) = bench.state("a.wasm") else { panic!("it is refused") };
        assert_eq!(still_live.map(|version| version.digest), Some(Digest::of(&one)));
    }
    bench.put("a.wasm", &two);
    bench.live("a", &two).await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
}
