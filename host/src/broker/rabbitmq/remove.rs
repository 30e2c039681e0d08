//! Deleting a queue that is empty.

use lapin::options::{BasicGetOptions, QueueDeleteOptions};

use super::QueueType;
use super::connection::Link;
use super::form::{Counts, Form, short};
use super::guard::Failure;
use super::inspect::survey;
use crate::name::QueueName;

/// Deletes a queue that has neither messages nor listeners. One that is not there is deleted already.
///
/// RabbitMQ itself makes sure of it for a classic queue. It knows no such order for a quorum queue and closes the
/// connection when it gets one. There it is asked for last, by a `basic.get`, which goes through the queue's log, and
/// what comes between that and the deletion is lost; so are, on queues of both types, messages that somebody has out
/// without a listener, as a browse does.
pub(super) async fn delete_empty(link: &Link, queue: &QueueName) -> Result<(), Failure> {
    let form = Form::queue(queue.as_str(), QueueType::Quorum);
    match form.look(link).await? {
        None => return Ok(()),
        Some(Counts { messages: 0, consumers: 0 }) => {}
        Some(Counts { messages, consumers }) => return Err(in_use(queue, messages, consumers)),
    }
    let survey = survey(link, form).await?;
    let queue_type = survey.differences.iter().find(|difference| difference.setting == "x-queue-type");
    match queue_type.map(|difference| difference.found.as_str()) {
        // One that was declared without a type is classic.
        Some("classic" | "none") => delete(link, queue, true).await,
        None if survey.is_complete => {
            if has_message(link, queue).await? {
                return Err(in_use(queue, 1, 0));
            }
            delete(link, queue, false).await
        }
        found => Err(Failure::Refused(format!(
            "the queue {queue} is of {}, which cannot be deleted only if it is empty: delete it with RabbitMQ's own tools",
            found.map_or_else(|| "a type that RabbitMQ does not tell".to_owned(), |found| format!("type {found}"))
        ))),
    }
}

/// Whether there is a message to get. It goes back as the channel is dropped.
async fn has_message(link: &Link, queue: &QueueName) -> Result<bool, Failure> {
    let channel = link.channel().await?;
    let got = link.guard.run(channel.basic_get(short(queue.as_str()), BasicGetOptions::default())).await?;
    Ok(got.is_some())
}

async fn delete(link: &Link, queue: &QueueName, if_idle: bool) -> Result<(), Failure> {
    let channel = link.channel().await?;
    let options = QueueDeleteOptions { if_unused: if_idle, if_empty: if_idle, ..Default::default() };
    let lost = match link.guard.run(channel.queue_delete(short(queue.as_str()), options)).await {
        Ok(messages) => messages,
        Err(failure) if failure.is_precondition_failed() => {
            return Err(Failure::Refused(format!("the queue {queue} is in use after all, and stays: {failure}")));
        }
        Err(failure) => return Err(failure),
    };
    if lost > 0 {
        tracing::error!(%queue, lost, "messages came into the queue just as it was deleted, and are gone");
    }
    Ok(())
}

fn in_use(queue: &QueueName, messages: u64, consumers: u64) -> Failure {
    Failure::Refused(format!(
        "the queue {queue} is in use, by {messages} message(s) and {consumers} listener(s), and stays: empty it and stop \
         what listens to it first"
    ))
}
