//! What a plugin emits.

use leveret::message::HeaderValue;
use leveret::plugin::Outcome;
use serde_json::json;

use crate::conformance::guest::{Guest, payload, shown};
use crate::conformance::verdict::{Verdict, holds, retried, same, wrong};

/// As many as a delivery may emit.
pub fn in_order(guest: &Guest) -> Verdict {
    let outcome = guest.ask(&json!({ "do": "emit", "count": 1000, "size": 100 }));
    let Outcome::Done(drafts) = &outcome else { return wrong("1,000 tasks", shown(&outcome)) };
    holds(drafts.len() == 1000, "1,000 tasks", drafts.len())?;
    for (number, draft) in (1..).zip(drafts) {
        same(&payload(draft), &json!({ "number": number, "padding": "x".repeat(100) }))?;
    }
    Ok(())
}

pub fn key_and_header(guest: &Guest) -> Verdict {
    let outcome = guest.ask(&json!({ "do": "key" }));
    let Outcome::Done(drafts) = &outcome else { return wrong("one task", shown(&outcome)) };
    let [draft] = &drafts[..] else { return wrong("one task", shown(&outcome)) };
    same(&payload(draft), &json!({}))?;
    holds(draft.key.as_deref() == Some("k-1"), "the key k-1", format!("{:?}", draft.key))?;
    let colour = draft.headers.get("colour").and_then(HeaderValue::as_text);
    holds(colour == Some("blue") && draft.headers.len() == 1, "the header colour: blue", format!("{:?}", draft.headers))
}

pub fn undeclared(guest: &Guest) -> Verdict {
    retried(&guest.ask(&json!({ "do": "undeclared" })), &["`conformance.other.make`", "does not list"])
}

pub fn misfit(guest: &Guest) -> Verdict {
    retried(&guest.ask(&json!({ "do": "misshapen" })), &["`conformance.shape.make`", "does not fit its schema", "/n"])
}
