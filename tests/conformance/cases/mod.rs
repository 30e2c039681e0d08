//! The table: what a plugin in any language does, and what the host makes of it.

mod bounds;
mod description;
mod failures;
mod last;
mod payloads;
mod purity;
mod tasks;
mod work;

use super::guest::Guest;
use super::verdict::Verdict;

/// One thing that every language must do.
pub struct Case {
    pub name: &'static str,
    pub run: fn(&Guest) -> Verdict,
}

const fn case(name: &'static str, run: fn(&Guest) -> Verdict) -> Case {
    Case { name, run }
}

pub const CASES: [Case; 61] = [
    case("describe", description::described),
    case("describe-schemas", description::schemas),
    case("describe-again", description::the_same_again),
    case("echo", payloads::object),
    case("echo-empty", payloads::empty),
    case("echo-numbers", payloads::numbers),
    case("echo-unicode", payloads::unicode),
    case("echo-1-mib", payloads::large),
    case("typed", payloads::typed),
    case("typed-misfit", payloads::typed_misfit),
    case("shaped", payloads::shaped),
    case("shaped-misfit", payloads::shaped_misfit),
    case("facts", payloads::facts),
    case("facts-absent", payloads::facts_absent),
    case("tasks-in-order", tasks::in_order),
    case("key-and-header", tasks::key_and_header),
    case("task-undeclared", tasks::undeclared),
    case("task-misfit", tasks::misfit),
    case("retry", failures::retry),
    case("retry-after", failures::retry_after),
    case("reject", failures::reject),
    case("failure-unicode", failures::unicode),
    case("error", failures::error),
    case("panic", failures::panic),
    case("endless-loop", bounds::endless_loop),
    case("memory-bomb", bounds::memory_bomb),
    case("stack-overflow", bounds::stack_overflow),
    case("too-many-tasks", bounds::too_many_tasks),
    case("too-many-bytes", bounds::too_many_bytes),
    case("log", purity::log),
    case("print", purity::print),
    case("imports", purity::imports),
    case("reach", purity::reach),
    case("clock", purity::clock),
    case("randomness", purity::randomness),
    case("entropy", purity::entropy),
    case("state", purity::state),
    case("determinism", purity::determinism),
    case("setting", last::setting),
    case("setting-absent", last::setting_absent),
    case("recover", last::recover),
    case("recover-fails", last::recover_fails),
    case("recover-purely", last::recover_purely),
    case("probe-well", last::well),
    case("probe-ill", last::ill),
    case("task-echo", work::echo),
    case("task-typed", work::typed),
    case("task-shaped", work::shaped),
    case("task-facts", work::facts),
    case("task-facts-absent", work::facts_absent),
    case("announcements-in-order", work::announces_in_order),
    case("task-creates-tasks", work::creates_tasks),
    case("task-makes-both", work::both),
    case("announcement-undeclared", work::undeclared),
    case("announcement-misfit", work::misfit),
    case("task-failures", work::failures),
    case("task-error", work::error),
    case("task-panic", work::panic),
    case("task-world", work::world),
    case("task-setting", work::setting),
    case("task-recover", work::recover),
];
