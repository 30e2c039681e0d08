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
use super::instance::{Context, Room, State};
use super::reuse::Waiting;
use super::schema::Schema;
use super::since_v0_1::{drafts, failed, record, size, types};
use super::{Budget, Digest, Event, Handler, Invocation, Outcome, PluginSettings, Recovered};
use crate::message::{FailedAttempt, REASON_LIMIT, Receipt, Timestamp};
use crate::name::{AppName, TaskName};

/// The longest that a probe may take, on the clock and on a processor: a breaker waits for its answer.
const PROBE: Duration = Duration::from_secs(1);

/// What a call may use and see, and what its answer may hold.
pub(super) struct Bounds {
    pub app: AppName,
    /// The tasks that the plugin may emit, and what their payloads must fit, where it says so.
    pub emits: BTreeMap<TaskName, Option<Schema>>,
    pub budget: Budget,
    pub settings: PluginSettings,
}

impl Bounds {
    /// What a call at this moment sees of the world, with randomness from this seed.
    fn context(&self, now: Timestamp, seed: Digest) -> Context {
        Context { now, seed: seed.0, settings: self.settings.clone() }
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
    /// Instances that have handled an event and wait for another, if they are reused.
    waiting: Option<Arc<Waiting>>,
}

impl Component {
    pub(super) fn new(compiled: Compiled, bounds: Bounds, neighbour: Arc<Neighbour>) -> Self {
        let waiting = compiled.reuse.map(Waiting::new);
        Self { inner: Arc::new(Inner { compiled, bounds, waiting }), neighbour }
    }
}

impl Inner {
    /// A room for a delivery with this context.
    fn room(&self, context: Context) -> Room {
        let (budget, waiting) = (self.bounds.budget, self.waiting.as_ref());
        match waiting.and_then(|waiting| waiting.take()) {
            Some(mut room) => {
                room.renew(budget, context);
                room
            }
            None => self.compiled.room(budget, context),
        }
    }

    async fn on_event(&self, event: types::Event, context: Context) -> Invocation {
        let Self { compiled, bounds, waiting } = self;
        let bytes_in = event.payload.len() as u64;
        let call = async |store: &mut Store<State>, instance: &Instance| {
            compiled.exports.on_event(store, instance, &event).await
        };
        let mut room = self.room(context);
        let (answer, receipt) = compiled.call_in(&mut room, bounds.budget, call).await;
        // It ends here, unless it is given one of the places of those that are kept.
        let again = waiting.as_ref().filter(|_| answer.is_ok());
        let kept = again.and_then(|waiting| Some((waiting, waiting.keep(room, &compiled.sandbox)?)));

        let mut receipt = Receipt { bytes_in, ..receipt };
        let outcome = match answer {
            Ok(Ok(tasks)) => {
                receipt.bytes_out = size(&tasks);
                match drafts(tasks, bounds).await {
                    Ok(drafts) => Outcome::Done(drafts),
                    // It emits what it must not: its instance ends here.
                    Err(reason) => {
                        return Invocation { outcome: Outcome::Retry { reason, after: None }, receipt };
                    }
                }
            }
            Ok(Err(failure)) => failure.into(),
            Err(fault) => Outcome::Retry { reason: format!("the plugin failed: {fault}"), after: None },
        };
        if let Some((waiting, kept)) = kept {
            waiting.put(kept);
        }
        Invocation { outcome, receipt }
    }

    /// `None` if it has no recovery.
    async fn recover(
        &self,
        event: types::Event,
        attempts: Vec<types::FailedAttempt>,
        context: Context,
    ) -> Option<Recovered> {
        let Self { compiled, bounds, .. } = self;
        let recovery = compiled.exports.recovery()?;
        let bytes_in = event.payload.len() as u64;
        let budget = Budget { time: bounds.budget.recovery, ..bounds.budget };
        let message = types::Message::Event(event);
        let call = async |store: &mut Store<State>, instance: &Instance| {
            recovery.recover(store, instance, &message, &attempts).await
        };
        let (answer, receipt) = compiled.call(budget, context, call).await;
        let mut receipt = Receipt { bytes_in, ..receipt };
        let answer = match answer {
            Ok(Ok(tasks)) => {
                receipt.bytes_out = size(&tasks);
                drafts(tasks, bounds).await
            }
            Ok(Err(words)) => Err(bounded(words)),
            Err(fault) => Err(format!("its recovery failed: {fault}")),
        };
        Some(Recovered { answer, receipt })
    }

    async fn healthy(&self, context: Context) -> Result<(), String> {
        let Self { compiled, bounds, .. } = self;
        let Some(probe) = compiled.exports.probe() else { return Ok(()) };
        let budget = Budget { time: PROBE, wasm_time: PROBE, ..bounds.budget };
        let call = async |store: &mut Store<State>, instance: &Instance| probe.healthy(store, instance).await;
        match compiled.call(budget, context, call).await.0 {
            Ok(answer) => answer.map_err(bounded),
            Err(fault) => Err(format!("its probe failed: {fault}")),
        }
    }
}

#[async_trait]
impl Handler for Component {
    async fn on_event(&self, event: Event<'_>) -> Invocation {
        let Self { inner, neighbour } = self;
        let context = inner.bounds.context(event.time, Digest::of(event.id.as_str().as_bytes()));
        let (inner, event) = (inner.clone(), record(&event));
        let call = async move { inner.on_event(event, context).await };
        self.inner.compiled.sandbox.fair.run(neighbour, call).await
    }

    async fn recover(&self, event: Event<'_>, attempts: &[FailedAttempt]) -> Option<Recovered> {
        let Self { inner, neighbour } = self;
        inner.compiled.exports.recovery()?;
        let seed = Digest::of(format!("{}\0recovery", event.id).as_bytes());
        let context = inner.bounds.context(event.time, seed);
        let (inner, event, attempts) = (inner.clone(), record(&event), attempts.iter().map(failed).collect());
        let call = async move { inner.recover(event, attempts, context).await };
        self.inner.compiled.sandbox.fair.run(neighbour, call).await
    }

    async fn healthy(&self) -> Result<(), String> {
        let Self { inner, .. } = self;
        // The moment of the question: what a probe answers is neither emitted nor asked for again in a replay.
        let context = inner.bounds.context(Timestamp::now(), inner.compiled.digest);
        let inner = inner.clone();
        self.inner.compiled.sandbox.fair.run_apart(async move { inner.healthy(context).await }).await
    }
}

/// A plugin's own words, at most [`REASON_LIMIT`] bytes of them.
fn bounded(mut words: String) -> String {
    words.truncate(words.floor_char_boundary(REASON_LIMIT));
    words
}
