//! What a plugin sees of the world, which is what the event gives it, and what it leaves there, which are lines in the log.

use leveret::plugin::Outcome;
use serde_json::{Value, json};
use tracing::Level;
use wit_component::{DecodedWasm, decode};

use crate::conformance::guest::{Given, Guest, TIME, shown};
use crate::conformance::verdict::{Verdict, holds, same, wrong};

pub fn log(guest: &Guest) -> Verdict {
    let lines = guest.lines(&json!({ "do": "log" }));
    let expected = [
        (Level::TRACE, "a trace line"),
        (Level::DEBUG, "a debug line"),
        (Level::INFO, "an info line"),
        (Level::WARN, "a warn line"),
        (Level::ERROR, "an error line"),
    ];
    let logged: Vec<_> =
        lines.iter().filter(|(_, text)| text.ends_with(" line") && !text.contains("printed")).collect();
    let right = logged.iter().map(|(level, text)| (*level, text.as_str())).eq(expected);
    holds(right, format!("{expected:?}"), format!("{lines:?}"))
}

pub fn print(guest: &Guest) -> Verdict {
    let lines = guest.lines(&json!({ "do": "log" }));
    let has = |level: Level, line: &str| lines.iter().any(|(at, text)| *at == level && text == line);
    let right = has(Level::INFO, "a printed line") && has(Level::WARN, "a complaint");
    holds(right, "INFO a printed line, WARN a complaint", format!("{lines:?}"))
}

/// Nothing but the contract, settings, and what of WASI is there and empty.
pub fn imports(guest: &Guest) -> Verdict {
    const GRANTED: [&str; 8] = [
        "leveret:plugin/log@",
        "leveret:plugin/types@",
        "wasi:cli/",
        "wasi:clocks/",
        "wasi:config/",
        "wasi:filesystem/",
        "wasi:io/",
        "wasi:random/",
    ];
    let (resolve, world) = match decode(&guest.component) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => return wrong("a component", "a package of WIT"),
        Err(error) => return wrong("a component", error),
    };
    let names = resolve.worlds[world].imports.keys().map(|import| resolve.name_world_key(import));
    // Sockets are linked, so that a language's library may have them; none of them can be opened: see `reach`.
    let granted = |name: &String| name.starts_with("wasi:sockets/") || GRANTED.iter().any(|it| name.starts_with(it));
    let foreign: Vec<String> = names.filter(|name| !granted(name)).collect();
    holds(foreign.is_empty(), "imports that are granted", foreign.join(", "))
}

pub fn reach(guest: &Guest) -> Verdict {
    let nothing = json!({ "file": false, "environment": false, "network": false });
    same(&guest.report(&json!({ "do": "reach" }))?, &nothing)
}

pub fn clock(guest: &Guest) -> Verdict {
    same(&world(guest, "m-1")?["now"], &json!(TIME))
}

pub fn randomness(guest: &Guest) -> Verdict {
    four_numbers_by_the_event_s_id(guest, "random")
}

pub fn entropy(guest: &Guest) -> Verdict {
    four_numbers_by_the_event_s_id(guest, "entropy")
}

/// Each delivery has an instance of its own.
pub fn state(guest: &Guest) -> Verdict {
    (0..3).try_for_each(|_| same(&guest.report(&json!({ "do": "state" }))?, &json!({ "calls": 1 })))
}

/// The same event gives the same bytes, however often it comes.
pub fn determinism(guest: &Guest) -> Verdict {
    const TIMES: usize = 1000;
    for asked in [json!({ "do": "world" }), json!({ "do": "facts" }), json!({ "do": "emit", "count": 3, "size": 9 })] {
        let event = Given { headers: &[("b", "1"), ("a", "2"), ("c", "3")], ..Given::asked(&asked) };
        let first = guest.deliver(&event).outcome;
        holds(matches!(first, Outcome::Done(_)), "tasks", shown(&first))?;
        for _ in 1..TIMES {
            let next = guest.deliver(&event).outcome;
            holds(next == first, shown(&first), shown(&next))?;
        }
    }
    Ok(())
}

fn world(guest: &Guest, id: &'static str) -> Verdict<Value> {
    guest.report_on(&Given { id, ..Given::asked(&json!({ "do": "world" })) })
}

fn four_numbers_by_the_event_s_id(guest: &Guest, kind: &str) -> Verdict {
    let numbers = |id| Ok(world(guest, id)?[kind].clone());
    let (first, other) = (numbers("m-1")?, numbers("m-2")?);
    let list = first.as_array().map(Vec::as_slice).unwrap_or_default();
    let in_range = list.iter().all(|number| number.as_u64().is_some_and(|number| number < 1 << 32));
    holds(list.len() == 4 && in_range, "four integers below 2^32", &first)?;
    holds(list.windows(2).any(|pair| pair[0] != pair[1]), "numbers that differ", &first)?;
    same(&numbers("m-1")?, &first)?;
    holds(other != first, "other numbers for another event", &other)
}
