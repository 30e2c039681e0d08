//! What a plugin takes too much of: time, memory, stack, output. It fails, and the next delivery is none the worse for it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::conformance::guest::{Given, Guest};
use crate::conformance::verdict::{Verdict, holds, retried};

fn fails(guest: &Guest, instruction: &Value, words: &[&str]) -> Verdict {
    retried(&guest.ask(instruction), words)?;
    guest.report(&json!({ "do": "facts" })).map(drop)
}

pub fn endless_loop(guest: &Guest) -> Verdict {
    // A fraction of what it asks for, since each language waits for its end.
    let hurried = guest.within(Duration::from_millis(700))?;
    let begun = Instant::now();
    fails(&hurried, &json!({ "do": "loop" }), &["the plugin failed", "limit of 700ms"])?;
    let taken = begun.elapsed();
    holds(taken < Duration::from_secs(5), "an end within 5 s", format!("{taken:?}"))
}

/// It ends by the host's hand or by the language's own error; never does it get more.
pub fn memory_bomb(guest: &Guest) -> Verdict {
    let limit = 128 << 20;
    let invocation = guest.deliver(&Given::asked(&json!({ "do": "memory" })));
    retried(&invocation.outcome, &[])?;
    let peak = invocation.receipt.peak_memory;
    holds(peak <= limit && peak > limit / 4, format!("a peak of memory up to {limit} bytes"), peak)?;
    guest.report(&json!({ "do": "facts" })).map(drop)
}

pub fn stack_overflow(guest: &Guest) -> Verdict {
    fails(guest, &json!({ "do": "recurse" }), &[])
}

pub fn too_many_tasks(guest: &Guest) -> Verdict {
    fails(guest, &json!({ "do": "emit", "count": 1001, "size": 0 }), &["1001", "at most 1000"])
}

pub fn too_many_bytes(guest: &Guest) -> Verdict {
    fails(guest, &json!({ "do": "emit", "count": 5, "size": 1 << 20 }), &["at most 4194304"])
}
