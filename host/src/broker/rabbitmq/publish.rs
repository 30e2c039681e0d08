//! Publishing: one task, one channel, and windows that are settled as a whole.
//!
//! RabbitMQ returns a message that it cannot route just before it confirms it, and lapin hangs a returned message on
//! whichever confirmation comes next: with many in flight, on that of another message. So a window of messages is
//! published at once, all of its confirmations are awaited, the returned messages are told by what is written on them,
//! and only then does anybody hear about any message of the window. No confirmation spans two windows.
//!
//! A message over RabbitMQ's `max_message_size` ends the channel, and only RabbitMQ knows that size. It says it as it does
//! so; the rest of the window goes again without such messages, under the same ids.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use lapin::message::{BasicReturnMessage, Delivery};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::{mpsc, oneshot};

use super::connection::{Backoff, Connector, Link, Supervised};
use super::guard::Failure;
use super::history::History;
use super::route::{Declaration, Route};
use super::{Options, plain, topology, wire};
use crate::broker::{Destination, Outgoing, PublishError, Published};
use crate::message::Subject;

/// The most messages that are on their way to RabbitMQ and unconfirmed. Beyond it RabbitMQ is no faster.
const WINDOW: usize = 256;

/// Publishes for any number of concurrent callers.
#[derive(Debug)]
pub(super) struct Publisher {
    entries: mpsc::Sender<Entry>,
    connection: Supervised,
    limit: Duration,
    history: Option<Arc<History>>,
}

impl Publisher {
    pub(super) fn start(connection: Supervised, connector: &Connector) -> Self {
        let (entries, receiver) = mpsc::channel(WINDOW);
        let (options, closing) = (connector.options.clone(), connector.closing.clone());
        let limit = options.answer_limit;
        let worker = Worker { connection: connection.clone(), options, session: None };
        connector.tasks.spawn(async move {
            closing.run_until_cancelled(worker.run(receiver)).await;
        });
        Self { entries, connection, limit, history: connector.history.clone() }
    }

    pub(super) async fn publish(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        match tokio::time::timeout(self.limit, self.publish_all(batch)).await {
            Ok(result) => result,
            Err(_) if self.connection.is_up() => Err(PublishError::Unconfirmed(self.limit)),
            Err(_) => Err(PublishError::Unreachable(self.connection.why_not())),
        }
    }

    async fn publish_all(&self, batch: Vec<Outgoing>) -> Result<Published, PublishError> {
        let mut waiting = Vec::with_capacity(batch.len());
        let events: HashSet<_> = batch.iter().filter_map(|outgoing| outgoing.destination.event()).cloned().collect();
        for outgoing in batch {
            let id = outgoing.message.id.clone();
            let (answer, fate) = oneshot::channel();
            self.entries.send(Entry { outgoing, answer }).await.map_err(|_| closed())?;
            waiting.push((id, fate));
        }
        let (mut unheard, mut returned, mut failure) = (Vec::new(), Vec::new(), None);
        let (mut refused, mut too_large) = (Vec::new(), Vec::new());
        for (id, fate) in waiting {
            match fate.await {
                Ok(Fate::Held) => {}
                Ok(Fate::Unheard) => unheard.push(id),
                Ok(Fate::Returned) => returned.push(id),
                Ok(Fate::Refused) => refused.push(id),
                Ok(Fate::TooLarge) => too_large.push(id),
                Ok(Fate::Unknown(error)) => failure = Some(error),
                Err(_) => failure = Some(closed()),
            }
        }
        let kept = self.history.as_ref().is_some_and(|history| history.keeps(&events));
        match failure {
            // Told first: it is the one that another try does not mend.
            _ if !too_large.is_empty() => Err(PublishError::TooLarge(too_large)),
            Some(error) => Err(error),
            None if !refused.is_empty() => Err(PublishError::Refused(refused)),
            None if !returned.is_empty() => Err(PublishError::Returned(returned)),
            None => Ok(Published { unheard, kept }),
        }
    }
}

fn closed() -> PublishError {
    PublishError::Unreachable("it was closed".into())
}

/// One message to publish, and who waits for it.
struct Entry {
    outgoing: Outgoing,
    answer: oneshot::Sender<Fate>,
}

/// What became of a message.
enum Fate {
    Held,
    Unheard,
    Returned,
    Refused,
    TooLarge,
    Unknown(PublishError),
}

impl From<&Failure> for Fate {
    fn from(failure: &Failure) -> Self {
        Self::Unknown(match failure {
            Failure::Late(limit) => PublishError::Unconfirmed(*limit),
            Failure::Lost(_) | Failure::Lapin(_) | Failure::Refused(_) => {
                PublishError::Unreachable(failure.to_string())
            }
        })
    }
}

/// A message that is ready to go.
struct Prepared {
    entry: Entry,
    route: Route,
    properties: BasicProperties,
    body: Bytes,
}

impl Prepared {
    fn mark(&self) -> Mark {
        let Route { exchange, key, .. } = &self.route;
        Mark { exchange: exchange.clone(), key: key.clone(), id: self.properties.message_id().clone() }
    }
}

/// What a returned message is known by.
#[derive(PartialEq, Eq, Hash)]
struct Mark {
    exchange: ShortString,
    key: ShortString,
    id: Option<ShortString>,
}

impl Mark {
    fn of(returned: BasicReturnMessage) -> Self {
        let Delivery { exchange, routing_key, properties, .. } = returned.delivery;
        Self { exchange, key: routing_key, id: properties.message_id().clone() }
    }
}

/// A channel in confirm mode, and what was declared since it was opened.
struct Session {
    link: Arc<Link>,
    channel: Channel,
    declared: HashSet<Declaration>,
}

impl Session {
    async fn open(link: Arc<Link>) -> Result<Self, Failure> {
        let channel = link.channel().await?;
        link.guard.run(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(Self { link, channel, declared: HashSet::new() })
    }

    fn is_alive(&self) -> bool {
        !self.link.guard.is_lost() && self.channel.status().connected()
    }

    async fn declare(&mut self, route: &Route, options: &Options) -> Result<(), Failure> {
        let Some(declaration) = route.declaration.as_ref().filter(|it| !self.declared.contains(*it)) else {
            return Ok(());
        };
        match declaration {
            Declaration::Queue(name) => topology::queue(&self.link, name, options.queue_type).await?,
            Declaration::Event(name) => topology::event(&self.link, name).await?,
            Declaration::Delay(delay) => topology::delay(&self.link, *delay).await?,
            Declaration::Later => topology::later(&self.link).await?,
            Declaration::History => topology::history(&self.link).await?,
        }
        self.declared.insert(declaration.clone());
        Ok(())
    }

    /// Publishes a window and waits until RabbitMQ has confirmed all of it, in whichever way.
    async fn publish(&self, window: &[Prepared]) -> Result<Vec<Confirmation>, Failure> {
        // Mandatory throughout: what cannot be routed comes back instead of vanishing.
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let publish = |message: &Prepared| {
            let Route { exchange, key, .. } = &message.route;
            let (exchange, key, properties) = (exchange.clone(), key.clone(), message.properties.clone());
            let body = message.body.clone();
            async move { self.channel.basic_publish(exchange, key, options, &body, properties).await }
        };
        // All at once: to await each write to the socket would halve the rate.
        self.link.guard.run(async { try_join_all(try_join_all(window.iter().map(publish)).await?).await }).await
    }
}

/// The task that publishes.
struct Worker {
    connection: Supervised,
    options: Options,
    session: Option<Session>,
}

impl Worker {
    async fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut window = Vec::with_capacity(WINDOW);
        while !window.is_empty() || entries.recv_many(&mut window, WINDOW).await > 0 {
            let Some(mut session) = self.session().await else { return };
            // Whoever waited too long has gone, and will publish again.
            let wanted = window.drain(..).filter(|entry| !entry.answer.is_closed());
            let prepared = prepare(wanted.collect(), &mut session, &self.options).await;
            self.session = settle(prepared, session, &mut window).await;
        }
    }

    /// A channel that works, as soon as there can be one; `None` once the broker is closed.
    async fn session(&mut self) -> Option<Session> {
        if let Some(session) = self.session.take().filter(Session::is_alive) {
            return Some(session);
        }
        let mut backoff = Backoff::new(&self.options);
        loop {
            match Session::open(self.connection.link_whenever().await?).await {
                Ok(session) => return Some(session),
                Err(failure) => tracing::warn!(%failure, "no channel to publish on; trying again"),
            }
            backoff.wait().await;
        }
    }
}

/// Declares what the window needs, and answers for the messages that cannot go.
async fn prepare(entries: Vec<Entry>, session: &mut Session, options: &Options) -> Vec<Prepared> {
    let mut window = Vec::with_capacity(entries.len());
    let mut broken = None;
    for entry in entries {
        if let Some(failure) = &broken {
            answer(entry, Fate::from(failure));
            continue;
        }
        let Outgoing { destination, message } = &entry.outgoing;
        let route = Route::to(destination);
        match session.declare(&route, options).await {
            Ok(()) => {}
            Err(failure @ (Failure::Lapin(_) | Failure::Refused(_))) if session.is_alive() => {
                tracing::warn!(id = %message.id, ?destination, %failure, "the destination could not be declared");
                answer(entry, Fate::Refused);
                continue;
            }
            Err(failure) => {
                answer(entry, Fate::from(&failure));
                broken = Some(failure);
                continue;
            }
        }
        let fresh = matches!(destination, Destination::Event(_) | Destination::Task(_));
        let frame_limit = session.link.frame_limit();
        // What waits for its moment was made just now as well, and who made it can be told.
        let is_copy = !fresh && *destination != Destination::Later;
        // What somebody else has put on a message must not keep it from being tried again, or from being a dead letter.
        let relieved =
            || is_copy.then(|| wire::properties(&wire::relieved(message, frame_limit), frame_limit)).flatten();
        let Some(properties) = wire::properties(message, frame_limit).or_else(relieved) else {
            tracing::warn!(id = %message.id, "the headers do not fit the frame that RabbitMQ allows");
            answer(entry, Fate::TooLarge);
            continue;
        };
        let is_kept = matches!(destination, Destination::Event(_) | Destination::History);
        let properties = match is_kept && session.link.history.is_some() {
            true => plain::with_spare(properties, &message.headers, frame_limit.saturating_sub(wire::BESIDES_HEADERS)),
            false => properties,
        };
        // A task that comes again may be performed by another service, too.
        let shared = fresh
            || matches!(
                (destination, &message.subject),
                (Destination::Delay { .. } | Destination::Queue(_), Subject::Task(_))
            );
        let (body, properties) = match shared && options.tid_in_body {
            true => wire::body_for_others(message, properties, !fresh),
            false => (message.body.clone(), properties),
        };
        let limit = session.link.body_limit();
        if body.len() > limit {
            tracing::warn!(id = %message.id, size = body.len(), limit, "larger than RabbitMQ's max_message_size");
            answer(entry, Fate::TooLarge);
            continue;
        }
        window.push(Prepared { entry, route, properties, body });
    }
    window
}

/// Publishes a window and answers for each of its messages, or leaves all of them to go again. Gives the channel back if
/// it is fit for another window.
async fn settle(window: Vec<Prepared>, mut session: Session, again: &mut Vec<Entry>) -> Option<Session> {
    let confirmations = match session.publish(&window).await {
        Ok(confirmations) => confirmations,
        Err(failure) => {
            let too_large = |limit: &usize| window.iter().any(|message| message.body.len() > *limit);
            if let Some(limit) = failure.body_limit().filter(too_large) {
                // This ends, since each time around answers for one of them at the least.
                session.link.note_body_limit(limit);
                again.extend(window.into_iter().map(|message| message.entry));
                return None;
            }
            // What this channel still confirms or returns must not be taken for the next window's: it is dropped.
            window.into_iter().for_each(|message| answer(message.entry, Fate::from(&failure)));
            return None;
        }
    };
    let refused: Vec<bool> = confirmations.iter().map(Confirmation::is_nack).collect();
    let returned: HashSet<_> = confirmations.into_iter().filter_map(Confirmation::take_message).map(Mark::of).collect();
    let is_kept = session.link.history.is_some();
    for (message, refused) in window.into_iter().zip(refused) {
        let is_returned = returned.contains(&message.mark());
        let is_event = matches!(message.entry.outgoing.destination, Destination::Event(_));
        // Whatever was declared is gone: declare it again before the next try. An event that is kept has at least the
        // history's binding.
        if let (true, true, Some(declaration)) = (is_returned, is_kept || !is_event, &message.route.declaration) {
            session.declared.remove(declaration);
        }
        let fate = match (refused, is_returned, is_event) {
            (true, _, _) => Fate::Refused,
            (_, false, _) => Fate::Held,
            (_, true, true) => Fate::Unheard,
            (_, true, false) => Fate::Returned,
        };
        answer(message.entry, fate);
    }
    Some(session)
}

/// A caller that no longer waits needs no answer.
fn answer(entry: Entry, fate: Fate) {
    let _ = entry.answer.send(fate);
}
