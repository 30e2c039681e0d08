//! `GET /costs`: what each plugin cost in the last minute, from the receipts of its deliveries, whatever came of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Seen;
use crate::delivery::{Observe, Record, Settlement};
use crate::message::Receipt;

/// The time that costs are told of is this many slots, of which the oldest falls out as a new one begins.
const SLOTS: usize = 12;
/// How long one of them is.
const SLOT: Duration = Duration::from_secs(5);
/// Times of deliveries are counted in classes, each a quarter wider than the one before: from 10 µs to over a minute.
const CLASSES: usize = 72;
const SHORTEST: f64 = 10e-6;
const WIDER: f64 = 1.25;

/// What plugins cost.
#[derive(Debug, Serialize, Deserialize)]
pub struct Spent {
    /// The time that it is counted over: a minute, or since the host started.
    pub seconds: f64,
    /// Every plugin that is live, and those that were.
    pub plugins: Vec<PluginCost>,
}

/// What one plugin cost.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct PluginCost {
    pub plugin: String,
    /// Deliveries in which it ran.
    pub deliveries: u64,
    /// Those of them that are tried again or became dead letters.
    pub failures: u64,
    /// See [`Receipt::wasm_time`]; microseconds, over all deliveries.
    pub wasm_time_us: u64,
    /// See [`Receipt::host_time`].
    pub host_time_us: u64,
    /// The time that half of the deliveries took at the most, by the clock, to within a quarter of it.
    pub time_p50_us: u64,
    /// The same of 99 in a hundred.
    pub time_p99_us: u64,
    /// Bytes that any one delivery had at the most.
    pub peak_memory: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// The costs of a host's plugins.
#[derive(Debug)]
pub struct Costs {
    started: Instant,
    plugins: Mutex<BTreeMap<String, Ring>>,
}

impl Default for Costs {
    fn default() -> Self {
        Self { started: Instant::now(), plugins: Mutex::default() }
    }
}

/// The slots of one plugin, each at its number modulo [`SLOTS`].
#[derive(Debug)]
struct Ring([Slot; SLOTS]);

#[derive(Debug, Clone)]
struct Slot {
    number: u64,
    cost: PluginCost,
    times: [u32; CLASSES],
}

impl Slot {
    fn new(number: u64) -> Self {
        Self { number, cost: PluginCost::default(), times: [0; CLASSES] }
    }

    fn add(&mut self, receipt: &Receipt, failed: bool) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let cost = &mut self.cost;
        cost.deliveries += 1;
        cost.failures += u64::from(failed);
        cost.wasm_time_us += micros(receipt.wasm_time);
        cost.host_time_us += micros(receipt.host_time);
        cost.peak_memory = cost.peak_memory.max(receipt.peak_memory);
        cost.bytes_in += receipt.bytes_in;
        cost.bytes_out += receipt.bytes_out;
        self.times[class(receipt.time)] += 1;
    }
}

/// The class that a time is counted in.
fn class(time: Duration) -> usize {
    let ratio = (time.as_secs_f64() / SHORTEST).max(1.0);
    // Both are small and positive.
    ((ratio.ln() / WIDER.ln()) as usize).min(CLASSES - 1)
}

/// The longest time of a class, in microseconds.
fn longest(class: usize) -> u64 {
    let power = i32::try_from(class + 1).unwrap_or(i32::MAX);
    (SHORTEST * WIDER.powi(power) * 1e6) as u64
}

impl Ring {
    /// The slots of the last minute.
    fn recent(&self, now: u64) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter(move |slot| slot.cost.deliveries > 0 && now - slot.number.min(now) < SLOTS as u64)
    }

    fn cost(&self, plugin: &str, now: u64) -> PluginCost {
        let mut sum = PluginCost { plugin: plugin.to_owned(), ..PluginCost::default() };
        let mut times = [0_u64; CLASSES];
        for Slot { cost, times: counted, .. } in self.recent(now) {
            sum.deliveries += cost.deliveries;
            sum.failures += cost.failures;
            sum.wasm_time_us += cost.wasm_time_us;
            sum.host_time_us += cost.host_time_us;
            sum.peak_memory = sum.peak_memory.max(cost.peak_memory);
            sum.bytes_in += cost.bytes_in;
            sum.bytes_out += cost.bytes_out;
            for (sum, count) in times.iter_mut().zip(counted) {
                *sum += u64::from(*count);
            }
        }
        let quantile = |percent: u64| {
            let wanted = (sum.deliveries * percent).div_ceil(100);
            let mut counted = 0;
            let reached = times.iter().position(|count| {
                counted += count;
                counted >= wanted
            });
            reached.map_or(0, longest)
        };
        if sum.deliveries > 0 {
            (sum.time_p50_us, sum.time_p99_us) = (quantile(50), quantile(99));
        }
        sum
    }
}

impl Observe for Costs {
    fn settled(&self, record: &Record) {
        // Nothing ran.
        if record.receipt == Receipt::default() {
            return;
        }
        let failed = matches!(record.settlement, Settlement::Retried { .. } | Settlement::Dead { .. });
        self.add(record.plugin.to_string(), &record.receipt, failed);
    }
}

impl Costs {
    fn add(&self, plugin: String, receipt: &Receipt, failed: bool) {
        let now = self.slot();
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        if !plugins.contains_key(&plugin) {
            // Those that are gone go as others come, so that they do not gather (I8).
            plugins.retain(|_, ring| ring.recent(now).next().is_some());
        }
        let ring = plugins.entry(plugin).or_insert_with(|| Ring(std::array::from_fn(|_| Slot::new(now))));
        let slot = &mut ring.0[(now % SLOTS as u64) as usize];
        if slot.number != now {
            *slot = Slot::new(now);
        }
        slot.add(receipt, failed);
    }

    /// The number of this moment's slot.
    fn slot(&self) -> u64 {
        self.started.elapsed().as_secs() / SLOT.as_secs()
    }

    /// What these plugins cost, and those that cost something though they are not among them.
    fn of(&self, live: impl Iterator<Item = String>) -> Spent {
        let now = self.slot();
        let first = SLOT * u32::try_from((now + 1).saturating_sub(SLOTS as u64)).unwrap_or(u32::MAX);
        let seconds = self.started.elapsed().saturating_sub(first).as_secs_f64();
        let rings = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let costs = rings.iter().filter(|(_, ring)| ring.recent(now).next().is_some());
        let mut plugins: BTreeMap<String, PluginCost> =
            live.map(|plugin| (plugin.clone(), PluginCost { plugin, ..PluginCost::default() })).collect();
        plugins.extend(costs.map(|(plugin, ring)| (plugin.clone(), ring.cost(plugin, now))));
        Spent { seconds, plugins: plugins.into_values().collect() }
    }
}

/// Answers what plugins cost.
pub(super) async fn costs(State(seen): State<Seen>) -> Response {
    let live = seen.catalog.live().borrow().clone();
    Json(seen.costs.of(live.keys().map(ToString::to_string))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(micros: u64) -> Receipt {
        let time = Duration::from_micros(micros);
        let peak_memory = micros;
        Receipt { time, wasm_time: time / 2, host_time: time / 4, peak_memory, bytes_in: 10, bytes_out: 1 }
    }

    fn of(costs: &Costs, plugin: &str) -> PluginCost {
        let spent = costs.of(std::iter::once("idle".to_owned()));
        spent.plugins.into_iter().find(|cost| cost.plugin == plugin).unwrap_or_default()
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_costs_like_what_did_not_and_falls_out_after_a_minute() {
        let costs = Costs::default();
        for number in 1..=100 {
            costs.add("pheidi".into(), &receipt(if number == 100 { 80_000 } else { 1000 }), number % 2 == 0);
        }
        let cost = of(&costs, "pheidi");
        assert_eq!((cost.deliveries, cost.failures), (100, 50));
        assert_eq!((cost.wasm_time_us, cost.host_time_us), (99 * 500 + 40_000, 99 * 250 + 20_000));
        assert_eq!((cost.peak_memory, cost.bytes_in, cost.bytes_out), (80_000, 1000, 100));
        assert!((1000..=1250).contains(&cost.time_p50_us) && cost.time_p99_us == cost.time_p50_us, "{cost:?}");
        costs.add("pheidi".into(), &receipt(80_000), true);
        assert!((80_000..=100_000).contains(&of(&costs, "pheidi").time_p99_us));
        assert_eq!(of(&costs, "idle"), PluginCost { plugin: "idle".into(), ..PluginCost::default() });

        tokio::time::advance(SLOT * 6).await;
        costs.add("pheidi".into(), &receipt(1000), false);
        assert_eq!(of(&costs, "pheidi").deliveries, 102);
        tokio::time::advance(SLOT * 6).await;
        assert_eq!(of(&costs, "pheidi").deliveries, 1, "the first are older than a minute");
        tokio::time::advance(SLOT * 12).await;
        assert_eq!(of(&costs, "pheidi"), PluginCost::default());
        costs.add("docker".into(), &receipt(1), false);
        assert_eq!(costs.plugins.lock().expect("whole").len(), 1, "what is gone does not stay");
    }

    #[test]
    fn a_time_is_told_to_within_a_quarter() {
        for micros in [1, 10, 11, 999, 1000, 123_456, 60_000_000] {
            let told = longest(class(Duration::from_micros(micros)));
            assert!(told >= micros && told <= (micros.max(10) * 5).div_ceil(4), "{micros} is told as {told}");
        }
    }
}
