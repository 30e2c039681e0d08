//! What a plugin says of itself.

use std::time::Duration;

use leveret::plugin::AskedLimits;
use serde_json::{Value, json};

use crate::conformance::guest::Guest;
use crate::conformance::verdict::{Verdict, holds, same};

pub fn described(guest: &Guest) -> Verdict {
    let description = &guest.live.description;
    same(
        &json!(description),
        &json!({
            "version": "1.2.3",
            "summary": "Does what it is told.",
            "subscriptions": [
                "conformance.asked", "conformance.echoed", "conformance.shaped", "conformance.typed"
            ],
            "emits": ["conformance.echo.make", "conformance.report.make", "conformance.shape.make"],
            "performs": [
                "conformance.account.check", "conformance.order.obey", "conformance.shape.check", "conformance.text.echo"
            ],
            "announces": ["echo.made", "report.made", "shape.made"],
            "limits": { "time_ms": 5000, "memory": 134_217_728, "prefetch": 7, "attempts": 4 },
            "timetable": [
                { "event": "report.made", "schedule": "cron 30 8 * * MON-FRI", "missed": "skip" },
                { "event": "echo.made", "schedule": "every 1m 30s from 7s", "missed": "once" },
                { "event": "shape.made", "schedule": "at 1970-01-01T00:00:05Z", "missed": "all" },
            ],
        }),
    )?;
    let zones: Vec<_> = description.timetable.iter().map(|timed| timed.schedule.zone().name()).collect();
    same(&json!(zones), &json!(["Europe/Berlin", "UTC", "UTC"]))?;
    let AskedLimits { time, .. } = description.limits;
    holds(time == Some(Duration::from_secs(5)), "a time limit of 5 s", format!("{time:?}"))
}

pub fn schemas(guest: &Guest) -> Verdict {
    let description = &guest.live.description;
    let handled: Vec<_> = description.schemas.handled.keys().map(ToString::to_string).collect();
    let made: Vec<_> = description.schemas.made.keys().map(ToString::to_string).collect();
    let expected = json!([["conformance.shaped", "conformance.shape.check"], ["shape.made", "conformance.shape.make"]]);
    same(&json!([handled, made]), &expected)?;
    let fits =
        |payload: &Value| description.schemas.made.values().all(|schema| schema.check(&payload.to_string()).is_ok());
    holds(fits(&json!({ "n": 1 })), "{\"n\": 1} fits what is made", "it does not")?;
    holds(!fits(&json!({ "n": 1.5 })), "{\"n\": 1.5} does not fit what is made", "it does")
}

/// The answer must not depend on anything, such as settings.
pub fn the_same_again(guest: &Guest) -> Verdict {
    let again = guest.with_settings(&[("ill", "feverish"), ("version", "9")])?;
    same(&json!(again.live.description), &json!(guest.live.description))
}
