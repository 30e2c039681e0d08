//! Files that nobody vouches for, and those that somebody does.

use std::collections::BTreeSet;

use leveret::catalog::{Trust, TrustedKey};
use leveret_tests::minisign::Signer;

use super::*;

fn trust(digests: &[Digest], keys: &[(&Signer, Option<&[&str]>)]) -> Trust {
    let key = |(signer, apps): &(&Signer, Option<&[&str]>)| {
        let apps = apps.map(|apps| apps.iter().map(|app| app.parse().expect("legal")).collect::<BTreeSet<_>>());
        TrustedKey::new(signer.public(), apps).expect("a key")
    };
    Trust::Only { digests: digests.iter().copied().collect(), keys: keys.iter().map(key).collect() }
}

impl Bench {
    /// Puts the signature of these bytes beside a file.
    fn sign(&self, place: &str, signer: &Signer, bytes: &[u8]) {
        self.put(&format!("{place}.minisig"), signer.sign(bytes).as_bytes());
    }

    /// Waits until a file is refused for a reason with these words.
    async fn refused_since(&self, place: &str, words: &str) {
        until(words, async || {
            matches!(self.state(place), Some(PluginState::Refused { reason, .. }) if reason.contains(words))
                .then_some(())
        })
        .await;
    }

    fn trusted_by(&self, place: &str) -> Option<String> {
        match self.state(place) {
            Some(PluginState::Live { trusted_by, .. }) => trusted_by.map(|voucher| voucher.to_string()),
            state => panic!("{place} is not live: {state:?}"),
        }
    }
}

#[tokio::test]
async fn i9_only_a_file_that_is_listed_is_let_in() {
    let (one, two) = (plugin("1"), plugin("2"));
    let bench = Bench::trusting(trust(&[Digest::of(&one)], &[]));
    bench.put("a.wasm", &one);
    bench.live("a", &one).await;
    assert_eq!(bench.trusted_by("a.wasm").as_deref(), Some("digest"));
    bench.put("a.wasm", &two);
    let reason = bench.refused("a.wasm").await;
    assert!(reason.contains(&Digest::of(&two).to_string()) && reason.contains("`plugins.trust`"), "{reason}");
    let Some(PluginState::Refused { still_live, .. }) = bench.state("a.wasm") else { panic!("it is refused") };
    assert_eq!(still_live.map(|version| version.digest), Some(Digest::of(&one)));
    assert_eq!(bench.history(), [Some(Digest::of(&one))]);
}

#[tokio::test]
async fn i9_a_signature_that_comes_late_or_is_replaced_is_looked_at() {
    let signer = Signer::new();
    let bench = Bench::trusting(trust(&[], &[(&signer, None)]));
    let (one, two) = (plugin("1"), plugin("2"));
    bench.put("a.wasm", &one);
    bench.refused_since("a.wasm", "there is no signature").await;
    bench.sign("a.wasm", &signer, &one);
    bench.live("a", &one).await;
    assert_eq!(bench.trusted_by("a.wasm"), Some(format!("key {}", signer.public())));
    assert_eq!(bench.catalog.status().len(), 1, "a signature is no plugin: {:?}", bench.catalog.status());

    bench.put("a.wasm", &two);
    bench.refused_since("a.wasm", "not of these bytes").await;
    assert_eq!(bench.digest("a"), Some(Digest::of(&one)));
    bench.sign("a.wasm", &signer, &two);
    bench.live("a", &two).await;

    fs::remove_file(bench.path("a.wasm.minisig")).expect("removed");
    bench.refused_since("a.wasm", "there is no signature").await;
    assert_eq!(bench.history(), [Digest::of(&one), Digest::of(&two)].map(Some));
}

#[tokio::test]
async fn a_signature_by_another_key_or_for_another_application_lets_nothing_in() {
    let (ours, theirs) = (Signer::new(), Signer::new());
    let bench = Bench::trusting(trust(&[], &[(&ours, Some(&["pheidi"]))]));
    let one = plugin("1");
    for (place, signer, words) in [
        ("pheidi.wasm", &theirs, "by a key that is not listed"),
        ("docker.wasm", &ours, "may not vouch for plugins of docker"),
    ] {
        bench.sign(place, signer, &one);
        bench.put(place, &one);
        bench.refused_since(place, words).await;
    }
    bench.put("broken.wasm.minisig", b"trust me");
    bench.put("broken.wasm", &one);
    bench.refused_since("broken.wasm", "no signature of minisign").await;
    fs::create_dir(bench.path("odd.wasm.minisig")).expect("a directory");
    bench.put("odd.wasm", &one);
    bench.refused_since("odd.wasm", "not a regular file").await;
    assert!(bench.catalog.live().borrow().is_empty());

    bench.sign("pheidi/receipts.wasm", &ours, &one);
    bench.put("pheidi/receipts.wasm", &one);
    bench.live("pheidi/receipts", &one).await;
}

#[tokio::test]
async fn what_nobody_vouches_for_is_not_compiled() {
    let bench = Bench::trusting(trust(&[], &[(&Signer::new(), None)]));
    bench.put("a.wasm", b"#!/bin/sh\n");
    let reason = bench.refused("a.wasm").await;
    assert!(reason.contains("there is no signature") && !reason.contains("WebAssembly"), "{reason}");
}
