//! What happened, as a tree by TID.

use std::fmt::Write;

use super::transaction::Transaction;
use crate::cli::tree::{Node, draw};
use crate::delivery::{Emitted, Record, Settlement};
use crate::message::{Message, MessageId};
use crate::plugin::LiveSet;

/// Every live plugin with what it turns into what.
pub(super) fn plugins(live: &LiveSet) -> String {
    let mut text = String::from("Live plugins\n");
    for plugin in live.values() {
        let description = &plugin.description;
        let events = description.announces.iter().map(|event| event.as_str());
        let makes: Vec<_> = events.chain(description.emits.iter().map(|task| task.as_str())).collect();
        let handles: Vec<_> = description.subjects().map(|subject| subject.to_string()).collect();
        line(&mut text, format!("  {:16} {}", plugin.id.to_string(), plugin.version));
        line(&mut text, format!("                   {} → {}", handles.join(", "), makes.join(", ")));
    }
    text
}

/// One event, and everything that it caused.
pub(super) fn scene(title: &str, transaction: &Transaction) -> String {
    let event = &transaction.event;
    let root = Node::new(format!("event {}", event.subject), handled(&event.id, transaction));
    format!("{title}\nTID {}\n{}", event.tid, draw(&[root]))
}

/// The deliveries of a message, each with what it made below it.
fn handled(id: &MessageId, transaction: &Transaction) -> Vec<Node> {
    let deliveries = transaction.records.iter().filter(|record| record.id == *id);
    deliveries.map(|record| Node::new(delivery(record), made(record, transaction))).collect()
}

fn made(record: &Record, transaction: &Transaction) -> Vec<Node> {
    let node = |made: &Emitted| match transaction.tasks.get(&made.id) {
        Some(task) => waiting(task),
        None => Node::new(format!("{} {}", kind(record, made), made.name), handled(&made.id, transaction)),
    };
    record.emitted.iter().map(node).collect()
}

/// What a plugin makes is a task of its own application, or an event, which never begins with an application's name.
fn kind(record: &Record, made: &Emitted) -> &'static str {
    match made.name.split('.').next() {
        Some(first) if first == record.plugin.app.as_str() => "task",
        _ => "event",
    }
}

fn delivery(record: &Record) -> String {
    let micros = record.receipt.time.as_micros();
    let memory = record.receipt.peak_memory / 1024;
    let ran = format!("plugin {} {}", record.plugin, record.version);
    match &record.settlement {
        Settlement::Done => format!("{ran}  done in {micros} µs with {memory} KiB"),
        Settlement::Retried { reason, wait_ms } => format!("{ran}  tried again in {wait_ms} ms: {reason}"),
        Settlement::Dead { reason } => format!("{ran}  dead letter: {reason}"),
        Settlement::Duplicate => format!("{ran}  dropped: handled before"),
        Settlement::Returned { reason } => format!("{ran}  returned: {reason}"),
    }
}

/// A task that waits for a service to perform it.
fn waiting(task: &Message) -> Node {
    let key = task.key.as_ref().map_or_else(String::new, |key| format!("  key {key}"));
    Node::new(format!("task {}{key}\n{}", task.subject, String::from_utf8_lossy(&task.body)), Vec::new())
}

fn line(text: &mut String, line: String) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
