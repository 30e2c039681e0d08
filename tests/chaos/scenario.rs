//! What is played: the plugins, what each may be made to do, the settings, and the events.

use std::fmt::Write;

use leveret::message::{Maker, MessageId};
use leveret::name::PluginId;
use serde::{Deserialize, Serialize};

use crate::dice;

/// What every puppet subscribes to.
pub const EVENT: &str = "puppet.pulled";
/// A sample plugin with its own event, whose queues are empty but for one message now and then: they can be deleted.
pub const CONTROL: &str = "pheidi";
pub const CONTROL_EVENT: &str = "org.payment.processed";
pub const CONTROL_QUEUE: &str = "pheidi.org.payment.processed";
pub const CONTROL_TASK: &str = "pheidi.email.send";

/// One of the plugins: the puppet under a name of its own, with roles that it changes between.
#[derive(Debug)]
pub struct Puppet {
    pub app: &'static str,
    pub roles: &'static [&'static str],
}

/// The puppets. What one role fails at another succeeds at, so that every message can come to an end.
pub const PUPPETS: [Puppet; 6] = [
    Puppet { app: "healthy", roles: &["emit 0/1"] },
    Puppet { app: "slow", roles: &["slow 0/8", "slow 3/8"] },
    Puppet { app: "failing", roles: &["retry 0/4", "retry 1/4", "panic 1/6", "allocate 2/8", "loop 0/50"] },
    Puppet { app: "rejecting", roles: &["reject 0/10", "reject 1/10"] },
    Puppet { app: "mortal", roles: &["retry 0/3", "panic 1/3", "retry 2/3"] },
    Puppet { app: KEYED, roles: &["retry 0/16", "emit 0/1", "retry 5/16"] },
];
/// The puppet whose tasks have to come in order, where that is asked for.
const KEYED: &str = "keyed";
/// The role in which a puppet makes the tasks of every event.
pub const PEACEFUL: &str = "emit 0/1";

impl Puppet {
    pub fn id(&self) -> PluginId {
        plugin(self.app)
    }

    /// The queue of its tasks, which is named like them.
    pub fn task(&self) -> String {
        format!("{}.echo.make", self.app)
    }

    pub fn is_ordered(&self) -> bool {
        self.app == KEYED
    }
}

/// The main plugin of an app.
pub fn plugin(app: &str) -> PluginId {
    PluginId::new(app.parse().expect("a legal name"), app.parse().expect("a legal name"))
}

/// `leveret.toml`. Attempts are many, so that only what is meant to die does; waits are short and few, so that their
/// queues are all there soon. `more` is added at the end.
pub fn settings(ordering: bool, more: &str) -> String {
    let mut settings = String::from(
        r#"
[delivery]
time-limit = "250ms"
[delivery.retry]
minimum = "200ms"
factor = 3.0
maximum = "1800ms"
attempts = 100000

[broker.rabbitmq]
reconnect-maximum = "1s"
answer-limit = "10s"

[shutdown]
grace = "5s"

[plugin.slow]
prefetch = 16

[plugin.mortal.retry]
attempts = 2
"#,
    );
    if ordering {
        settings += "\n[plugin.keyed]\nordering = \"key\"\norder-key = { pointer = \"/key\" }\n";
    }
    let _ = writeln!(settings, "{more}");
    settings
}

/// One event: everything about it follows from the seed and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub number: u64,
    /// How many tasks each puppet makes of it.
    pub tasks: u8,
    /// The line that it belongs to. One publisher publishes all events of a line, by their numbers.
    pub key: Option<u64>,
}

/// The most tasks of one event.
pub const MOST_TASKS: u64 = 3;
/// How many publishers there are, each with a share of the numbers.
pub const PUBLISHERS: u64 = 8;
/// How many lines each publisher has.
const LINES: u64 = 4;

impl Event {
    pub fn of(seed: u64, number: u64) -> Self {
        let throw = |what, sides| dice::throw(seed, what, number, sides);
        // Most events make one task, as most do in life.
        let tasks = if throw("several", 5) == 0 { 1 + throw("tasks", MOST_TASKS) } else { 1 };
        let line = number % PUBLISHERS * LINES + throw("line", LINES);
        Self {
            number,
            tasks: u8::try_from(tasks).expect("a small number"),
            key: (throw("keyed", 2) == 0).then_some(line),
        }
    }

    pub fn id(seed: u64, number: u64) -> String {
        format!("chaos-{seed}-{number}")
    }

    pub fn body(&self) -> String {
        let mut body = serde_json::json!({ "do": "perform", "number": self.number, "tasks": self.tasks });
        if let Some(key) = self.key {
            body["key"] = format!("line-{key}").into();
        }
        body.to_string()
    }
}

/// What a puppet's task says about where it comes from.
#[derive(Debug, Serialize, Deserialize)]
pub struct Echo {
    pub number: u64,
    pub index: u8,
    pub tasks: u8,
}

/// The only id that a task may have (I2).
pub fn task_id(event: &str, plugin: &PluginId, index: u8) -> MessageId {
    let event = MessageId::from_wire(event).expect("a short id");
    MessageId::derived(&event, plugin, Maker::Handler, index.into())
}

/// An event of the control plugin's, which makes one task of it.
pub fn control_body(number: u64) -> String {
    serde_json::json!({
        "organization": { "id": 1, "name": "Chaos" },
        "amount": number + 1,
        "currency": "EUR",
        "paymentMethodOwner": { "email": "nobody@example.com" },
    })
    .to_string()
}

pub fn control_id(seed: u64, number: u64) -> String {
    format!("chaos-{seed}-control-{number}")
}
