//! Payloads: one JSON text each.

use crate::{Failure, reject};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a payload. One that does not fit `T` is rejected with the path to what does not fit, since it would not the next
/// time either.
pub(crate) fn read<T: DeserializeOwned>(payload: &str) -> Result<T, Failure> {
    let mut text = serde_json::Deserializer::from_str(payload);
    let value = serde_path_to_error::deserialize(&mut text)
        .map_err(|error| reject(format!("the payload does not fit: {error}")))?;
    text.end().map_err(|error| reject(format!("the payload is not one JSON text: {error}")))?;
    Ok(value)
}

/// Writes the payload of `what`. One that does not serialize is a rejection, since it would not the next time either.
pub(crate) fn write(payload: &impl Serialize, what: impl FnOnce() -> String) -> Result<String, Failure> {
    serde_json::to_string(payload).map_err(|error| reject(format!("the payload of {} is not JSON: {error}", what())))
}

/// Whether two payloads mean the same, whatever the order of fields.
pub(crate) fn same(left: &str, right: &str) -> bool {
    left == right
        || match (serde_json::from_str::<Value>(left), serde_json::from_str::<Value>(right)) {
            (Ok(left), Ok(right)) => left == right,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Payment {
        lines: Vec<Line>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Line {
        amount: u64,
    }

    #[test]
    fn a_payload_that_fits_is_read() {
        assert_eq!(read(r#"{"lines":[{"amount":7}]}"#), Ok(Payment { lines: vec![Line { amount: 7 }] }));
    }

    #[test]
    fn a_payload_that_does_not_fit_is_rejected_with_the_path_to_what_does_not() {
        let reason = "the payload does not fit: lines[1].amount: \
                      invalid type: string \"x\", expected u64 at line 1 column 36";
        assert_eq!(read::<Payment>(r#"{"lines":[{"amount":7},{"amount":"x"}]}"#), Err(reject(reason)));
    }

    #[test]
    fn more_than_one_json_text_is_rejected() {
        let reason = "the payload is not one JSON text: trailing characters at line 1 column 14";
        assert_eq!(read::<Payment>(r#"{"lines":[]} {}"#), Err(reject(reason)));
    }
}
