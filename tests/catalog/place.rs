//! Names and places that are not as they should be.

use std::process::Command;

use super::*;

#[tokio::test]
async fn a_file_with_an_illegal_name_is_refused_with_the_rule() {
    let bench = Bench::new();
    let one = plugin("1");
    let cases = [
        ("Pheidi.wasm", "'P'"),
        ("phe idi.wasm", "' '"),
        ("phei.di.wasm", "'.'"),
        ("ünlock.wasm", "'ü'"),
        ("leveret.wasm", "reserved"),
        ("amq/a.wasm", "reserved"),
        ("a/B.wasm", "'B'"),
        (&format!("{}.wasm", "a".repeat(64)), "at most 63"),
    ];
    for (place, words) in cases {
        bench.put(place, &one);
        let reason = bench.refused(place).await;
        assert!(reason.contains(words) && reason.contains("<app>.wasm"), "{place}: {reason}");
    }
    assert!(bench.catalog.live().borrow().is_empty());
}

#[tokio::test]
async fn of_two_files_for_one_plugin_the_second_waits_until_the_first_is_gone() {
    let bench = Bench::new();
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    bench.put("a/a.wasm", &two);
    let reason = bench.refused("a/a.wasm").await;
    assert!(reason.contains("a.wasm is the same plugin"), "{reason}");
    assert_eq!(bench.digest("a"), Some(Digest::of(&one)));
    fs::remove_file(bench.path("a.wasm")).expect("removed");
    bench.live("a", &two).await;
}

#[tokio::test]
async fn of_two_files_for_one_plugin_at_the_start_one_is_refused() {
    let root = root();
    let plugins = directory(&root, "plugins");
    host::put(&plugins, "a.wasm", &plugin("1"));
    host::put(&plugins, "a/a.wasm", &plugin("2"));
    let bench = Bench::of(root);
    soon("the end of loading", bench.catalog.settled()).await;
    let refused = |place| matches!(bench.state(place), Some(PluginState::Refused { .. }));
    assert_ne!(refused("a.wasm"), refused("a/a.wasm"), "{:?}", bench.catalog.status());
}

#[tokio::test]
async fn i3_two_plugins_that_would_share_a_queue_are_not_both_let_in() {
    let bench = Bench::new();
    // Both spell the queue `a.b.thing.happened`.
    let long = Subscriber { subscriptions: &["b.thing.happened"], ..Subscriber::default() }.build();
    let short = plugin("1");
    bench.put("a.wasm", &long);
    bench.live("a", &long).await;
    bench.put("a/b.wasm", &short);
    let reason = bench.refused("a/b.wasm").await;
    assert!(reason.contains("`a.b.thing.happened`") && reason.contains("plugin a"), "{reason}");
    fs::remove_file(bench.path("a.wasm")).expect("removed");
    bench.live("a/b", &short).await;
}

#[tokio::test]
async fn a_pipe_and_a_directory_in_a_file_s_place_hold_nothing_up() {
    let bench = Bench::new();
    let made = Command::new("mkfifo").arg(bench.path("pipe.wasm")).status().expect("every system has mkfifo");
    assert!(made.success());
    directory(&bench.root, "plugins/folder.wasm");
    std::os::unix::fs::symlink("nowhere.wasm", bench.path("dangling.wasm")).expect("linked");
    bench.looked_again().await;
    assert_eq!(bench.catalog.live().borrow().len(), 1);
}

#[tokio::test]
async fn files_in_deeper_folders_are_no_plugins() {
    let bench = Bench::new();
    bench.put("a/b/c.wasm", &plugin("1"));
    bench.put("README.md", b"not a plugin");
    bench.looked_again().await;
    assert_eq!(bench.catalog.status().len(), 1);
}
