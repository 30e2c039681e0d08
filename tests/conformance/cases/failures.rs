//! How a plugin fails.

use std::time::Duration;

use leveret::plugin::Outcome;
use serde_json::json;

use crate::conformance::guest::{Guest, shown};
use crate::conformance::verdict::{Verdict, holds, rejected, retried};

pub fn retry(guest: &Guest) -> Verdict {
    let outcome = guest.ask(&json!({ "do": "retry", "reason": "busy" }));
    let right = matches!(&outcome, Outcome::Retry { reason, after: None } if reason == "busy");
    holds(right, "retry: busy", shown(&outcome))
}

/// A moment, a minute, and longer than 32 bits of milliseconds hold.
pub fn retry_after(guest: &Guest) -> Verdict {
    [1, 60_000, 5_000_000_000].into_iter().try_for_each(|milliseconds| {
        let outcome = guest.ask(&json!({ "do": "retry", "reason": "busy", "after": milliseconds }));
        let wanted = Duration::from_millis(milliseconds);
        let right = matches!(&outcome, Outcome::Retry { reason, after } if reason == "busy" && *after == Some(wanted));
        holds(right, format!("retry after {wanted:?}: busy"), shown(&outcome))
    })
}

pub fn reject(guest: &Guest) -> Verdict {
    let outcome = guest.ask(&json!({ "do": "reject", "reason": "broken" }));
    let right = matches!(&outcome, Outcome::Reject { reason } if reason == "broken");
    holds(right, "reject: broken", shown(&outcome))
}

pub fn unicode(guest: &Guest) -> Verdict {
    let reason = "kein Geld — 残高不足 🐇";
    retried(&guest.ask(&json!({ "do": "retry", "reason": reason })), &[reason])?;
    rejected(&guest.ask(&json!({ "do": "reject", "reason": reason })), &[reason])
}

/// An error of the language that nobody caught is a retry with its text.
pub fn error(guest: &Guest) -> Verdict {
    retried(&guest.ask(&json!({ "do": "error" })), &["boom"])
}

/// An abrupt end is a retry too, with the last words; and the next delivery is none the worse for it.
pub fn panic(guest: &Guest) -> Verdict {
    retried(&guest.ask(&json!({ "do": "panic" })), &["boom"])?;
    guest.report(&json!({ "do": "facts" })).map(drop)
}
