//! A plugin's file: compiled, described and verified, or refused in words of bounded length. It never runs longer or
//! takes more than it may.

#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use leveret::name::AppName;
use leveret::plugin::{Digest, Refusal, Sandbox, SandboxOptions};
use libfuzzer_sys::{Corpus, fuzz_target};
use tokio::runtime::{Builder, Runtime};

/// Larger files only take longer.
const SIZE_LIMIT: usize = 16 * 1024;
const MEMORY: u64 = 4 * 1024 * 1024;
/// Two ticks: a loop costs each input that has one so long.
const TIME: Duration = Duration::from_millis(10);

static SANDBOX: LazyLock<Arc<Sandbox>> = LazyLock::new(|| {
    let options = SandboxOptions { cache: None, concurrency: 1, memory_maximum: MEMORY, ..SandboxOptions::default() };
    Sandbox::new(&options).expect("an engine")
});

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if bytes.len() > SIZE_LIMIT {
        return Corpus::Reject;
    }
    let compiled = match SANDBOX.compile(bytes) {
        Ok(compiled) => compiled,
        Err(refusal) => return refused(&refusal),
    };
    assert_eq!(compiled.digest, Digest::of(bytes));
    let app: AppName = "pheidi".parse().expect("a legal name");
    match RUNTIME.block_on(compiled.describe(&app, TIME, MEMORY)) {
        // I3: whatever it is, its tasks are its own application's.
        Ok(described) => {
            assert!(described.emits.iter().chain(&described.performs).all(|task| task.app() == app), "{described:?}");
            Corpus::Keep
        }
        Err(refusal) => refused(&refusal),
    }
});

fn refused(refusal: &Refusal) -> Corpus {
    let words = refusal.to_string();
    assert!(words.len() <= 40 * SIZE_LIMIT, "{} bytes", words.len());
    Corpus::Keep
}
