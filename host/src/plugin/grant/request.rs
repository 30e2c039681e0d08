//! A plugin's requests: checked, sent, and their answers read, each within its limits.
//!
//! Each request has a connection of its own, so that nothing is shared between deliveries, and each name is looked up
//! and looked at anew. No proxy is used, whatever the environment says, and no redirect is followed: that is for the plugin to
//! do, by another request.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::dns::GaiResolver;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::TokioExecutor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{Instrument as _, Span};
use wasmtime_wasi_http::{Error as Failure, RequestOptions, WasiBody, WasiHttpHooks};

use super::failure::{cause, failure};
use super::http::{HttpGrant, Target};
use super::resolver::{NotPublic, Resolver};
use super::{Grants, Scope};
use crate::name::PluginId;

/// The most bytes of an answer's status line and headers together.
const HEAD: usize = 64 * 1024;
/// The most bytes of a request's body that wait in the host.
const CHUNK: usize = 16 * 1024;
/// How many refusals of one call are logged.
const TOLD: u32 = 10;

type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Failure>> + Send>);
type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The system has no certificates by which a server could be trusted.
#[derive(Debug, thiserror::Error)]
#[error("the system's root certificates cannot be read: {0}; install them, as the package `ca-certificates`")]
pub struct NoRoots(std::io::Error);

/// The requests that one plugin may make. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Http {
    pub(super) grant: Arc<HttpGrant>,
    /// `None` where no request is sent, whatever is granted.
    sender: Option<Arc<Sender>>,
}

struct Sender {
    grant: Arc<HttpGrant>,
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Body>,
    turns: Arc<Semaphore>,
}

impl Http {
    /// What is granted where no plugin is to reach anything: each request fails.
    pub fn unsent(grant: HttpGrant) -> Self {
        Self { grant: Arc::new(grant), sender: None }
    }

    /// # Errors
    /// The system's root certificates are not there.
    pub fn new(grant: HttpGrant) -> Result<Self, NoRoots> {
        let grant = Arc::new(grant);
        let mut connector =
            HttpConnector::new_with_resolver(Resolver { grant: grant.clone(), system: GaiResolver::new() });
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(grant.limits.connect));
        let secured = HttpsConnectorBuilder::new().with_native_roots().map_err(NoRoots)?;
        let connector = secured.https_or_http().enable_http1().wrap_connector(connector);
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).http1_max_buf_size(HEAD).build(connector);
        let turns = Arc::new(Semaphore::new(grant.limits.concurrency.into()));
        let sender = Arc::new(Sender { grant: grant.clone(), client, turns });
        Ok(Self { grant, sender: Some(sender) })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl Sender {
    /// Sends a request that is granted, and gives the answer as soon as its head is there.
    async fn send(&self, request: Request<WasiBody>, options: RequestOptions, told: &Told) -> Result<Answer, Failure> {
        let limits = self.grant.limits;
        let by = Instant::now() + limits.time;
        let turn =
            timeout_at(by, self.turns.clone().acquire_owned()).await.map_err(|_| Failure::ConnectionLimitReached)?;
        let turn = turn.expect("the semaphore is never closed");
        if length(request.headers()).is_some_and(|length| length > limits.request) {
            return Err(Failure::HttpRequestBodySize(Some(limits.request)));
        }
        let mut request = request.map(|body| Limited::new(body, whole(limits.request)).boxed_unsync());
        let mut connection = capture_connection(&mut request);
        let (target, is_head) = (Target::read(request.method(), request.uri()), *request.method() == Method::HEAD);
        let failed = |error: hyper_util::client::legacy::Error| {
            if let (Some(NotPublic { addresses, .. }), Ok(target)) = (cause(&error), &target) {
                let Target { host, method, .. } = target;
                told.warn(&self.grant.plugin, |plugin| {
                    tracing::warn!(%plugin, %host, %method, ?addresses, "refused: {host} has no public address");
                });
            }
            tracing::debug!("the plugin's request failed: {error:?}");
            failure(&error, limits.request)
        };

        let mut answer = pin!(self.client.request(request));
        let begun = Instant::now();
        let connected_by = by.min(begun + shorter(limits.connect, options.connect_timeout));
        let early = tokio::select! {
            answer = &mut answer => Some(answer),
            () = async { drop(connection.wait_for_connection_metadata().await) } => None,
            () = sleep_until(connected_by) => return Err(Failure::ConnectionTimeout),
        };
        let answer = match early {
            Some(answer) => answer,
            None => {
                let head_by = by.min(Instant::now() + shorter(limits.time, options.first_byte_timeout));
                timeout_at(head_by, answer).await.map_err(|_| Failure::HttpResponseTimeout)?
            }
        };
        let (head, body) = answer.map_err(failed)?.into_parts();
        // The answer to HEAD says how long a body would be, and has none.
        if !is_head && length(&head.headers).is_some_and(|length| length > limits.response) {
            return Err(Failure::HttpResponseBodySize(Some(limits.response)));
        }
        let body = Limited::new(body, whole(limits.response));
        let pause = shorter(limits.time, options.between_bytes_timeout);
        // The turn is another's once the answer is read, or dropped.
        let frames = stream::unfold(Some((body, turn)), move |rest: Option<(_, OwnedSemaphorePermit)>| async move {
            let (mut body, turn) = rest?;
            let frame = match timeout_at(by.min(Instant::now() + pause), body.frame()).await {
                Ok(Some(Ok(frame))) => return Some((Ok(frame), Some((body, turn)))),
                Ok(None) => return None,
                Ok(Some(Err(error))) if error.is::<LengthLimitError>() => {
                    Failure::HttpResponseBodySize(Some(limits.response))
                }
                Ok(Some(Err(error))) => failure(&*error, limits.request),
                Err(_) => Failure::HttpResponseTimeout,
            };
            Some((Err(frame), None))
        });
        let response = Response::from_parts(head, StreamBody::new(frames).boxed_unsync());
        Ok((response, Box::new(async { Ok(()) })))
    }
}

/// What a plugin's call is let do over HTTP.
pub(in crate::plugin) struct Requests {
    scope: Scope,
    http: Option<Http>,
    told: Told,
}

impl Requests {
    pub(in crate::plugin) fn new(grants: &Grants) -> Self {
        Self { scope: grants.scope.clone(), http: grants.http.clone(), told: Told::default() }
    }

    /// Tells the operator of something that is refused and names no host.
    pub(super) fn refused(&self, reason: &str) {
        if let Scope::Plugin(plugin) = &self.scope {
            self.told.warn(plugin, |plugin| tracing::warn!(%plugin, "refused: {reason}"));
        }
    }

    fn check(&self, method: &Method, uri: &Uri) -> Result<Arc<Sender>, String> {
        let plugin = self.scope.plugin("no request goes out")?;
        let target = Target::read(method, uri).inspect_err(|reason| self.refused(reason))?;
        let checked = match &self.http {
            Some(http) => http.grant.check(&target),
            None => Err(target.lacks_host(plugin)),
        };
        checked.inspect_err(|reason| {
            let Target { host, method, .. } = &target;
            self.told.warn(plugin, |plugin| tracing::warn!(%plugin, %host, %method, "refused: {reason}"));
        })?;
        let sender = self.http.as_ref().and_then(|http| http.sender.clone());
        sender.ok_or_else(|| format!("{target} is granted, and no request is sent here"))
    }
}

impl WasiHttpHooks for Requests {
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Failure>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Failure>> + Send> {
        let (checked, told) = (self.check(request.method(), request.uri()), self.told.clone());
        let sending = async move {
            match checked {
                Ok(sender) => sender.send(request, options.unwrap_or_default(), &told).await,
                Err(reason) => Err(Failure::InternalError(Some(reason))),
            }
        };
        Box::new(sending.instrument(Span::current()))
    }
}

/// How many refusals of a call were logged: a plugin must not fill the log with them.
#[derive(Debug, Clone, Default)]
struct Told(Arc<AtomicU32>);

impl Told {
    fn warn(&self, plugin: &PluginId, warn: impl FnOnce(&PluginId)) {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            before if before < TOLD => warn(plugin),
            TOLD => tracing::warn!(%plugin, "further refusals of this delivery are not told"),
            _ => {}
        }
    }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The plugin may ask for less time than it has.
fn shorter(limit: Duration, asked: Option<Duration>) -> Duration {
    asked.map_or(limit, |asked| asked.min(limit))
}

fn whole(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
