//! What is wanted of the file's queues, and how they stand there.
//!
//! An event is no thing of its own here, only the bindings of queues to it: its exchange stands as wanted where the
//! subscription's queue is bound. Delays need nothing, since all that waits is in one table.

use super::flight::Flight;
use super::store::Store;
use crate::broker::{Binding, BrokerError, Finding, Source, Standing, Wanted};
use crate::message::Subject;
use crate::name::QueueName;

/// Refuses a source of what this broker does not have.
pub fn check(source: &Source) -> Result<(), BrokerError> {
    match source.binding {
        Binding::Unbound | Binding::Event => Ok(()),
        Binding::Exchange(_) => Err(BrokerError::Refused(
            "the embedded broker has events only; exchanges of other services need RabbitMQ: set `broker.url`".into(),
        )),
    }
}

/// How one wanted thing stands.
pub fn find(wanted: &Wanted, store: &Store, flight: &Flight) -> rusqlite::Result<Vec<Finding>> {
    Ok(match wanted {
        Wanted::Subscription(source) => {
            let mut findings = vec![queue(&source.queue, store, flight)?];
            findings.extend(exchange(source, store)?);
            findings
        }
        Wanted::Task(task) => vec![queue(&QueueName::task(task), store, flight)?],
        Wanted::Dead(app) => vec![queue(&QueueName::dead(app), store, flight)?],
        Wanted::Delay(delay) => vec![finding("queue", &format!("leveret.delay.{}", delay.millis()), Some(BY_NATURE))],
        Wanted::Later => vec![queue(&QueueName::later(), store, flight)?],
        Wanted::History if store.keeps_history() => {
            vec![finding("queue", QueueName::history().as_str(), Some(BY_NATURE))]
        }
        Wanted::History | Wanted::AlternateExchange => Vec::new(),
    })
}

/// Makes what is missing of it.
pub fn declare(wanted: &Wanted, store: &Store) -> rusqlite::Result<()> {
    match wanted {
        Wanted::Subscription(source) => store.declare(source).map(drop),
        Wanted::Task(task) => store.make_queue(task.as_str()).map(drop),
        Wanted::Dead(app) => store.make_queue(QueueName::dead(app).as_str()).map(drop),
        Wanted::Later => store.make_queue(QueueName::later().as_str()).map(drop),
        Wanted::Delay(_) | Wanted::History | Wanted::AlternateExchange => Ok(()),
    }
}

/// Deletes a queue that nobody would miss; an absent one is deleted already.
pub fn delete_empty(name: &QueueName, store: &Store, flight: &mut Flight) -> rusqlite::Result<Result<(), BrokerError>> {
    let Some((queue, stored)) = store.stored(name)? else { return Ok(Ok(())) };
    let consumers = flight.consumers(queue);
    if stored > 0 || consumers > 0 {
        let refused = format!("{name} is not deleted: it has {stored} message(s) and {consumers} listener(s)");
        return Ok(Err(BrokerError::Refused(refused)));
    }
    store.delete(queue)?;
    flight.forget(queue);
    Ok(Ok(()))
}

/// What needs nothing to be made.
const BY_NATURE: Standing = Standing::AsWanted { messages: None, consumers: None };

fn queue(name: &QueueName, store: &Store, flight: &Flight) -> rusqlite::Result<Finding> {
    let standing = store.stored(name)?.map(|(queue, stored)| Standing::AsWanted {
        messages: Some(stored.saturating_sub(flight.out(queue))),
        consumers: Some(flight.consumers(queue)),
    });
    Ok(finding("queue", name.as_str(), standing))
}

fn exchange(source: &Source, store: &Store) -> rusqlite::Result<Option<Finding>> {
    Ok(match (&source.binding, &source.subject) {
        (Binding::Event, Subject::Event(event)) => {
            let bound = store.is_bound(&source.queue, event)?;
            Some(finding("exchange", event.as_str(), bound.then_some(BY_NATURE)))
        }
        (Binding::Exchange(exchange), _) => Some(finding("exchange", &exchange.name, None)),
        _ => None,
    })
}

fn finding(kind: &'static str, name: &str, standing: Option<Standing>) -> Finding {
    Finding { kind, name: name.into(), standing: standing.unwrap_or(Standing::Missing) }
}
