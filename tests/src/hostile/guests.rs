//! Hostile plugins in Rust and C: what a language's own library reaches for.

use super::{Fate, Hostile};
use crate::guests;

const NO_ANSWER: &[&str] = &["longer than its time limit", "limit of"];
const NOT_ITS_OWN: &[&str] = &["not a plugin's to set", "illegal name"];

fn rust() -> Option<Vec<u8>> {
    Some(guests::bytes("hostile"))
}

/// Built by `./dev test sandbox`, where Zig can be installed.
fn c() -> Option<Vec<u8>> {
    std::fs::read(guests::target().join("guests/hostile-c.wasm")).ok()
}

const fn hostile(name: &'static str, file: fn() -> Option<Vec<u8>>, payload: &'static str, fate: Fate) -> Hostile {
    Hostile { name, file, payload, fate }
}

pub const TABLE: &[Hostile] = &[
    hostile("reaches_for_files_in_rust", rust, r#"{"do": "files"}"#, Fate::Reached),
    hostile("reaches_for_the_environment_in_rust", rust, r#"{"do": "environment"}"#, Fate::Reached),
    hostile("reaches_for_sockets_in_rust", rust, r#"{"do": "sockets"}"#, Fate::Reached),
    hostile("reaches_for_names_in_rust", rust, r#"{"do": "names"}"#, Fate::Reached),
    hostile("reaches_for_the_clock_in_rust", rust, r#"{"do": "clock"}"#, Fate::Reached),
    hostile("reaches_for_threads_and_processes_in_rust", rust, r#"{"do": "processes"}"#, Fate::Reached),
    hostile("sleeps_for_an_hour", rust, r#"{"do": "sleep"}"#, Fate::Failed(NO_ANSWER)),
    hostile("ends_the_process", rust, r#"{"do": "exit"}"#, Fate::Failed(&["exit"])),
    hostile("prints_without_end", rust, r#"{"do": "print"}"#, Fate::Failed(NO_ANSWER)),
    hostile("steers_the_terminal_of_whoever_reads_the_log", rust, r#"{"do": "steer"}"#, Fate::Done),
    hostile("emits_as_much_as_it_may", rust, r#"{"do": "emit"}"#, Fate::Done),
    hostile("emits_more_than_it_may", rust, r#"{"do": "emit-more"}"#, Fate::Failed(&["at most"])),
    hostile("forges_the_attempt", rust, r#"{"do": "header", "name": "X-Leveret-Attempt"}"#, Fate::Failed(NOT_ITS_OWN)),
    hostile("forges_the_tid", rust, r#"{"do": "header", "name": "x-leveret-tid"}"#, Fate::Failed(NOT_ITS_OWN)),
    hostile("forges_a_death", rust, r#"{"do": "header", "name": "x-death"}"#, Fate::Failed(NOT_ITS_OWN)),
    hostile("routes_to_another_queue", rust, r#"{"do": "header", "name": "CC"}"#, Fate::Failed(NOT_ITS_OWN)),
    hostile("hides_a_header_behind_a_nul", rust, r#"{"do": "header", "name": "x\u0000cc"}"#, Fate::Failed(NOT_ITS_OWN)),
    hostile("emits_for_another_application", rust, r#"{"do": "task", "name": "billing.invoice.pay"}"#, NOT_LISTED),
    hostile("climbs_out_of_its_application", rust, r#"{"do": "task", "name": "../billing.invoice.pay"}"#, NO_NAME),
    hostile("emits_a_name_with_a_nul", rust, r#"{"do": "task", "name": "report.make\u0000"}"#, NO_NAME),
    hostile("emits_a_name_of_look_alikes", rust, r#"{"do": "task", "name": "r\u0435port.make"}"#, NO_NAME),
    hostile("emits_a_name_with_a_full_width_dot", rust, r#"{"do": "task", "name": "report\uff0emake"}"#, NO_NAME),
    hostile("emits_a_name_in_another_case", rust, r#"{"do": "task", "name": "REPORT.MAKE"}"#, NOT_LISTED),
    hostile("emits_a_name_of_300_bytes", rust, r#"{"do": "long"}"#, NO_NAME),
    hostile("reaches_for_files_in_c", c, r#"{"do": "files"}"#, Fate::Reached),
    hostile("reaches_for_the_environment_in_c", c, r#"{"do": "environment"}"#, Fate::Reached),
    hostile("writes_wherever_it_can_in_c", c, r#"{"do": "write"}"#, Fate::Failed(&["out of bounds", "memory"])),
    hostile(
        "jumps_wherever_it_can_in_c",
        c,
        r#"{"do": "jump"}"#,
        Fate::Failed(&["table", "indirect", "uninitialized"]),
    ),
    hostile(
        "recurses_without_end_in_c",
        c,
        r#"{"do": "recurse"}"#,
        Fate::Failed(&["stack", "out of bounds", "memory"]),
    ),
    hostile("loops_in_c", c, r#"{"do": "loop"}"#, Fate::Failed(NO_ANSWER)),
    hostile("ends_the_process_in_c", c, r#"{"do": "exit"}"#, Fate::Failed(&["exit", "unreachable"])),
    hostile("prints_without_end_in_c", c, r#"{"do": "print"}"#, Fate::Failed(NO_ANSWER)),
];

const NOT_LISTED: Fate = Fate::Failed(&["does not list"]);
const NO_NAME: Fate = Fate::Failed(&["task name"]);
