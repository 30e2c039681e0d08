//! What a plugin wants to exist becomes messages: with ids, TID and times that are the host's to give.

use super::trace_context::{self, TRACE_PARENT};
use crate::broker::{Destination, Later, Outgoing};
use crate::message::{Attempt, Maker, Message, MessageId, Subject, Timestamp};
use crate::name::PluginId;
use crate::plugin::{Deferral, Draft, take_off};

/// The messages that one call made, in the order in which the plugin gave them.
pub(super) fn emit(source: &Message, plugin: &PluginId, maker: Maker, drafts: Vec<Draft>) -> Vec<Outgoing> {
    let trace = trace_context::of_delivery(source, plugin);
    let (mut tasks, mut events) = (0.., 0..);
    let outgoing = |draft: Draft| {
        let Draft { subject, payload, key, mut headers, deferral } = draft;
        take_off(&mut headers);
        headers.insert(TRACE_PARENT.to_owned(), trace.clone());
        let destination = Destination::of(&subject);
        let (maker, index) = match &subject {
            Subject::Task(_) => (maker, tasks.next()),
            Subject::Event(_) => (Maker::Announcer, events.next()),
        };
        let message = Message {
            id: MessageId::derived(&source.id, plugin, maker, index.expect("it counts on for ever")),
            subject,
            tid: source.tid.clone(),
            source: Some(plugin.app.to_string()),
            time: Timestamp::now(),
            attempt: Attempt::FIRST,
            failures: Vec::new(),
            key,
            headers,
            body: payload,
        };
        let named = |name: &str| Later::named(&plugin.app, name);
        match deferral {
            None => Outgoing { destination, message },
            Some(Deferral::At { moment, name }) => {
                // Without a name it waits under its id, which nobody else's message has.
                let key = name.map_or_else(|| message.id.to_string(), |name| named(&name));
                Later::At { moment, key, message }.outgoing()
            }
            Some(Deferral::Never { name }) => Later::Never { key: named(&name), message }.outgoing(),
        }
    };
    drafts.into_iter().map(outgoing).collect()
}
