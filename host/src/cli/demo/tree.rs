//! What happened, as a tree by TID.

use std::fmt::Write;

use crate::delivery::{Record, Settlement};
use crate::message::Message;
use crate::plugin::LiveSet;

/// Every live plugin with what it turns into what.
pub(super) fn plugins(live: &LiveSet) -> String {
    let mut text = String::from("Live plugins\n");
    for plugin in live.values() {
        let events: Vec<_> = plugin.description.subscriptions.iter().map(|event| event.as_str()).collect();
        let tasks: Vec<_> = plugin.description.emits.iter().map(|task| task.as_str()).collect();
        line(&mut text, format!("  {:10} {}", plugin.id.to_string(), plugin.version));
        line(&mut text, format!("             {} → {}", events.join(", "), tasks.join(", ")));
    }
    text
}

/// One event, what handled it, and what it caused.
pub(super) fn scene(title: &str, record: &Record, tasks: &[Message]) -> String {
    let mut text = format!("{title}\n");
    line(&mut text, format!("TID {}", record.tid));
    line(&mut text, format!("└─ event {}", record.subject));
    let micros = record.receipt.time.as_micros();
    let memory = record.receipt.peak_memory / 1024;
    let ran = format!("   └─ plugin {} {}", record.plugin, record.version);
    line(
        &mut text,
        match &record.settlement {
            Settlement::Done => format!("{ran}  done in {micros} µs with {memory} KiB"),
            Settlement::Retried { reason, wait_ms } => format!("{ran}  tried again in {wait_ms} ms: {reason}"),
            Settlement::Dead { reason } => format!("{ran}  dead letter: {reason}"),
            Settlement::Duplicate => format!("{ran}  dropped: handled before"),
            Settlement::Returned { reason } => format!("{ran}  returned: {reason}"),
        },
    );
    for (index, task) in tasks.iter().enumerate() {
        let branch = if index + 1 == tasks.len() { "└─" } else { "├─" };
        let key = task.key.as_ref().map_or_else(String::new, |key| format!("  key {key}"));
        line(&mut text, format!("      {branch} task {}{key}", task.subject));
        let stem = if index + 1 == tasks.len() { " " } else { "│" };
        line(&mut text, format!("      {stem}     {}", String::from_utf8_lossy(&task.body)));
    }
    text
}

fn line(text: &mut String, line: String) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
