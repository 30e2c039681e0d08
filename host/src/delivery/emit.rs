//! What a plugin wants to exist becomes messages: with ids, TID and times that are the host's to give.

use crate::broker::{Destination, Outgoing};
use crate::message::{Attempt, Message, MessageId, Subject, Timestamp};
use crate::name::PluginId;
use crate::plugin::Draft;

/// The W3C trace context, carried on from what caused a message.
const TRACE_PARENT: &str = "traceparent";

/// The messages of one delivery, in the order in which the plugin gave them.
pub(super) fn emit(source: &Message, plugin: &PluginId, drafts: Vec<Draft>) -> Vec<Outgoing> {
    let task = |(index, draft): (usize, Draft)| {
        let Draft { task, payload, key, mut headers } = draft;
        if let Some(parent) = source.headers.get(TRACE_PARENT) {
            headers.insert(TRACE_PARENT.to_owned(), parent.clone());
        }
        let message = Message {
            subject: Subject::Task(task.clone()),
            id: MessageId::derived(&source.id, plugin, index),
            tid: source.tid.clone(),
            source: Some(plugin.app.to_string()),
            time: Timestamp::now(),
            attempt: Attempt::FIRST,
            failures: Vec::new(),
            key,
            headers,
            body: payload,
        };
        Outgoing { destination: Destination::Task(task), message }
    };
    drafts.into_iter().enumerate().map(task).collect()
}
