//! Where each destination lies at RabbitMQ.

use lapin::types::ShortString;

use super::form::delay_name;
use super::wire;
use crate::broker::{Delay, Destination};
use crate::name::{EventName, QueueName};

/// What must be there before the first publish to a destination.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Declaration {
    Queue(String),
    Event(EventName),
    Delay(Delay),
    Later,
    History,
}

/// The way of a destination, in AMQP's terms.
pub(super) struct Route {
    pub(super) exchange: ShortString,
    pub(super) key: ShortString,
    pub(super) declaration: Option<Declaration>,
}

impl Route {
    pub(super) fn to(destination: &Destination) -> Self {
        let queue = |name: &str| (String::new(), name.to_owned());
        let ((exchange, key), declaration) = match destination {
            Destination::Event(event) => ((event.to_string(), String::new()), Some(Declaration::Event(event.clone()))),
            Destination::Task(task) => (queue(task.as_str()), Some(Declaration::Queue(task.to_string()))),
            Destination::Queue(name) => (queue(name.as_str()), None),
            Destination::Delay { home, wait } => {
                ((delay_name(*wait), home.to_string()), Some(Declaration::Delay(*wait)))
            }
            Destination::History => (queue(QueueName::history().as_str()), Some(Declaration::History)),
            Destination::Later => (queue(QueueName::later().as_str()), Some(Declaration::Later)),
            Destination::Dead(app) => {
                let name = QueueName::dead(app);
                (queue(name.as_str()), Some(Declaration::Queue(name.to_string())))
            }
        };
        // Every name fits a short string, since `crate::name` sees to it.
        let short = |name: String| wire::short(&name).unwrap_or_default();
        Self { exchange: short(exchange), key: short(key), declaration }
    }
}
