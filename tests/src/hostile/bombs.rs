//! Small files that ask for a great deal as they are compiled or instantiated.

use super::{Fate, Hostile};
use crate::wat::{NO_TASKS, Subscriber, parse};

const TOIL: &[&str] = &["would take too long to compile"];

/// A function with locals, some of which each branch changes, so that each branch has something to do for each of them.
fn branching(locals: usize, branches: usize) -> String {
    let change = |branch: usize| {
        let local = branch % locals + 1;
        format!("(if (local.get 0) (then (local.set {local} (i32.add (local.get {local}) (i32.const 1)))))")
    };
    let uses: String = (1..=locals).map(|local| format!("(i32.add (local.get {local}))")).collect();
    format!(
        "(func (param i32) (result i32) {} {} (local.get 0) {uses})",
        "(local i32)".repeat(locals),
        (0..branches).map(change).collect::<String>(),
    )
}

fn nested(depth: usize) -> String {
    let (open, close) = ("local.get 0 if ".repeat(depth), "end ".repeat(depth));
    format!("(func (param i32) {open} i32.const 1 local.set 0 {close})")
}

/// A component with so many functions of so many locals each, which takes eight bytes for each function.
fn with_locals(locals: usize, functions: usize) -> Vec<u8> {
    let section = |id: u8, bytes: &[u8]| [&[id][..], &leb(bytes.len()), bytes].concat();
    let body = [&[1][..], &leb(locals), b"\x7e\x0b"].concat();
    let body = [&leb(body.len())[..], &body].concat();
    let module = [
        &b"\0asm\x01\0\0\0"[..],
        &section(1, b"\x01\x60\0\0"),
        &section(3, &[&leb(functions)[..], &vec![0; functions]].concat()),
        &section(10, &[&leb(functions)[..], &body.repeat(functions)].concat()),
    ];
    [&b"\0asm\x0d\0\x01\0"[..], &section(1, &module.concat())].concat()
}

/// A number as WebAssembly writes it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn with(more: &str) -> Option<Vec<u8>> {
    Some(Subscriber { on_event: NO_TASKS, more, ..Subscriber::default() }.build())
}

const fn hostile(name: &'static str, fate: Fate, file: fn() -> Option<Vec<u8>>) -> Hostile {
    Hostile { name, file, payload: "{}", fate }
}

pub const TABLE: &[Hostile] = &[
    hostile("takes_minutes_to_compile_by_its_locals", Fate::Refused(TOIL), || with(&branching(10_000, 12_500))),
    hostile("takes_minutes_to_compile_by_its_nesting", Fate::Refused(TOIL), || with(&nested(50_000))),
    hostile("takes_minutes_to_compile_by_its_calls", Fate::Refused(TOIL), || {
        let calls = "(call_indirect (type $call) (local.get 0))".repeat(50_000);
        with(&format!("(table 1 funcref) (type $call (func)) (func (param i32) {calls})"))
    }),
    hostile("takes_minutes_to_compile_by_what_its_blocks_carry", Fate::Refused(TOIL), || {
        let (wide, values) = ("i32 ".repeat(900), "i32.const 0 ".repeat(900));
        let blocks = "local.get 0 if (type $wide) end ".repeat(20_000);
        let drops = "drop ".repeat(900);
        with(&format!(
            "(type $wide (func (param {wide}) (result {wide}))) (func (param i32) {values} {blocks} {drops})"
        ))
    }),
    hostile("takes_minutes_to_compile_by_what_its_calls_return", Fate::Refused(TOIL), || {
        let (wide, values) = ("i32 ".repeat(1000), "i32.const 0 ".repeat(1000));
        let calls = "call $wide ".repeat(50_000);
        with(&format!("(func $wide (result {wide}) {values}) (func {calls} unreachable)"))
    }),
    hostile("takes_minutes_to_compile_by_locals_of_many_functions", Fate::Refused(TOIL), || {
        Some(with_locals(50_000, 2_000))
    }),
    hostile("is_as_heavy_as_is_let_in", Fate::Done, || with(&nested(5_000).repeat(12))),
    hostile("instantiates_a_billion_modules", Fate::Refused(TOIL), || Some(parse(&exponential(1000, 3)))),
    hostile("instantiates_6000_modules", Fate::Refused(TOIL), || {
        let instances = "(core instance (instantiate $module))".repeat(12_000);
        Some(parse(&format!("(component (core module $module) {instances})")))
    }),
    hostile("instantiates_components_that_it_is_given", Fate::Refused(TOIL), || {
        Some(parse("(component (import \"a\" (component)))"))
    }),
    hostile("has_a_segment_of_a_million_elements", Fate::Refused(&["table", "element", "limit", "trap"]), || {
        let elements = "$f ".repeat(1_000_000);
        with(&format!("(table 1100000 funcref) (func $f) (elem (i32.const 0) {elements})"))
    }),
    hostile("writes_far_apart_as_it_begins", Fate::Refused(&["more memory", "out of bounds", "memory"]), || {
        with("(data (i32.const 2000000000) \"x\")")
    }),
];

/// A component that instantiates another so many times, which does the same with a third, and so on.
fn exponential(times: usize, levels: usize) -> String {
    let mut text = "(component $level0 (core module $module) (core instance (instantiate $module)))".to_owned();
    for level in 1..=levels {
        let below = level - 1;
        let instances = format!("(instance (instantiate $level{below}))").repeat(times);
        text += &format!(
            "(component $level{level} (alias outer $all $level{below} (component $level{below})) {instances})"
        );
    }
    format!("(component $all {text} (instance (instantiate $level{levels})))")
}
