//! What a subscription's listener does, in words.

use serde_json::Value;

use super::text::{moment, plain};
use crate::message::Timestamp;

/// What a subscription of `GET /subscriptions` or `/status` says of its listener.
pub(super) fn tell(subscription: &Value) -> String {
    let state = &subscription["state"];
    let reason = || plain(state["reason"].as_str().unwrap_or("for no reason that is known"));
    match state["listener"].as_str() {
        Some("consuming") if subscription["listening"] == true => "consuming".into(),
        Some("backfilling") => backfill(state),
        Some("paused") => "paused by an operator".into(),
        Some("open") => {
            let until =
                state["until"].as_u64().map_or_else(|| "?".into(), |until| moment(Timestamp::from_millis(until)));
            format!("breaker open until {until}: {}", reason())
        }
        Some("probing") => "breaker lets single messages through".into(),
        Some("interrupted") => format!("not listening: {}", reason()),
        _ => "not listening yet".into(),
    }
}

/// How far it has come through the past.
fn backfill(state: &Value) -> String {
    let number = |name: &str| state[name].as_u64().unwrap_or_default();
    let (passed, of, settled) = (number("passed"), number("of"), number("settled"));
    if of == 0 {
        return "about to be given the past, by this host or another".into();
    }
    let percent = passed * 100 / of;
    format!("given the past: {percent} %, {passed} of {of} places, {settled} events handled; what is new waits")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_state_is_told_with_its_reason() {
        let tell = |state: Value| tell(&json!({ "listening": false, "state": state }));
        assert_eq!(super::tell(&json!({ "listening": true, "state": { "listener": "consuming" } })), "consuming");
        assert_eq!(tell(json!({ "listener": "consuming" })), "not listening yet");
        assert_eq!(tell(json!({ "listener": "paused" })), "paused by an operator");
        let past = tell(json!({ "listener": "backfilling", "passed": 450, "of": 900, "settled": 12 }));
        assert_eq!(past, "given the past: 50 %, 450 of 900 places, 12 events handled; what is new waits");
        let open = tell(json!({ "listener": "open", "reason": "9 of 10 failed", "until": 1_700_000_000_000_u64 }));
        assert_eq!(open, "breaker open until 2023-11-14T22:13:20Z: 9 of 10 failed");
        assert_eq!(tell(json!({ "listener": "interrupted", "reason": "404\x1b" })), "not listening: 404\\u{1b}");
    }
}
