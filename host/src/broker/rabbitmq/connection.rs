//! Connections that come back: a supervisor keeps one connection up for as long as the broker is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::guard::{Failure, Guard, explain};
use super::history::History;
use super::{Options, UrlError, pulse, stream};
use crate::broker::BrokerStatus;

/// Seconds between two signs of life where the URL names none. A connection without any for twice as long is lost.
const HEARTBEAT_SECONDS: u16 = 20;

/// Reads the URL of a RabbitMQ server.
pub(super) fn parse(url: &str) -> Result<AMQPUri, UrlError> {
    // The parser's error may quote the whole URL, and the URL has the password in it.
    let mut uri: AMQPUri = url.parse().map_err(|error: String| {
        UrlError::Malformed(if error.contains(url) { "it has no host".to_owned() } else { error })
    })?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT_SECONDS);
    Ok(uri)
}

/// One connection, from its opening to its end.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    pub(super) guard: Guard,
    /// What is to be kept of what comes by the exchanges that are declared here.
    pub(super) history: Option<Arc<History>>,
    body_limit: AtomicUsize,
}

impl Link {
    pub(super) async fn channel(&self) -> Result<Channel, Failure> {
        self.guard.run(self.connection.create_channel()).await
    }

    /// The largest frame that both sides agreed on, in bytes.
    pub(super) fn frame_limit(&self) -> usize {
        self.connection.configuration().frame_max().try_into().unwrap_or(usize::MAX)
    }

    /// The largest body that RabbitMQ takes, in bytes: without bound until it has said so.
    pub(super) fn body_limit(&self) -> usize {
        self.body_limit.load(Ordering::Relaxed)
    }

    /// RabbitMQ has told its `max_message_size`, by refusing a message.
    pub(super) fn note_body_limit(&self, limit: usize) {
        self.body_limit.store(limit, Ordering::Relaxed);
    }

    async fn open(connector: &Connector, purpose: Purpose, closing: &CancellationToken) -> Result<Self, String> {
        let Connector { uri, history, .. } = connector;
        let limit = connector.options.answer_limit;
        let attempt = async {
            let (host, port) = (uri.authority.host.as_str(), uri.authority.port);
            // Asked for first, because lapin's error does not tell a name that does not resolve from other trouble.
            if let Err(error) = tokio::net::lookup_host((host, port)).await {
                return Err(format!("the name {host:?} does not resolve ({error}): check the host in the URL"));
            }
            let properties = ConnectionProperties::default().with_connection_name("leveret".into());
            let connecting = stream::connect(uri.clone(), properties, purpose == Purpose::Past);
            connecting.await.map_err(|error| reason(&error, uri))
        };
        let connection = match tokio::time::timeout(limit, attempt).await {
            Ok(result) => result?,
            Err(_) => return Err(format!("{} did not answer within {limit:?}", address(uri))),
        };
        let events = connection.events_listener();
        let guard = Guard::watching(events, connection.status().clone(), limit, closing.clone());
        Ok(Self { connection, guard, history: history.clone(), body_limit: AtomicUsize::new(usize::MAX) })
    }
}

fn address(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

/// Why no connection came about, in words that an operator can act on. Never holds the password.
fn reason(error: &lapin::Error, uri: &AMQPUri) -> String {
    let address = address(uri);
    match error.kind() {
        ErrorKind::ProtocolError(answer) => {
            let said = answer.get_message();
            match answer.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                    let user = &uri.authority.userinfo.username;
                    format!(
                        "{address} refused user {user:?} or its password: check the credentials in the URL ({said})"
                    )
                }
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                    let vhost = &uri.vhost;
                    format!("{address} does not let us into vhost {vhost:?}: make it, or grant it to the user ({said})")
                }
                _ => format!("{address} answered {said}"),
            }
        }
        ErrorKind::IOError(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            format!("{address} refused the connection: is RabbitMQ running there?")
        }
        ErrorKind::IOError(error) if uri.scheme == AMQPScheme::AMQPS => {
            format!("TLS with {address} failed ({error}): check the certificate, and that the port is the one for TLS")
        }
        _ => format!("no connection to {address}: {}", explain(error)),
    }
}

/// What it takes to open connections to one server, for as long as the broker is wanted.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    pub(super) uri: AMQPUri,
    pub(super) options: Options,
    pub(super) closing: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// How often a lost connection was made again.
    pub(super) reconnects: Arc<AtomicU64>,
    pub(super) history: Option<Arc<History>>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// For everybody. It is not up before the history is kept, so that nothing is published before.
    Shared,
    /// For one listener or one browse.
    Apart,
    /// For reading the past, whatever is in it.
    Past,
}

impl Connector {
    pub(super) fn new(uri: AMQPUri, mut options: Options) -> Self {
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        let history = options.history.take().map(|keeping| Arc::new(History::new(keeping)));
        Self { uri, options, closing, tasks, reconnects: Arc::default(), history }
    }

    /// Keeps a connection up.
    pub(super) fn start(&self) -> Supervised {
        self.start_until(self.closing.clone(), Purpose::Shared)
    }

    /// Keeps a connection up until the guard is dropped.
    pub(super) fn start_apart(&self) -> (Supervised, DropGuard) {
        let closing = self.closing.child_token();
        (self.start_until(closing.clone(), Purpose::Apart), closing.drop_guard())
    }

    /// Keeps a connection up on which every message can be read.
    pub(super) fn start_for_the_past(&self) -> Supervised {
        self.start_until(self.closing.clone(), Purpose::Past)
    }

    fn start_until(&self, closing: CancellationToken, purpose: Purpose) -> Supervised {
        let (link_sender, link) = watch::channel(None);
        let (status_sender, status) = watch::channel(BrokerStatus::Connecting);
        self.tasks.spawn(supervise(self.clone(), purpose, closing, link_sender, status_sender));
        Supervised { link, status, limit: self.options.answer_limit }
    }
}

/// A connection that is kept up in the background. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Supervised {
    link: watch::Receiver<Option<Arc<Link>>>,
    status: watch::Receiver<BrokerStatus>,
    limit: Duration,
}

impl Supervised {
    pub(super) fn status(&self) -> watch::Receiver<BrokerStatus> {
        self.status.clone()
    }

    /// Waits for the connection for as long as an answer may take; the error says why there is none.
    pub(super) async fn link(&self) -> Result<Arc<Link>, String> {
        match tokio::time::timeout(self.limit, self.link_whenever()).await {
            Ok(Some(link)) => Ok(link),
            Ok(None) | Err(_) => Err(self.why_not()),
        }
    }

    /// Waits for the connection without a limit; `None` once the broker is closed.
    pub(super) async fn link_whenever(&self) -> Option<Arc<Link>> {
        let mut link = self.link.clone();
        let current = link.wait_for(|link| link.as_ref().is_some_and(|link| !link.guard.is_lost())).await;
        current.ok().and_then(|link| link.clone())
    }

    pub(super) fn is_up(&self) -> bool {
        *self.status.borrow() == BrokerStatus::Ready
    }

    /// Why there is no connection just now.
    pub(super) fn why_not(&self) -> String {
        match &*self.status.borrow() {
            BrokerStatus::Down { reason } => reason.clone(),
            BrokerStatus::Closed => "it was closed".to_owned(),
            BrokerStatus::Connecting | BrokerStatus::Ready => "the connection is not up yet".to_owned(),
        }
    }
}

async fn supervise(
    connector: Connector,
    purpose: Purpose,
    closing: CancellationToken,
    links: watch::Sender<Option<Arc<Link>>>,
    status: watch::Sender<BrokerStatus>,
) {
    let Connector { uri, options, reconnects, .. } = &connector;
    let mut backoff = Backoff::new(options);
    let mut was_up = false;
    loop {
        let opened = tokio::select! {
            opened = Link::open(&connector, purpose, &closing) => opened,
            () = closing.cancelled() => break,
        };
        let reason = match opened {
            Ok(link) => {
                let link = Arc::new(link);
                if std::mem::replace(&mut was_up, true) {
                    reconnects.fetch_add(1, Ordering::Relaxed);
                }
                if let (Purpose::Shared, Some(history)) = (purpose, &link.history) {
                    history.prepare(&link).await;
                }
                links.send_replace(Some(link.clone()));
                status.send_replace(BrokerStatus::Ready);
                backoff.reset();
                let reason = tokio::select! {
                    loss = link.guard.lost() => loss.reason,
                    never = pulse::watch(&link, &status) => match never {},
                };
                links.send_replace(None);
                if closing.is_cancelled() {
                    close(&link).await;
                    break;
                }
                reason
            }
            Err(reason) => reason,
        };
        let down = BrokerStatus::Down { reason };
        // Each reason once: the attempts go on for as long as it takes.
        if *status.borrow() != down {
            tracing::debug!(address = address(uri), status = %down, "no connection to RabbitMQ; trying again");
        }
        status.send_replace(down);
        tokio::select! {
            () = backoff.wait() => {}
            () = closing.cancelled() => break,
        }
    }
    status.send_replace(BrokerStatus::Closed);
}

/// Closes a connection whose guard has already let go of it.
async fn close(link: &Link) {
    let goodbye = link.connection.close(200, "OK".into());
    if !matches!(tokio::time::timeout(Duration::from_secs(2), goodbye).await, Ok(Ok(()))) {
        tracing::debug!("the connection was not closed in order");
    }
}

/// Waits that double, from a minimum to a maximum.
#[derive(Debug)]
pub(super) struct Backoff {
    minimum: Duration,
    maximum: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(options: &Options) -> Self {
        let (minimum, maximum) = (options.reconnect_minimum, options.reconnect_maximum);
        Self { minimum, maximum, next: minimum.min(maximum) }
    }

    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (self.next * 2).min(self.maximum);
    }

    pub(super) fn reset(&mut self) {
        self.next = self.minimum.min(self.maximum);
    }
}
