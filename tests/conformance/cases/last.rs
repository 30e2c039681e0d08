//! Settings, a last chance, and health.

use leveret::plugin::Recovered;
use serde_json::{Value, json};

use crate::conformance::guest::{Given, Guest, TIME, report};
use crate::conformance::verdict::{Verdict, holds, same, wrong};

pub fn setting(guest: &Guest) -> Verdict {
    let guest = guest.with_settings(&[("greeting", "guten Tag 🐇"), ("empty", "")])?;
    let value = |name: &str| guest.report(&json!({ "do": "setting", "name": name }));
    same(&value("greeting")?, &json!({ "value": "guten Tag 🐇" }))?;
    same(&value("empty")?, &json!({ "value": "" }))
}

pub fn setting_absent(guest: &Guest) -> Verdict {
    same(&guest.report(&json!({ "do": "setting", "name": "greeting" }))?, &json!({ "value": null }))
}

pub fn recover(guest: &Guest) -> Verdict {
    let drafts = match recovered(guest, &json!({ "do": "panic" }))?.answer {
        Ok(drafts) => drafts,
        Err(words) => return wrong("a report", words),
    };
    let told = |attempt: u64, reason: &str| json!({ "attempt": attempt, "time": TIME + attempt, "version": "1 (ab12cd34)", "reason": reason });
    let attempts = json!([told(1, "busy"), told(2, "still busy")]);
    same(&report(&drafts)?, &json!({ "recovered": "m-1", "attempts": attempts }))
}

pub fn recover_fails(guest: &Guest) -> Verdict {
    let answer = recovered(guest, &json!({ "do": "panic", "recover": "fail" }))?.answer;
    let right =
        answer.as_ref().is_err_and(|words| words.contains("no way out") && !words.contains("its recovery failed"));
    holds(right, "the error `no way out`", format!("{answer:?}"))
}

/// The same message gives the same bytes.
pub fn recover_purely(guest: &Guest) -> Verdict {
    let answer = || Ok(recovered(guest, &json!({ "do": "panic" }))?.answer);
    let (first, second) = (answer()?, answer()?);
    holds(first == second, format!("{first:?}"), format!("{second:?}"))
}

pub fn well(guest: &Guest) -> Verdict {
    let answer = guest.healthy();
    holds(answer.is_ok(), "well", format!("{answer:?}"))
}

pub fn ill(guest: &Guest) -> Verdict {
    let answer = guest.with_settings(&[("ill", "feverish")])?.healthy();
    let right = answer.as_ref().is_err_and(|words| words.contains("feverish") && !words.contains("its probe failed"));
    holds(right, "the error `feverish`", format!("{answer:?}"))
}

fn recovered(guest: &Guest, instruction: &Value) -> Verdict<Recovered> {
    guest.recover(&Given::asked(instruction)).map_or_else(|| wrong("a recovery", "the component exports none"), Ok)
}
