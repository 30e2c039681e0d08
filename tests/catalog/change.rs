//! Plugins come, change, move and go.

use std::os::unix::fs::symlink;

use leveret::message::Timestamp;

use super::*;

#[tokio::test]
async fn a_file_that_comes_is_live_and_one_that_goes_is_gone() {
    let bench = Bench::new();
    let one = plugin("1");
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    fs::remove_file(bench.path("a.wasm")).expect("removed");
    bench.gone("a").await;
    assert!(bench.state("a.wasm").is_none());
}

#[tokio::test]
async fn what_is_there_at_the_start_is_settled_once_it_is_live() {
    let root = root();
    let plugins = directory(&root, "plugins");
    let one = plugin("1");
    host::put(&plugins, "a.wasm", &one);
    host::put(&plugins, "broken.wasm", b"broken");
    let bench = Bench::of(root);
    soon("the end of loading", bench.catalog.settled()).await;
    assert_eq!(bench.digest("a"), Some(Digest::of(&one)));
    assert!(matches!(bench.state("broken.wasm"), Some(PluginState::Refused { .. })));
}

#[tokio::test]
async fn i9_a_file_that_is_replaced_changes_the_version_without_a_gap() {
    let bench = Bench::new();
    let versions = ["1", "2", "3"].map(plugin);
    for version in &versions {
        bench.put("a.wasm", version);
        bench.live("a", version).await;
    }
    let seen = versions.map(|version| Some(Digest::of(&version)));
    until("every version", async || (bench.history().len() == seen.len()).then_some(())).await;
    assert_eq!(bench.history(), seen);
}

#[tokio::test]
async fn a_file_that_is_only_touched_stays_the_same_version() {
    let bench = Bench::new();
    let one = plugin("1");
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    let file = fs::File::options().append(true).open(bench.path("a.wasm")).expect("there");
    file.set_modified(std::time::SystemTime::now()).expect("touched");
    bench.write("a.wasm", &one);
    bench.looked_again().await;
    assert_eq!(bench.history(), [Some(Digest::of(&one))]);
}

#[tokio::test]
async fn a_file_that_is_renamed_becomes_the_other_plugin() {
    let bench = Bench::new();
    let one = plugin("1");
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    rename(bench.path("a.wasm"), bench.path("b.wasm"));
    bench.live("b", &one).await;
    bench.gone("a").await;
}

#[tokio::test]
async fn a_directory_that_comes_later_is_followed() {
    let bench = Bench::of(root());
    soon("the end of loading", bench.catalog.settled()).await;
    assert!(bench.catalog.status().is_empty());
    let one = plugin("1");
    fs::create_dir(bench.plugins()).expect("a directory");
    bench.put("a/b.wasm", &one);
    bench.live("a/b", &one).await;
}

#[tokio::test]
async fn a_directory_in_another_s_place_is_followed() {
    let bench = Bench::new();
    let (one, two, three) = (plugin("1"), plugin("2"), plugin("3"));
    bench.put("a.wasm", &one);
    bench.put("b.wasm", &one);
    bench.live("a", &one).await;
    bench.live("b", &one).await;
    let next = directory(&bench.root, "next");
    host::put(&next, "a.wasm", &two);
    rename(bench.plugins(), bench.root.path().join("before"));
    rename(&next, bench.plugins());
    bench.live("a", &two).await;
    bench.gone("b").await;
    bench.put("a.wasm", &three);
    bench.live("a", &three).await;
    assert!(!bench.history().contains(&None), "there was a gap: {:?}", bench.history());
}

#[tokio::test]
async fn i9_a_config_map_of_kubernetes_changes_the_version_without_a_gap() {
    let bench = Bench::new();
    let (one, two) = (plugin("1"), plugin("2"));
    // What the kubelet does: data in a hidden directory, reached through a link that is replaced by renaming.
    let publish = |name: &str, bytes: &[u8]| {
        let data = directory(&bench.root, &format!("plugins/..{name}"));
        fs::write(data.join("a.wasm"), bytes).expect("written");
        symlink(format!("..{name}"), bench.path("..data_tmp")).expect("linked");
        rename(bench.path("..data_tmp"), bench.path("..data"));
    };
    publish("2026_01", &one);
    symlink("..data/a.wasm", bench.path("a.wasm")).expect("linked");
    bench.live("a", &one).await;
    publish("2026_02", &two);
    fs::remove_dir_all(bench.path("..2026_01")).expect("removed");
    bench.live("a", &two).await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
    assert_eq!(bench.catalog.status().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_files_at_once_are_all_live() {
    let bench = Bench::new();
    let plugins: Vec<_> = (0..50).map(|number| (format!("app-{number}"), plugin(&format!("1.{number}")))).collect();
    for (app, bytes) in &plugins {
        bench.put(&format!("{app}.wasm"), bytes);
    }
    for (app, bytes) in &plugins {
        bench.live(app, bytes).await;
    }
    assert_eq!(bench.catalog.live().borrow().len(), plugins.len());
}

#[tokio::test]
async fn i9_what_is_being_loaded_says_since_when_and_the_version_before_is_live() {
    let bench = Bench::new();
    let one = plugin("1");
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    let before = Timestamp::now();
    let stuck = Subscriber { describe: "(loop $again (br $again)) unreachable", ..Subscriber::default() }.build();
    bench.put("a.wasm", &stuck);
    let status = until("its loading", async || {
        bench.catalog.status().into_iter().find(|status| status.loading_since.is_some())
    })
    .await;
    assert!(status.loading_since.is_some_and(|since| since >= before), "{status:?}");
    assert!(matches!(status.state, PluginState::Live { .. }), "{status:?}");
    bench.refused("a.wasm").await;
    assert!(bench.catalog.status().iter().all(|status| status.loading_since.is_none()));
}
