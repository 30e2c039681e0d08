//! What people write on the command line, and what it means.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::message::{MessageId, Tid, Timestamp};

pub(super) fn id(text: &str) -> Result<MessageId, String> {
    MessageId::from_wire(text).ok_or_else(|| "an id has 1 to 255 bytes".into())
}

/// An id, or the beginning of one.
pub(super) fn beginning(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("an id has at least one character".into()) } else { Ok(text.into()) }
}

pub(super) fn tid(text: &str) -> Result<Tid, String> {
    Tid::from_wire(text).ok_or_else(|| "a TID has 1 to 255 bytes".into())
}

/// A moment or the beginning of a day in UTC, or one that is so long ago.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let day = || humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).ok();
    let ago = || SystemTime::now().checked_sub(humantime::parse_duration(text).ok()?);
    let time = humantime::parse_rfc3339_weak(text).ok().or_else(day).or_else(ago);
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let millis = since_epoch.and_then(|since| u64::try_from(since.as_millis()).ok());
    millis
        .map(Timestamp::from_millis)
        .ok_or_else(|| "use one like 2026-01-31T12:00:00Z or 2026-01-31, or 2h for two hours ago".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_so_long_ago() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(Timestamp::from_millis(1_700_000_000_000)));
        assert_eq!(moment("2023-11-14"), Ok(Timestamp::from_millis(1_699_920_000_000)));
        let (now, ago) = (Timestamp::now().millis(), moment("2h").expect("legal").millis());
        assert!((7_200_000..7_260_000).contains(&(now - ago)), "{ago}");
        for text in ["", "yesterday", "1960-01-01T00:00:00Z", "2023-11-31", "-2h", "9999999999y"] {
            assert!(moment(text).is_err(), "{text:?}");
        }
    }
}
