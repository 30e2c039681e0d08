//! Hostile plugins in WebAssembly text: what no compiler of a sane language would produce.

use super::{Fate, Hostile};
use crate::wat::{Subscriber, importing, parse};

const FOREVER: &str = "(loop $again (br $again)) unreachable";
const NO_ANSWER: &[&str] = &["longer than its time limit", "limit of"];
const TOO_MUCH_MEMORY: &[&str] = &["more memory than its limit"];
/// What a loop calls that logs; its argument is the number of bytes.
const LOG: &str = r#"(import "leveret:plugin/log@0.1.0" "log" (func $log (param i32 i32 i32)))"#;
/// WASI preview 1, as a compiler that knows no components sees it.
const RANDOM: &str = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))"#;
/// A name of a task that is not one, or that is another's.
pub const FORGED: [&str; 20] = [
    "",
    ".",
    "..",
    "report",
    ".report.make",
    "report..make",
    "report.make.",
    "../billing.invoice.pay",
    "/billing.invoice.pay",
    "billing/invoice.pay",
    "report.make\0",
    "report.make\n",
    " report.make",
    "r\u{435}port.make",
    "re\u{301}port.make",
    "report\u{ff0e}make",
    "report\u{2024}make",
    "\u{202e}report.make",
    "report.ma\u{200b}ke",
    LONG,
];
const LONG: &str = concat!(
    "report.",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
);

fn some(subscriber: &Subscriber<'_>) -> Option<Vec<u8>> {
    Some(subscriber.build())
}

fn on_event(on_event: &str) -> Option<Vec<u8>> {
    some(&Subscriber { on_event, ..Subscriber::default() })
}

fn with(on_event: &str, more: &str) -> Option<Vec<u8>> {
    some(&Subscriber { on_event, more, ..Subscriber::default() })
}

/// A handler that emits a list of tasks: where it begins, and how many it has.
fn list(at: u32, number: u32, pages: u32) -> Option<Vec<u8>> {
    let on_event = format!(
        "(i32.store (i32.const 40) (i32.const {at})) (i32.store (i32.const 44) (i32.const {number})) i32.const 32"
    );
    some(&Subscriber { on_event: &on_event, pages, ..Subscriber::default() })
}

/// A handler that emits one task, whose name lies here.
fn name(at: u32, length: u32, more: &str) -> Option<Vec<u8>> {
    let on_event = format!(
        "(i32.store (i32.const 40) (i32.const 64)) (i32.store (i32.const 44) (i32.const 1))
         (i32.store (i32.const 64) (i32.const {at})) (i32.store (i32.const 68) (i32.const {length})) i32.const 32"
    );
    with(&on_event, more)
}

fn description(address: u32, value: u32) -> Option<Vec<u8>> {
    let describe = format!("(i32.store (i32.const {address}) (i32.const {value})) i32.const 1024");
    some(&Subscriber { describe: &describe, ..Subscriber::default() })
}

const fn hostile(name: &'static str, fate: Fate, file: fn() -> Option<Vec<u8>>) -> Hostile {
    Hostile { name, file, payload: "{}", fate }
}

pub const TABLE: &[Hostile] = &[
    hostile("loops_in_describe", Fate::Refused(NO_ANSWER), || {
        some(&Subscriber { describe: FOREVER, ..Subscriber::default() })
    }),
    hostile("loops_in_its_handler", Fate::Failed(NO_ANSWER), || on_event(FOREVER)),
    hostile("loops_in_a_start_function", Fate::Refused(NO_ANSWER), || {
        with(crate::wat::NO_TASKS, "(func $begin (loop $again (br $again))) (start $begin)")
    }),
    hostile("loops_as_the_host_asks_it_for_memory", Fate::Failed(NO_ANSWER), || {
        some(&Subscriber { realloc: FOREVER, ..Subscriber::default() })
    }),
    hostile("traps_in_a_start_function", Fate::Refused(&["unreachable"]), || {
        with(crate::wat::NO_TASKS, "(func $begin unreachable) (start $begin)")
    }),
    hostile("traps_in_drop", Fate::Failed(&["unreachable"]), || {
        let after = r#"(func (export "cabi_post_leveret:plugin/subscriber@0.1.0#on-event") (param i32) unreachable)"#;
        with(crate::wat::NO_TASKS, after)
    }),
    hostile("loops_in_drop", Fate::Failed(NO_ANSWER), || {
        let after = r#"(func (export "cabi_post_leveret:plugin/subscriber@0.1.0#on-event") (param i32)
            (loop $again (br $again)))"#;
        with(crate::wat::NO_TASKS, after)
    }),
    hostile("recurses_without_end", Fate::Failed(&["stack"]), || {
        with("(call $deeper) i32.const 16", "(func $deeper (call $deeper) (call $deeper))")
    }),
    hostile("grows_its_memory_without_end", Fate::Failed(TOO_MUCH_MEMORY), || {
        on_event("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable")
    }),
    hostile("fills_its_memory_again_and_again", Fate::Failed(NO_ANSWER), || {
        on_event(
            "(drop (memory.grow (i32.const 900)))
             (loop $again (memory.fill (i32.const 65536) (i32.const 1) (i32.const 50000000)) (br $again)) unreachable",
        )
    }),
    hostile("grows_a_table_without_end", Fate::Failed(&["more memory", "unreachable"]), || {
        let grow = "(loop $more (br_if $more
            (i32.ne (table.grow $table (ref.null func) (i32.const 10000)) (i32.const -1)))) unreachable";
        with(grow, "(table $table 1 funcref)")
    }),
    hostile("declares_4_gib_of_memory", Fate::Refused(&["memory"]), || {
        some(&Subscriber { pages: 65536, ..Subscriber::default() })
    }),
    hostile("declares_more_memory_than_is_granted", Fate::Refused(TOO_MUCH_MEMORY), || {
        some(&Subscriber { pages: 2500, ..Subscriber::default() })
    }),
    hostile("declares_a_table_of_100_million", Fate::Refused(&["table"]), || {
        with(crate::wat::NO_TASKS, "(table 100000000 funcref)")
    }),
    hostile("declares_100_memories", Fate::Refused(&["memories", "multiple memories", "limit"]), || {
        with(crate::wat::NO_TASKS, &"(memory 1)".repeat(99))
    }),
    hostile("declares_300_tables", Fate::Refused(&["tables"]), || {
        let (tables, instances) = ("(table 1 funcref)".repeat(99), "(core instance (instantiate $module))".repeat(3));
        Some(parse(&format!("(component (core module $module {tables}) {instances})")))
    }),
    hostile("returns_a_list_of_four_billion", Fate::Failed(&["out of bounds", "pointer", "list"]), || {
        list(65536, u32::MAX, 2)
    }),
    hostile("returns_a_list_of_a_million_empty_tasks", Fate::Failed(&["fuel", "limit", "exhausted"]), || {
        list(65536, 1_000_000, 700)
    }),
    hostile("returns_a_list_beyond_its_memory", Fate::Failed(&["out of bounds", "pointer", "list"]), || {
        list(u32::MAX - 3, 100, 2)
    }),
    hostile("returns_an_address_beyond_its_memory", Fate::Failed(&["out of bounds", "pointer"]), || {
        on_event("i32.const -8")
    }),
    hostile("returns_an_address_that_is_not_aligned", Fate::Failed(&["align"]), || on_event("i32.const 17")),
    hostile("returns_what_is_neither_success_nor_failure", Fate::Failed(&["discriminant"]), || {
        on_event("(i32.store8 (i32.const 32) (i32.const 7)) i32.const 32")
    }),
    hostile("emits_a_text_beyond_its_memory", Fate::Failed(&["out of bounds", "pointer", "string"]), || {
        name(u32::MAX - 15, 4096, "")
    }),
    hostile("emits_a_text_of_4_gib", Fate::Failed(&["out of bounds", "pointer", "string"]), || name(0, u32::MAX, "")),
    hostile("emits_a_text_that_is_not_utf_8", Fate::Failed(&["utf-8", "UTF-8"]), || {
        name(128, 4, r#"(data (i32.const 128) "\ff\fe\c0\80")"#)
    }),
    hostile("emits_a_text_with_a_surrogate", Fate::Failed(&["utf-8", "UTF-8"]), || {
        name(128, 3, r#"(data (i32.const 128) "\ed\a0\80")"#)
    }),
    hostile(
        "describes_itself_with_a_text_beyond_its_memory",
        Fate::Refused(&["out of bounds", "pointer", "string"]),
        || description(1024, u32::MAX - 3),
    ),
    hostile("describes_four_billion_subscriptions", Fate::Refused(&["out of bounds", "pointer", "list"]), || {
        description(1044, u32::MAX)
    }),
    hostile("describes_a_limit_that_is_no_option", Fate::Refused(&["discriminant"]), || description(1072, 9)),
    hostile("gives_the_host_memory_that_is_not_there", Fate::Failed(&["out of bounds", "realloc"]), || {
        some(&Subscriber { realloc: "i32.const -8", ..Subscriber::default() })
    }),
    hostile("describes_forged_names", Fate::Refused(&["task name"]), || {
        some(&Subscriber { emits: &FORGED, ..Subscriber::default() })
    }),
    hostile("subscribes_to_forged_names", Fate::Refused(&["event name"]), || {
        some(&Subscriber { subscriptions: &FORGED, ..Subscriber::default() })
    }),
    hostile("floods_the_log", Fate::Failed(NO_ANSWER), || {
        let on_event = "(loop $again (call $log (i32.const 2) (i32.const 0) (i32.const 8192)) (br $again)) unreachable";
        some(&Subscriber { imports: LOG, on_event, ..Subscriber::default() })
    }),
    hostile("hands_the_host_100_mib", Fate::Failed(&["fuel", "limit", "exhausted"]), || {
        let on_event = "(call $log (i32.const 2) (i32.const 0) (i32.const 104857600)) i32.const 16";
        some(&Subscriber { imports: LOG, on_event, pages: 1700, ..Subscriber::default() })
    }),
    hostile("logs_what_is_not_there", Fate::Failed(&["out of bounds", "pointer", "string"]), || {
        let on_event = "(call $log (i32.const 2) (i32.const -16) (i32.const 4096)) i32.const 16";
        some(&Subscriber { imports: LOG, on_event, ..Subscriber::default() })
    }),
    hostile("calls_the_host_without_end", Fate::Failed(NO_ANSWER), || {
        let on_event = "(loop $again (drop (call $random (i32.const 4096) (i32.const 8))) (br $again)) unreachable";
        some(&Subscriber { imports: RANDOM, on_event, ..Subscriber::default() })
    }),
    hostile("asks_the_host_for_100_mib", Fate::Failed(&["limit", "fuel", "unreachable", "random", "memory"]), || {
        let on_event = "(drop (call $random (i32.const 65536) (i32.const 104857600))) unreachable";
        some(&Subscriber { imports: RANDOM, on_event, pages: 1700, ..Subscriber::default() })
    }),
    hostile("imports_http_as_a_subscriber", Fate::Refused(&["a subscriber is pure"]), || {
        Some(importing("wasi:http/outgoing-handler@0.2.0"))
    }),
    hostile("imports_an_interface_that_nobody_knows", Fate::Refused(&["no such interface"]), || {
        Some(importing("acme:bank/vault"))
    }),
    hostile("is_a_program_of_the_system", Fate::Refused(&["not WebAssembly"]), || Some(b"\x7fELF\x02\x01\x01".into())),
    hostile("is_an_empty_component", Fate::Refused(&["so it is not a plugin"]), || Some(parse("(component)"))),
    hostile("ends_in_the_middle", Fate::Refused(&["does not compile"]), || {
        let mut file = Subscriber::default().build();
        file.truncate(file.len() / 2);
        Some(file)
    }),
];
