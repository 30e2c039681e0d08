//! What a call costs in a fresh instance and in one that is reused, for a plugin of each language beside Rust's.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret::message::{Headers, MessageId, Tid, Timestamp};
use leveret::name::{EventName, PluginId};
use leveret::plugin::{Budget, Incoming, Live, Outcome, PluginSettings, Reuse, Sandbox, SandboxOptions, What};

use super::figures::{Figures, median, quantile};
use leveret_tests::guests;
use leveret_tests::stage::Failure;

/// Rounds that count; one more warms up. Each goes through all plugins, so that they share whatever disturbs.
const ROUNDS: usize = 10;
/// Calls of one plugin in one round, one after the other.
const CALLS: usize = 50;
/// What every plugin gets.
const PAYLOAD: &str = r#"{"do": "emit", "user": {"email": "ada@example.org"}, "amount": 4200}"#;
const MEMORY: u64 = 128 << 20;
const LONG: Duration = Duration::from_secs(60);

/// A plugin, and how long its calls took, in µs.
struct Guest {
    language: String,
    event: EventName,
    fresh: (Live, Vec<f64>),
    reused: (Live, Vec<f64>),
}

/// The files: of each language the one that the conformance suite has built; without Rust's, the puppet.
fn files() -> Result<Vec<(String, PathBuf, EventName)>, Failure> {
    let puppet = guests::path("puppet");
    let built = puppet.with_file_name("../conformance");
    let mut files = Vec::new();
    for language in ["rust", "c", "cpp", "ts", "js", "go", "python"] {
        let file = built.join(language).with_extension("wasm");
        match file.is_file() {
            true => files.push((language.into(), file, "conformance.echoed".parse()?)),
            false if language == "rust" => files.push(("rust".into(), puppet.clone(), "puppet.pulled".parse()?)),
            false => eprintln!("  there is no plugin in {language}: ./dev conformance makes it"),
        }
    }
    Ok(files)
}

/// Calls each plugin's handler as the pipeline does.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let options = SandboxOptions { concurrency: 16, memory_maximum: MEMORY, ..SandboxOptions::default() };
    let sandbox = Sandbox::new(&options)?;
    let mut guests = Vec::new();
    for (language, file, event) in files()? {
        let bytes = fs::read(file)?;
        let begun = Instant::now();
        let fresh = live(&sandbox, &bytes, None).await?;
        figures.add(
            format!("compile_{language}_ms"),
            begun.elapsed().as_secs_f64() * 1e3,
            format!("ms to compile the plugin in {language}, {:.1} MB", bytes.len() as f64 / 1e6),
        );
        let reuse = Reuse { calls: u32::MAX, memory: MEMORY, idle: LONG };
        let reused = live(&sandbox, &bytes, Some(reuse)).await?;
        guests.push(Guest { language, event, fresh: (fresh, Vec::new()), reused: (reused, Vec::new()) });
    }
    for round in 0..=ROUNDS {
        for Guest { event, fresh, reused, .. } in &mut guests {
            for (live, times) in [fresh, reused] {
                let taken = call(live, event).await?;
                if round > 0 {
                    times.extend(taken);
                }
            }
        }
    }
    let baseline = guests.first().map(|rust| median(&rust.fresh.1)).unwrap_or(f64::NAN);
    for Guest { language, fresh: (_, fresh), reused: (_, reused), .. } in &guests {
        let of = format!("of {} calls of the plugin in {language}", ROUNDS * CALLS);
        figures.add(format!("fresh_{language}_us"), median(fresh), format!("µs in a fresh instance, median {of}"));
        figures.add(format!("fresh_{language}_p99_us"), quantile(fresh, 0.99), "the same, p99");
        figures.add(format!("reused_{language}_us"), median(reused), "µs in a reused instance, median");
        figures.add(format!("reused_{language}_p99_us"), quantile(reused, 0.99), "the same, p99");
        figures.add(format!("fresh_{language}_to_rust"), median(fresh) / baseline, "its fresh instance to Rust's");
    }
    Ok(())
}

async fn live(sandbox: &Arc<Sandbox>, bytes: &[u8], reuse: Option<Reuse>) -> Result<Live, Failure> {
    let id = PluginId::new("conformance".parse()?, "conformance".parse()?);
    let (compiling, copy) = (sandbox.clone(), bytes.to_vec());
    let compiled = tokio::task::spawn_blocking(move || compiling.compile(&copy)).await??;
    let description = compiled.describe(&id.app, LONG, MEMORY).await?;
    let (output_count, output_size) = (1000, 4 << 20);
    let budget = Budget { time: LONG, wasm_time: LONG, recovery: LONG, memory: MEMORY, output_count, output_size };
    Ok(compiled.reusing(reuse).into_live(id, description, budget, PluginSettings::default()))
}

/// How many µs each call took.
async fn call(live: &Live, name: &EventName) -> Result<Vec<f64>, Failure> {
    let (tid, headers) = (Tid::fresh(), Headers::new());
    let mut taken = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let (id, time) = (MessageId::fresh(), Timestamp::now());
        let what = What::Event { name, source: None };
        let event = Incoming { what, id: &id, tid: &tid, time, payload: PAYLOAD, headers: &headers };
        let begun = Instant::now();
        let outcome = live.handler.handle(event).await.outcome;
        taken.push(begun.elapsed().as_secs_f64() * 1e6);
        if !matches!(outcome, Outcome::Done(_)) {
            return Err(format!("the plugin failed: {outcome:?}").into());
        }
    }
    Ok(taken)
}
