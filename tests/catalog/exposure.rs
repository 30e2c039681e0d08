//! Directories and files that others than their owner can write.

use std::os::unix::fs::PermissionsExt;

use leveret::catalog::Others;

use super::*;

#[tokio::test]
async fn what_others_can_write_is_told_until_it_is_mended() {
    let bench = Bench::new();
    bench.put("a.wasm", &plugin("1"));
    bench.put("b/b.wasm", &plugin("1"));
    let set = |place: &str, mode| {
        fs::set_permissions(bench.path(place), fs::Permissions::from_mode(mode)).expect("changed");
    };
    let exposed = async |expected: Vec<(&str, Others)>| {
        let expected: Vec<_> = expected.into_iter().map(|(place, to)| (bench.path(place), to)).collect();
        until("what is exposed", async || {
            let now: Vec<_> = bench.catalog.exposed().into_iter().map(|one| (one.path, one.to)).collect();
            (now == expected).then_some(())
        })
        .await;
    };
    for place in ["", "b"] {
        set(place, 0o755);
    }
    for place in ["a.wasm", "b/b.wasm"] {
        set(place, 0o644);
    }
    exposed(vec![]).await;
    set("b", 0o777);
    set("a.wasm", 0o664);
    exposed(vec![("a.wasm", Others::Group), ("b", Others::Everybody)]).await;
    set("b", 0o700);
    exposed(vec![("a.wasm", Others::Group)]).await;
}
