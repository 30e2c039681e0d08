//! Plugins that attack the host and their neighbours, each with what must become of it. The sandbox suite runs all of them,
//! and the bench measures what those that run cost a neighbour.

mod bombs;
mod guests;
mod texts;

use serde_json::Value;

/// Where each of them is put.
pub const PLACE: &str = "hostile.wasm";
/// What each of them hears, if it is let in.
pub const EVENT: &str = "thing.happened";
/// The task by which those that look around tell what they reached.
pub const REPORT: &str = "hostile.report.make";

/// One hostile plugin.
pub struct Hostile {
    /// What it does; the name of its test.
    pub name: &'static str,
    /// Makes its file. `None` where it was not built, for want of a compiler.
    pub file: fn() -> Option<Vec<u8>>,
    /// What the event says that it hears.
    pub payload: &'static str,
    pub fate: Fate,
}

/// What must become of a hostile plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is not let in, with one of these words in the reason.
    Refused(&'static [&'static str]),
    /// Its delivery fails, with one of these words in the reason.
    Failed(&'static [&'static str]),
    /// Its delivery is done, and its report says that it reached nothing.
    Reached,
    /// Its delivery is done, and did what any other may.
    Done,
}

impl Hostile {
    /// Whether it runs as long as it may each time, or makes the host work: what a neighbour could feel.
    pub fn is_felt(&self) -> bool {
        const FELT: [&str; 14] = [
            "loops_in_describe",
            "loops_in_its_handler",
            "loops_in_a_start_function",
            "loops_as_the_host_asks_it_for_memory",
            "recurses_without_end",
            "grows_its_memory_without_end",
            "grows_a_table_without_end",
            "floods_the_log",
            "calls_the_host_without_end",
            "hands_the_host_100_mib",
            "fills_its_memory_again_and_again",
            "emits_as_much_as_it_may",
            "takes_minutes_to_compile_by_its_locals",
            "is_as_heavy_as_is_let_in",
        ];
        FELT.contains(&self.name)
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Hostile> {
    texts::TABLE.iter().chain(bombs::TABLE).chain(guests::TABLE)
}

/// The one of this name.
///
/// # Panics
/// If there is none.
pub fn named(name: &str) -> &'static Hostile {
    all().find(|hostile| hostile.name == name).unwrap_or_else(|| panic!("there is no hostile plugin {name}"))
}

/// What a report says that was reached.
pub fn reached(report: &[u8]) -> Vec<String> {
    let report: Value = serde_json::from_slice(report).unwrap_or_default();
    let reached = report["reached"].as_array().cloned().unwrap_or_else(|| vec![report]);
    reached.iter().map(Value::to_string).collect()
}
