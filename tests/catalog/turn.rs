//! What the audit log is told.

use leveret::catalog::{Became, Observe, Turn};
use leveret::plugin::Voucher;

use super::*;

#[derive(Default)]
struct Turns(Mutex<Vec<Turn>>);

impl Observe for Turns {
    fn turned(&self, turn: Turn) {
        self.0.lock().expect("not poisoned").push(turn);
    }
}

#[tokio::test]
async fn each_turn_of_a_file_is_told_once() {
    let turns = Arc::new(Turns::default());
    let (one, two) = (plugin("1"), plugin("2"));
    let digests = [&one, &two].map(|bytes| Digest::of(bytes)).into();
    let trust = leveret::catalog::Trust::Only { digests, keys: Vec::new() };
    let bench = Bench::observed(root(), trust, turns.clone());
    fs::create_dir_all(bench.plugins()).expect("a directory");
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    bench.put("a.wasm", &two);
    bench.live("a", &two).await;
    bench.put("a.wasm", b"broken");
    bench.refused("a.wasm").await;
    fs::remove_file(bench.path("a.wasm")).expect("removed");
    bench.gone("a").await;

    let told: Vec<Turn> = turns.0.lock().expect("not poisoned").clone();
    assert!(told.iter().all(|turn| turn.file == bench.path("a.wasm") && turn.plugin.is_some()), "{told:?}");
    let [first, second, third, fourth] = &told[..] else { panic!("{told:?}") };
    let digest = |bytes: &[u8]| Digest::of(bytes);
    let Became::Live { version, instead: None, voucher: Some(Voucher::Digest) } = &first.became else {
        panic!("{first:?}")
    };
    assert_eq!(version.digest, digest(&one));
    let Became::Live { version, instead: Some(before), .. } = &second.became else { panic!("{second:?}") };
    assert_eq!((version.digest, before.digest), (digest(&two), digest(&one)));
    let Became::Refused { digest: refused, still_live, .. } = &third.became else { panic!("{third:?}") };
    assert_eq!((*refused, still_live.as_ref()), (Some(digest(b"broken")), Some(version)));
    assert_eq!(fourth.became, Became::Gone { version: version.clone() });
}
