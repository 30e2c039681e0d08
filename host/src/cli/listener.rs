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
        let open = tell(json!({ "listener": "open", "reason": "9 of 10 failed", "until": 1_700_000_000_000_u64 }));
        assert_eq!(open, "breaker open until 2023-11-14T22:13:20Z: 9 of 10 failed");
        assert_eq!(tell(json!({ "listener": "interrupted", "reason": "404\x1b" })), "not listening: 404\\u{1b}");
    }
}
