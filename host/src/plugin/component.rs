//! A version as the pipeline knows it: each call in a store of its own, unless instances are reused, and its answer read
//! and checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::compile::Compiled;
use super::fair::Neighbour;
use super::grant::Grants;
use super::instance::{Context, Room, State};
use super::reuse::Waiting;
use super::schema::Schema;
use super::since_v0_1::{failed, record, types};
use super::{Budget, Digest, Handler, Incoming, Invocation, Outcome, PluginSettings, Recovered, What};
use crate::message::{FailedAttempt, REASON_LIMIT, Receipt, Subject, Timestamp};
use crate::name::AppName;

/// The longest that a probe may take, on the clock and on a processor: a breaker waits for its answer.
const PROBE: Duration = Duration::from_secs(1);

/// What a call may use and see, and what its answer may hold.
pub(super) struct Bounds {
    pub app: AppName,
    /// What the plugin may make, and what its payloads must fit, where it says so.
    pub makes: BTreeMap<Subject, Option<Schema>>,
    pub budget: Budget,
    pub settings: PluginSettings,
    pub grants: Grants,
}

impl Bounds {
    /// What a call at this moment sees of the world, with randomness from this seed. Grants are a worker's: what comes of an
    /// event must depend on nothing else (I2).
    fn context(&self, now: Timestamp, seed: Digest, is_worker: bool) -> Context {
        let grants = if is_worker { self.grants.clone() } else { Grants::default() };
        Context { now, seed: seed.0, settings: self.settings.clone(), grants }
    }

    /// A plugin's words, or words about it, without its secrets.
    fn hide(&self, words: String) -> String {
        self.grants.secrets.hide(&words).into_owned()
    }
}

pub(super) struct Component {
    inner: Arc<Inner>,
    neighbour: Arc<Neighbour>,
}

/// What its calls need, wherever they run.
struct Inner {
    compiled: Compiled,
    bounds: Bounds,
    /// Instances that have handled an event and wait for another, if they are reused; and those that have performed a
    /// task. What an instance has seen of the world must not reach a subscriber, which is pure.
    subscribers: Option<Arc<Waiting>>,
    workers: Option<Arc<Waiting>>,
}

impl Component {
    pub(super) fn new(compiled: Compiled, bounds: Bounds, neighbour: Arc<Neighbour>) -> Self {
        let [subscribers, workers] = [(), ()].map(|()| compiled.reuse.map(Waiting::new));
        Self { inner: Arc::new(Inner { compiled, bounds, subscribers, workers }), neighbour }
    }
}

impl Inner {
    fn waiting(&self, message: &types::Message) -> Option<&Arc<Waiting>> {
        match message {
            types::Message::Event(_) => self.subscribers.as_ref(),
            types::Message::Task(_) => self.workers.as_ref(),
        }
    }

    /// A room for a delivery with this context.
    fn room(&self, waiting: Option<&Arc<Waiting>>, context: Context) -> Room {
        let budget = self.bounds.budget;
        match waiting.and_then(|waiting| waiting.take()) {
            Some(mut room) => {
                room.renew(budget, context);
                room
            }
            None => self.compiled.room(budget, context),
        }
    }

    /// Everything that is done for a plugin's sake, so that it is all done where the plugin has its place.
    async fn handle(&self, message: types::Message, context: Context) -> Invocation {
        let Self { compiled, bounds, .. } = self;
        let waiting = self.waiting(&message);
        let call = async |store: &mut Store<State>, instance: &Instance| {
            compiled.exports.handle(store, instance, &message).await
        };
        let mut room = self.room(waiting, context);
        let (answer, receipt) = compiled.call_in(&mut room, bounds.budget, call).await;
        // It ends here, unless it is given one of the places of those that are kept.
        let again = waiting.filter(|_| answer.is_ok());
        let kept = again.and_then(|waiting| Some((waiting, waiting.keep(room, &compiled.sandbox)?)));

        let mut receipt = Receipt { bytes_in: bytes_in(&message), ..receipt };
        let outcome = match answer {
            Ok(Ok(made)) => {
                receipt.bytes_out = made.size();
                match made.read(bounds).await {
                    Ok(drafts) => Outcome::Done(drafts),
                    // It emits what it must not: its instance ends here.
                    Err(reason) => {
                        let outcome = Outcome::Retry { reason: bounds.hide(reason), after: None };
                        return Invocation { outcome, receipt };
                    }
                }
            }
            Ok(Err(failure)) => Outcome::from(failure).map_reason(|reason| bounds.hide(reason)),
            Err(fault) => Outcome::Retry { reason: bounds.hide(format!("the plugin failed: {fault}")), after: None },
        };
        if let Some((waiting, kept)) = kept {
            waiting.put(kept);
        }
        Invocation { outcome, receipt }
    }

    /// `None` if it has no recovery.
    async fn recover(
        &self,
        message: types::Message,
        attempts: Vec<types::FailedAttempt>,
        context: Context,
    ) -> Option<Recovered> {
        let Self { compiled, bounds, .. } = self;
        let recovery = compiled.exports.recovery()?;
        let budget = Budget { time: bounds.budget.recovery, ..bounds.budget };
        let call = async |store: &mut Store<State>, instance: &Instance| {
            recovery.recover(store, instance, &message, &attempts).await
        };
        let (answer, receipt) = compiled.call(budget, context, call).await;

        let mut receipt = Receipt { bytes_in: bytes_in(&message), ..receipt };
        let answer = match answer {
            Ok(Ok(made)) => {
                receipt.bytes_out = made.size();
                made.read(bounds).await
            }
            Ok(Err(words)) => Err(bounded(bounds.hide(words))),
            Err(fault) => Err(format!("its recovery failed: {fault}")),
        };
        Some(Recovered { answer: answer.map_err(|reason| bounds.hide(reason)), receipt })
    }

    async fn healthy(&self, context: Context) -> Result<(), String> {
        let Self { compiled, bounds, .. } = self;
        let Some(probe) = compiled.exports.probe() else { return Ok(()) };
        let budget = Budget { time: PROBE, wasm_time: PROBE, ..bounds.budget };
        let call = async |store: &mut Store<State>, instance: &Instance| probe.healthy(store, instance).await;
        match compiled.call(budget, context, call).await.0 {
            Ok(answer) => answer.map_err(|words| bounded(bounds.hide(words))),
            Err(fault) => Err(bounds.hide(format!("its probe failed: {fault}"))),
        }
    }
}

fn bytes_in(message: &types::Message) -> u64 {
    let payload = match message {
        types::Message::Event(event) => &event.payload,
        types::Message::Task(task) => &task.payload,
    };
    payload.len() as u64
}

/// What the randomness of a call is seeded from: the same for a message that is delivered again. Each attempt of a task
/// draws anew, since a worker may have to choose otherwise than it did when it failed.
fn seed(message: &Incoming<'_>) -> Digest {
    match message.what {
        What::Event { .. } => Digest::of(message.id.as_str().as_bytes()),
        What::Task { attempt, .. } => Digest::of(format!("{}\0{attempt}", message.id).as_bytes()),
    }
}

#[async_trait]
impl Handler for Component {
    async fn handle(&self, message: Incoming<'_>) -> Invocation {
        let Self { inner, neighbour } = self;
        let context = inner.bounds.context(message.time, seed(&message), message.what.is_task());
        let (running, message) = (inner.clone(), record(&message));
        let call = async move { running.handle(message, context).await };
        inner.compiled.sandbox.fair.run(neighbour, call).await
    }

    async fn recover(&self, message: Incoming<'_>, attempts: &[FailedAttempt]) -> Option<Recovered> {
        let Self { inner, neighbour } = self;
        inner.compiled.exports.recovery()?;
        let seed = Digest::of(format!("{}\0recovery", message.id).as_bytes());
        let context = inner.bounds.context(message.time, seed, message.what.is_task());
        let (running, message, attempts) = (inner.clone(), record(&message), attempts.iter().map(failed).collect());
        let call = async move { running.recover(message, attempts, context).await };
        inner.compiled.sandbox.fair.run(neighbour, call).await
    }

    async fn healthy(&self) -> Result<(), String> {
        let inner = self.inner.clone();
        // The moment of the question: what a probe answers is neither emitted nor asked for again in a replay.
        let is_worker = inner.compiled.exports.is_worker();
        let context = inner.bounds.context(Timestamp::now(), inner.compiled.digest, is_worker);
        self.inner.compiled.sandbox.fair.probe(&self.neighbour, async move { inner.healthy(context).await }).await
    }
}

/// A plugin's own words, at most [`REASON_LIMIT`] bytes of them.
fn bounded(mut words: String) -> String {
    words.truncate(words.floor_char_boundary(REASON_LIMIT));
    words
}
