//! Files that are not written at once.

use super::*;

/// Longer than anything takes between two steps of a test.
const LONG: Duration = Duration::from_secs(3);

fn resting_long() -> Bench {
    let root = root();
    directory(&root, "plugins");
    Bench::resting(root, LONG)
}

#[tokio::test]
async fn a_file_that_is_still_being_written_is_waited_for() {
    let bench = resting_long();
    let one = plugin("1");
    let (first, second) = one.split_at(one.len() / 2);
    bench.write("a.wasm", first);
    until("its discovery", async || bench.state("a.wasm")).await;
    append(&bench.path("a.wasm"), second);
    let mut states = Vec::new();
    until("a live plugin", async || {
        states.extend(bench.state("a.wasm"));
        bench.digest("a")
    })
    .await;
    assert!(!states.iter().any(|state| matches!(state, PluginState::Refused { .. })), "{states:?}");
    assert_eq!(bench.digest("a"), Some(Digest::of(&one)));
}

#[tokio::test]
async fn i9_while_a_file_is_written_over_the_version_before_goes_on() {
    let bench = Bench::new();
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    let (first, second) = two.split_at(two.len() / 2);
    bench.write("a.wasm", first);
    // So slow a writer that the half looks whole.
    bench.refused("a.wasm").await;
    append(&bench.path("a.wasm"), second);
    bench.live("a", &two).await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
    until("good standing", async || matches!(bench.state("a.wasm"), Some(PluginState::Live { .. })).then_some(()))
        .await;
}

#[tokio::test]
async fn i9_deleting_a_file_and_writing_it_anew_is_no_gap() {
    let bench = resting_long();
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    fs::remove_file(bench.path("a.wasm")).expect("removed");
    bench.looked_again().await;
    bench.write("a.wasm", &two);
    bench.live("a", &two).await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
}

#[tokio::test]
async fn what_editors_and_copies_leave_beside_a_file_is_ignored() {
    let bench = Bench::new();
    let one = plugin("1");
    for name in [".a.wasm.swp", "4913", "a.wasm~", "#a.wasm#", ".#a.wasm", "a.wasm.part", "a.wasm.tmp", ".a.wasm.Xy1Z"]
    {
        bench.write(name, b"half of it");
    }
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    bench.looked_again().await;
    let files: Vec<_> = bench.catalog.status().into_iter().map(|status| status.file).collect();
    assert_eq!(files, ["a.wasm", "witness.wasm"].map(|name| bench.path(name)));
}

#[tokio::test]
async fn i9_saving_as_vim_does_is_no_gap() {
    let bench = Bench::new();
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    rename(bench.path("a.wasm"), bench.path("a.wasm~"));
    bench.write("a.wasm", &two);
    fs::remove_file(bench.path("a.wasm~")).expect("removed");
    bench.live("a", &two).await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
}

fn append(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    let mut file = fs::File::options().append(true).open(path).expect("there");
    file.write_all(bytes).expect("written");
}
