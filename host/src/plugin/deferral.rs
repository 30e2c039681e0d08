//! When a plugin wants a message to be published, where that is not at once: read from two headers, since the contract's
//! records have no field for it.

use std::time::Duration;

use jiff::Timestamp as Instant;

use crate::message::{HeaderValue, Headers, Timestamp};

/// The header with the moment: milliseconds since 1970-01-01 UTC in digits, an RFC 3339 text, or `never`.
pub const DELIVER_AT: &str = "deliver-at";
/// The header with the name under which the message waits.
pub const DELIVER_ID: &str = "deliver-id";
/// The word for a message that is to be taken back.
const NEVER: &str = "never";
/// The longest name, in bytes.
const NAME_LIMIT: usize = 255;
/// How far ahead a moment may be: ten years, with their leap days.
const FURTHEST: Duration = Duration::from_secs(3653 * 24 * 60 * 60);

/// When a message is to be published, where that is not at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deferral {
    /// At this moment, or at once where it is past; in place of what waits under the name in the application, if it has
    /// one.
    At { moment: Timestamp, name: Option<String> },
    /// What waits under the name in the application is not to be published, and this is not either.
    Never { name: String },
}

impl Deferral {
    /// What the headers say, if they do.
    ///
    /// # Errors
    /// In words, where they cannot be read.
    pub(super) fn read(headers: &Headers, now: Timestamp) -> Result<Option<Self>, String> {
        let text = |header| headers.get(header).and_then(HeaderValue::as_text);
        let name = text(DELIVER_ID).map(name).transpose()?;
        Ok(Some(match (text(DELIVER_AT), name) {
            (None, None) => return Ok(None),
            (None, Some(_)) => {
                return Err(format!("the header `{DELIVER_ID}` means nothing without `{DELIVER_AT}`"));
            }
            (Some(NEVER), None) => {
                return Err(format!(
                    "`{DELIVER_AT}: {NEVER}` takes back what `{DELIVER_ID}` names, and it names nothing"
                ));
            }
            (Some(NEVER), Some(name)) => Self::Never { name },
            (Some(text), name) => Self::At { moment: moment(text, now)?, name },
        }))
    }
}

/// Takes the headers off, whatever they say: they are for the host.
pub fn take_off(headers: &mut Headers) {
    headers.remove(DELIVER_AT);
    headers.remove(DELIVER_ID);
}

/// Whether a header of this name is one of the two, whichever case its letters have, and how it is spelt here.
pub(super) fn spelling(name: &str) -> Option<&'static str> {
    [DELIVER_AT, DELIVER_ID].into_iter().find(|ours| name.eq_ignore_ascii_case(ours))
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NAME_LIMIT || text.chars().any(char::is_control) {
        return Err(format!("the header `{DELIVER_ID}` has 1 to {NAME_LIMIT} bytes and no control characters"));
    }
    Ok(text.to_owned())
}

fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let millis = match is_number {
        true => text.parse().ok(),
        // What is before 1970 is past, as 1970 is.
        false => text.parse().ok().map(|at: Instant| u64::try_from(at.as_millisecond()).unwrap_or(0)),
    };
    let Some(millis) = millis else {
        return Err(format!(
            "the header `{DELIVER_AT}` is {text:?}, and it must be milliseconds since 1970 UTC, an RFC 3339 moment with \
             its offset such as 2030-01-31T12:00:00Z, or `{NEVER}`"
        ));
    };
    let furthest = now.since_epoch() + FURTHEST;
    if Duration::from_millis(millis) > furthest {
        return Err(format!("the header `{DELIVER_AT}` is {text:?}, which is more than ten years ahead"));
    }
    Ok(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn read(headers: &[(&str, &str)]) -> Result<Option<Deferral>, String> {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
        Deferral::read(&headers.iter().map(header).collect(), NOW)
    }

    fn at(millis: u64) -> Option<Deferral> {
        Some(Deferral::At { moment: Timestamp::from_millis(millis), name: None })
    }

    #[test]
    fn a_moment_is_milliseconds_or_rfc_3339_with_an_offset() {
        assert_eq!(read(&[]), Ok(None));
        for (text, millis) in [
            ("1700000000123", 1_700_000_000_123),
            ("0", 0),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-15T00:13:20.123+02:00", 1_700_000_000_123),
            ("1913-11-15T00:00:00Z", 0),
        ] {
            assert_eq!(read(&[(DELIVER_AT, text)]), Ok(at(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused_with_the_ways_to_say_one() {
        for text in ["", "soon", "-1", "1e9", "2023-11-14", "2023-11-14T22:13:20", "Never", "99999999999999999999"] {
            let reason = read(&[(DELIVER_AT, text)]).expect_err(text);
            assert!(reason.contains("RFC 3339"), "{reason}");
        }
    }

    #[test]
    fn i8_a_moment_is_at_most_ten_years_ahead() {
        assert!(read(&[(DELIVER_AT, "2033-11-14T22:13:20Z")]).is_ok());
        for text in ["2033-11-16T22:13:20Z", "18446744073709551615"] {
            assert!(read(&[(DELIVER_AT, text)]).expect_err(text).contains("ten years"));
        }
    }

    #[test]
    fn a_name_is_for_what_waits_or_is_taken_back() {
        let named = Deferral::At { moment: Timestamp::from_millis(5), name: Some("reminder-7".into()) };
        assert_eq!(read(&[(DELIVER_AT, "5"), (DELIVER_ID, "reminder-7")]), Ok(Some(named)));
        let never = Deferral::Never { name: "reminder-7".into() };
        assert_eq!(read(&[(DELIVER_AT, "never"), (DELIVER_ID, "reminder-7")]), Ok(Some(never)));
        assert!(read(&[(DELIVER_AT, "never")]).is_err());
        for name in ["", "a\nb", "x".repeat(256).as_str(), "reminder-7"] {
            assert!(read(&[(DELIVER_ID, name)]).is_err(), "{name:?}");
        }
    }
}
