//! A version as the pipeline knows it: each call in a store of its own, unless instances are reused, and its answer read
//! and checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use wasmtime::Store;
use wasmtime::component::Instance;

use super::compile::Compiled;
use super::grant::Grants;
use super::instance::{Context, Room, State};
use super::reuse::Waiting;
use super::schema::Schema;
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
    compiled: Compiled,
    bounds: Bounds,
    /// Instances that have handled an event and wait for another, if they are reused; and those that have performed a
    /// task. What an instance has seen of the world must not reach a subscriber, which is pure.
    subscribers: Option<Arc<Waiting>>,
    workers: Option<Arc<Waiting>>,
}

impl Component {
    pub(super) fn new(compiled: Compiled, bounds: Bounds) -> Self {
        let [subscribers, workers] = [(), ()].map(|()| compiled.reuse.map(Waiting::new));
        Self { compiled, bounds, subscribers, workers }
    }

    fn waiting(&self, what: What<'_>) -> Option<&Arc<Waiting>> {
        match what {
            What::Event { .. } => self.subscribers.as_ref(),
            What::Task { .. } => self.workers.as_ref(),
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
        let Self { compiled, bounds, .. } = self;
        let waiting = self.waiting(message.what);
        let context = bounds.context(message.time, seed(&message), message.what.is_task());
        let call = async |store: &mut Store<State>, instance: &Instance| {
            compiled.exports.handle(store, instance, &message).await
        };
        let place = compiled.sandbox.place().await;
        let mut room = self.room(waiting, context);
        let (answer, receipt) = compiled.call_in(&mut room, bounds.budget, call).await;
        // It ends before its place is another's, unless it is given one of those that are kept.
        let again = waiting.filter(|_| answer.is_ok());
        let kept = again.and_then(|waiting| Some((waiting, waiting.keep(room, &compiled.sandbox)?)));
        drop(place);

        let mut receipt = Receipt { bytes_in: message.payload.len() as u64, ..receipt };
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

    async fn recover(&self, message: Incoming<'_>, attempts: &[FailedAttempt]) -> Option<Recovered> {
        let Self { compiled, bounds, .. } = self;
        let recovery = compiled.exports.recovery()?;
        let seed = Digest::of(format!("{}\0recovery", message.id).as_bytes());
        let context = bounds.context(message.time, seed, message.what.is_task());
        let budget = Budget { time: bounds.budget.recovery, ..bounds.budget };
        let call = async |store: &mut Store<State>, instance: &Instance| {
            recovery.recover(store, instance, &message, attempts).await
        };
        let place = compiled.sandbox.place().await;
        let (answer, receipt) = compiled.call(budget, context, call).await;
        drop(place);

        let mut receipt = Receipt { bytes_in: message.payload.len() as u64, ..receipt };
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

    async fn healthy(&self) -> Result<(), String> {
        let Self { compiled, bounds, .. } = self;
        let Some(probe) = compiled.exports.probe() else { return Ok(()) };
        // The moment of the question: what a probe answers is neither emitted nor asked for again in a replay.
        let context = bounds.context(Timestamp::now(), compiled.digest, compiled.exports.is_worker());
        let budget = Budget { time: PROBE, wasm_time: PROBE, ..bounds.budget };
        let call = async |store: &mut Store<State>, instance: &Instance| probe.healthy(store, instance).await;
        let _place = compiled.sandbox.place_apart().await;
        match compiled.call(budget, context, call).await.0 {
            Ok(answer) => answer.map_err(|words| bounded(bounds.hide(words))),
            Err(fault) => Err(bounds.hide(format!("its probe failed: {fault}"))),
        }
    }
}

/// A plugin's own words, at most [`REASON_LIMIT`] bytes of them.
fn bounded(mut words: String) -> String {
    words.truncate(words.floor_char_boundary(REASON_LIMIT));
    words
}
