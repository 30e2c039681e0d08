//! What is made at RabbitMQ, and what is adopted as it stands.

use lapin::options::QueueBindOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::clash::Clash;
use super::connection::Link;
use super::form::{Form, Kind, SINGLE_ACTIVE, short};
use super::guard::Failure;
use super::inspect::survey;
use super::{QueueType, header, wire};
use crate::broker::{Binding, Delay, Exchange, Routing, Source, Wanted, no_history};
use crate::message::Subject;
use crate::name::{EventName, QueueName};

/// Makes sure that the queue of a source exists, and that its messages come into it.
pub(super) async fn source(link: &Link, source: &Source, queue_type: QueueType) -> Result<(), Failure> {
    make(link, &Form::source(source, queue_type)).await?;
    let queue = Form::source(source, queue_type).name;
    match (&source.binding, &source.subject) {
        (Binding::Unbound, _) => Ok(()),
        (Binding::Event, Subject::Event(name)) => {
            event(link, name).await?;
            bind(link, queue, &Form::event(name), "", FieldTable::default()).await
        }
        (Binding::Event, Subject::Task(task)) => {
            Err(Failure::Refused(format!("the task {task} has no exchange: its queue is bound to nothing")))
        }
        (Binding::Exchange(from), _) => exchange(link, queue, from).await,
    }
}

/// Refuses a queue that cannot keep the order that its source asks for.
pub(super) async fn demand_single_active(link: &Link, source: &Source, queue_type: QueueType) -> Result<(), Failure> {
    let survey = survey(link, Form::source(source, queue_type)).await?;
    let found = match survey.differences.iter().find(|difference| difference.setting == SINGLE_ACTIVE) {
        Some(difference) => difference.found.as_str(),
        None if survey.is_complete => return Ok(()),
        None => "what RabbitMQ does not tell",
    };
    let queue = &source.queue;
    Err(Failure::Refused(format!(
        "the queue {queue} stands with {SINGLE_ACTIVE} {found}, and true is wanted, so that its order could not be kept: \
         make it anew while it is empty (leveret topology apply --recreate {queue}), or give up its `ordering`"
    )))
}

/// Makes sure that an event's exchange exists, and that the event is kept. An exchange that is a fanout with other
/// settings is adopted.
pub(super) async fn event(link: &Link, event: &EventName) -> Result<(), Failure> {
    let form = Form::event(event);
    make(link, &form).await?;
    keep(link, form, Routing::Fanout).await
}

/// Lets what comes by an exchange come into the history too, if one is kept.
async fn keep(link: &Link, exchange: Form, routing: Routing) -> Result<(), Failure> {
    match &link.history {
        Some(history) => history.keep(link, exchange, routing).await,
        None => Ok(()),
    }
}

/// Makes sure that the history is kept.
pub(super) async fn history(link: &Link) -> Result<(), Failure> {
    match &link.history {
        Some(history) => history.declare(link).await,
        None => Err(Failure::Refused(no_history().to_string())),
    }
}

/// Makes sure that messages can wait for their moment.
pub(super) async fn later(link: &Link) -> Result<(), Failure> {
    make(link, &Form::later()).await
}

/// Makes the exchange by which a policy can lead into the history what is not routed elsewhere.
async fn alternate_exchange(link: &Link) -> Result<(), Failure> {
    history(link).await?;
    let exchange = Form::alternate_exchange();
    make(link, &exchange).await?;
    bind(link, short(QueueName::history().as_str()), &exchange, "", FieldTable::default()).await
}

/// Makes sure that a queue exists. One that does is adopted, whatever its type and settings: another service owns it.
pub(super) async fn queue(link: &Link, name: &str, queue_type: QueueType) -> Result<(), Failure> {
    make(link, &Form::queue(name, queue_type)).await
}

/// Makes sure that messages can wait for a delay, in one queue for all plugins.
///
/// A queue of this name that stands otherwise is refused: messages might never come out of it, or be lost in it.
pub(super) async fn delay(link: &Link, delay: Delay) -> Result<(), Failure> {
    let queue = Form::delay(delay);
    if let Err(failure) = queue.declare(link).await {
        let Some(Clash { setting, wanted, found }) = failure.clash() else { return Err(failure) };
        let name = &queue.name;
        return Err(Failure::Refused(format!(
            "the queue {name}, in which messages wait for their next attempt, stands with {setting} {found}, and \
             {wanted} is wanted: make it anew while it is empty (leveret topology apply --recreate {name})"
        )));
    }
    delay_exchange(link, delay).await
}

async fn delay_exchange(link: &Link, delay: Delay) -> Result<(), Failure> {
    let exchange = Form::delay_exchange(delay);
    make(link, &exchange).await?;
    bind(link, Form::delay(delay).name, &exchange, "", FieldTable::default()).await
}

/// Makes what is missing. What stands otherwise stays.
pub(super) async fn wanted(link: &Link, wanted: &Wanted, queue_type: QueueType) -> Result<(), Failure> {
    match wanted {
        Wanted::Subscription(wanted) => source(link, wanted, queue_type).await,
        Wanted::Task(task) => queue(link, task.as_str(), queue_type).await,
        Wanted::Dead(app) => queue(link, QueueName::dead(app).as_str(), queue_type).await,
        Wanted::Delay(wait) => {
            make(link, &Form::delay(*wait)).await?;
            delay_exchange(link, *wait).await
        }
        Wanted::Later => later(link).await,
        Wanted::History if link.history.is_none() => Ok(()),
        Wanted::History => history(link).await,
        Wanted::AlternateExchange => alternate_exchange(link).await,
    }
}

/// How many messages are ready in a queue; `None` if there is no such queue.
pub(super) async fn depth(link: &Link, queue: &str) -> Result<Option<u64>, Failure> {
    let counts = Form::queue(queue, QueueType::Quorum).look(link).await?;
    Ok(counts.map(|counts| counts.messages))
}

/// Makes it unless it exists. What does is adopted, except for an exchange of another type, which routes otherwise.
pub(super) async fn make(link: &Link, form: &Form) -> Result<(), Failure> {
    // A queue is asked for first, since the right to make it may be its owner's alone, and others make them too.
    if form.kind == Kind::Queue && form.look(link).await?.is_some() {
        return Ok(());
    }
    let Err(failure) = form.declare(link).await else { return Ok(()) };
    match failure.clash() {
        Some(Clash { setting, wanted, found }) if setting == "type" => Err(Failure::Refused(format!(
            "the exchange {} is of type {found}, and {wanted} is wanted: subscribe to it as an exchange of its own \
             type, or have the service that made it make it as {wanted}",
            form.name
        ))),
        Some(_) => Ok(()),
        // Another service's, which it alone may make: whether its type fits shows when the queue is bound. Or somebody was
        // quicker: RabbitMQ may fail one of two who make a queue at once.
        None if failure.is_refusal() && form.look(link).await?.is_some() => Ok(()),
        None => Err(failure),
    }
}

/// Lets the wanted messages of another service's exchange come into a queue.
async fn exchange(link: &Link, queue: ShortString, from: &Exchange) -> Result<(), Failure> {
    let form = Form::exchange(from)?;
    make(link, &form).await?;
    keep(link, form.clone(), from.routing.clone()).await?;
    route(link, queue, &form, &from.routing).await
}

/// Binds a queue to an exchange, so that the wanted messages come.
pub(super) async fn route(link: &Link, queue: ShortString, form: &Form, routing: &Routing) -> Result<(), Failure> {
    match routing {
        Routing::Fanout => bind(link, queue, form, "", FieldTable::default()).await,
        Routing::Direct(keys) | Routing::Topic(keys) => {
            for key in keys {
                bind(link, queue.clone(), form, key, FieldTable::default()).await?;
            }
            Ok(())
        }
        Routing::Headers { all, headers } => {
            let mut arguments = FieldTable::default();
            for (name, value) in headers {
                arguments.insert(fitting("the header", name)?, header::to_amqp(value));
            }
            // RabbitMQ passes over headers whose name begins with "x-" unless told not to.
            let matching = match (all, headers.keys().any(|name| name.starts_with("x-"))) {
                (true, false) => "all",
                (true, true) => "all-with-x",
                (false, false) => "any",
                (false, true) => "any-with-x",
            };
            arguments.insert("x-match".into(), AMQPValue::LongString(matching.into()));
            bind(link, queue, form, "", arguments).await
        }
    }
}

async fn bind(
    link: &Link,
    queue: ShortString,
    exchange: &Form,
    key: &str,
    arguments: FieldTable,
) -> Result<(), Failure> {
    let key = fitting("the routing key", key)?;
    let channel = link.channel().await?;
    let options = QueueBindOptions::default();
    link.guard.run(channel.queue_bind(queue, exchange.name.clone(), key, options, arguments)).await
}

fn fitting(what: &str, text: &str) -> Result<ShortString, Failure> {
    wire::short(text).ok_or_else(|| Failure::Refused(format!("{what} {text:?} cannot be: it is over 255 bytes")))
}
