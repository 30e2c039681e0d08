//! What happened, as a tree by TID.

use std::fmt::Write;

use crate::cli::tree::{Node, draw};
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
    let micros = record.receipt.time.as_micros();
    let memory = record.receipt.peak_memory / 1024;
    let ran = format!("plugin {} {}", record.plugin, record.version);
    let handled = match &record.settlement {
        Settlement::Done => format!("{ran}  done in {micros} µs with {memory} KiB"),
        Settlement::Retried { reason, wait_ms } => format!("{ran}  tried again in {wait_ms} ms: {reason}"),
        Settlement::Dead { reason } => format!("{ran}  dead letter: {reason}"),
        Settlement::Duplicate => format!("{ran}  dropped: handled before"),
        Settlement::Returned { reason } => format!("{ran}  returned: {reason}"),
    };
    let event =
        Node::new(format!("event {}", record.subject), vec![Node::new(handled, tasks.iter().map(task).collect())]);
    format!("{title}\nTID {}\n{}", record.tid, draw(&[event]))
}

fn task(task: &Message) -> Node {
    let key = task.key.as_ref().map_or_else(String::new, |key| format!("  key {key}"));
    Node::new(format!("task {}{key}\n{}", task.subject, String::from_utf8_lossy(&task.body)), Vec::new())
}

fn line(text: &mut String, line: String) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
