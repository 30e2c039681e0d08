//! Keeping the history: one stream, bound beside the subscribers to each exchange that this host knows.
//!
//! A host that may not keep one goes on without, and says so once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::connection::Link;
use super::form::{Form, QUEUE_TYPE, short};
use super::guard::Failure;
use super::{inspect, topology};
use crate::broker::{Finding, Keeping, Offer, Routing};
use crate::name::{EventName, QueueName};

/// How often a connection may be lost as the stream is declared before that is taken to be the reason: a server whose
/// feature flag for streams is off ends the connection, and would do so for ever.
const LOSSES: u32 = 3;
/// Exchanges that are named as events are, but for RabbitMQ's own and the host's.
const EVENTS_PATTERN: &str = r"^(?!amq\.|leveret\.)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$";

/// What is kept of the past of one server.
#[derive(Debug)]
pub(super) struct History {
    keeping: Keeping,
    /// Held while the stream is made: RabbitMQ may fail one of two who make it at once.
    making: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Why there is no stream.
    trouble: Option<String>,
    losses: u32,
    kept: Vec<Kept>,
}

/// An exchange, and what of it is to be kept.
#[derive(Debug, Clone)]
struct Kept {
    exchange: Form,
    routing: Routing,
    is_bound: bool,
}

impl History {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { keeping, making: tokio::sync::Mutex::default(), state: Mutex::default() }
    }

    /// The stream, as it would be made.
    pub(super) fn stream(&self) -> Form {
        Form::history(self.keeping.retention)
    }

    /// The exchanges that are kept although nobody here may subscribe to them or publish to them.
    pub(super) fn listed(&self) -> impl Iterator<Item = (Result<Form, Failure>, Routing)> {
        let events = self.keeping.events.iter().map(|event| (Ok(Form::event(event)), Routing::Fanout));
        let exchanges = self.keeping.exchanges.iter().map(|it| (Form::exchange(it), it.routing.clone()));
        events.chain(exchanges)
    }

    /// What is bound to the stream, or should be, in words.
    pub(super) fn bindings(&self) -> Vec<(String, bool)> {
        self.state().kept.iter().map(|kept| (kept.to_string(), kept.is_bound)).collect()
    }

    /// Whether all of these events are kept.
    pub(super) fn keeps(&self, events: &HashSet<EventName>) -> bool {
        let state = self.state();
        let is_wanted = |kept: &Kept| events.iter().any(|event| event.as_str() == kept.exchange.name.as_str());
        state.trouble.is_none() && !state.kept.iter().any(|kept| !kept.is_bound && is_wanted(kept))
    }

    /// Sees to it on a new connection that the history is kept, as far as it may be.
    pub(super) async fn prepare(&self, link: &Link) {
        if let Err(failure) = self.declare(link).await {
            tracing::debug!(%failure, "the history was not made sure of");
        }
    }

    /// Makes sure that the stream exists, for who reads it.
    pub(super) async fn ensure(&self, link: &Link) -> Result<(), Failure> {
        match self.stream().look(link).await {
            Ok(Some(_)) if self.trouble().is_none() => Ok(()),
            _ => self.declare(link).await,
        }
    }

    /// Makes the stream, and binds it to what is listed and to what could not be bound before. A stream that exists is
    /// adopted.
    ///
    /// # Errors
    /// There is no stream, for the reason. Of a binding that fails the log tells.
    pub(super) async fn declare(&self, link: &Link) -> Result<(), Failure> {
        self.make(link).await?;
        for (form, routing) in self.listed() {
            let made = match &form {
                Ok(form) => topology::make(link, form).await,
                Err(failure) => Err(failure.clone()),
            };
            match (made, form) {
                (Ok(()), Ok(form)) => self.keep(link, form, routing).await?,
                (Err(failure), _) if failure.is_refusal() => {
                    tracing::warn!(%failure, "something listed in `history` is not kept");
                }
                (Err(failure), _) | (_, Err(failure)) => return Err(failure),
            }
        }
        let unbound: Vec<_> = self.state().kept.iter().filter(|kept| !kept.is_bound).cloned().collect();
        for Kept { exchange, routing, .. } in unbound {
            self.keep(link, exchange, routing).await?;
        }
        Ok(())
    }

    /// Binds the stream to an exchange that exists. Where RabbitMQ does not let it, the exchange goes unkept.
    pub(super) async fn keep(&self, link: &Link, exchange: Form, routing: Routing) -> Result<(), Failure> {
        if self.trouble().is_some() {
            self.note(exchange, routing, false);
            return Ok(());
        }
        let bound = match self.bind(link, &exchange, &routing).await {
            Err(failure) if failure.is_not_found() => match self.make(link).await {
                Ok(()) => self.bind(link, &exchange, &routing).await,
                Err(failure) => Err(failure),
            },
            bound => bound,
        };
        match bound {
            Err(failure) if !failure.is_refusal() => Err(failure),
            bound => {
                let name = exchange.name.clone();
                if let (true, Err(failure)) = (self.note(exchange, routing, bound.is_ok()), bound) {
                    tracing::warn!(exchange = %name, %failure, "what comes by this exchange is not kept in the history");
                }
                Ok(())
            }
        }
    }

    async fn bind(&self, link: &Link, exchange: &Form, routing: &Routing) -> Result<(), Failure> {
        topology::route(link, short(QueueName::history().as_str()), exchange, routing).await
    }

    async fn make(&self, link: &Link) -> Result<(), Failure> {
        let _turn = self.making.lock().await;
        let losses = self.state().losses;
        if losses >= LOSSES {
            // Tried again with the next connection.
            self.state().losses = 0;
            return Err(self.fail("the connection was lost each time that the stream was declared"));
        }
        if self.stream().look(link).await?.is_none() {
            // Its bindings went with it.
            self.state().kept.iter_mut().for_each(|kept| kept.is_bound = false);
        }
        match make_stream(link, self.stream()).await {
            Ok(()) => {
                let mut state = self.state();
                (state.trouble, state.losses) = (None, 0);
                Ok(())
            }
            Err(failure) if failure.is_refusal() => Err(self.fail(&failure.to_string())),
            Err(failure) => {
                self.state().losses += 1;
                Err(failure)
            }
        }
    }

    fn fail(&self, reason: &str) -> Failure {
        let words = format!(
            "no history is kept, since there is no stream {}: {reason}. Let the user configure, write and read it \
             (rabbitmqctl set_permissions) and run `leveret topology apply`, or set `history.enabled` to false",
            QueueName::history()
        );
        let before = self.state().trouble.replace(words.clone());
        if before.as_ref() != Some(&words) {
            tracing::warn!("{words}");
        }
        Failure::Refused(words)
    }

    /// Remembers an exchange; says whether anything is new.
    fn note(&self, exchange: Form, routing: Routing, is_bound: bool) -> bool {
        let mut state = self.state();
        match state.kept.iter_mut().find(|kept| kept.exchange.name == exchange.name && kept.routing == routing) {
            Some(kept) => std::mem::replace(&mut kept.is_bound, is_bound) != is_bound,
            None => {
                state.kept.push(Kept { exchange, routing, is_bound });
                true
            }
        }
    }

    fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Whoever panicked here left plain values.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exchange = &self.exchange.name;
        write!(f, "{exchange} → {}", QueueName::history())?;
        match &self.routing {
            Routing::Fanout => Ok(()),
            Routing::Direct(keys) | Routing::Topic(keys) => write!(f, ", {}", keys.join(", ")),
            Routing::Headers { headers, .. } => {
                let names: Vec<_> = headers.keys().map(String::as_str).collect();
                write!(f, ", headers {}", names.join(", "))
            }
        }
    }
}

/// Makes the stream unless it exists. One with other limits is adopted, a queue that is none is refused.
async fn make_stream(link: &Link, form: Form) -> Result<(), Failure> {
    let Err(failure) = form.declare(link).await else { return Ok(()) };
    if failure.clash().is_some() {
        let survey = inspect::survey(link, form.clone()).await?;
        return match survey.differences.iter().find(|difference| difference.setting == QUEUE_TYPE) {
            None => Ok(()),
            Some(difference) => Err(Failure::Refused(format!(
                "a queue of this name stands with {QUEUE_TYPE} {}, which somebody has to delete first",
                difference.found
            ))),
        };
    }
    // Another's, which alone may make it, or which was quicker.
    if failure.is_refusal() && form.look(link).await?.is_some() { Ok(()) } else { Err(failure) }
}

/// What an operator can do for events whose exchange nobody binds, this host included.
pub(super) async fn offers(link: &Link, vhost: &str) -> Result<Vec<Offer>, Failure> {
    if link.history.is_none() {
        return Ok(Vec::new());
    }
    let findings: Vec<Finding> = vec![inspect::finding(link, Form::alternate_exchange()).await?];
    let exchange = QueueName::history();
    let definition = format!("{{\"alternate-exchange\":\"{exchange}\"}}");
    let policy = format!(
        "rabbitmqctl set_policy --vhost {} --apply-to exchanges leveret-history {} {}",
        quoted(vhost),
        quoted(EVENTS_PATTERN),
        quoted(&definition)
    );
    Ok(vec![Offer {
        name: "alternate-exchange".into(),
        purpose:
            "what is published to an exchange of which no queue gets it is lost, unless the exchange is listed in \
                  `history`; with an alternate exchange it comes to the history"
                .into(),
        findings,
        steps: vec!["leveret topology apply --alternate-exchange".into(), policy],
        notes: vec![
            "the pattern says for which exchanges: as it stands, for all that are named as events are".into(),
            "RabbitMQ applies one policy to an exchange: where another holds, add the definition to that one".into(),
            "a message that a publisher wants back where nobody gets it (mandatory) no longer comes back".into(),
        ],
    }])
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_a_shell_is_one_word() {
        assert_eq!(quoted("/"), "'/'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
