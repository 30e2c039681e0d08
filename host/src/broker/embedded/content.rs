//! How a message lies in the file: its body as it is, everything else as JSON.
//!
//! JSON has no room for every float, so the floats among the headers are kept beside it, bit by bit.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::{HeaderValue, Message};

/// The longest body, in bytes. SQLite's own limit is about 1 GB for a whole row.
pub const BODY_LIMIT: usize = 512 * 1024 * 1024;
/// How deep lists and tables may lie in each other in a header; reading JSON back ends at 128 levels, two for each.
pub const NESTING_LIMIT: usize = 32;

/// Why the file cannot hold a message.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("its body is {0} bytes long; at most {BODY_LIMIT} are allowed")]
    Body(usize),
    #[error("its headers are nested more than {NESTING_LIMIT} levels deep")]
    Nesting,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A message as a row keeps it.
#[derive(Debug)]
pub struct Content {
    pub metadata: String,
    pub body: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    /// Without its body, and with 0 for each float of its headers.
    message: Message,
    /// The bits of those floats, in the order of the headers.
    floats: Vec<u64>,
}

impl Content {
    /// Fails where [`Content::decode`] would.
    pub fn encode(mut message: Message) -> Result<Self, ContentError> {
        let body = std::mem::take(&mut message.body);
        if body.len() > BODY_LIMIT {
            return Err(ContentError::Body(body.len()));
        }
        let mut floats = Vec::new();
        for value in message.headers.values_mut() {
            each_float(value, NESTING_LIMIT, &mut |float| floats.push(std::mem::take(float).to_bits()))?;
        }
        Ok(Self { metadata: serde_json::to_string(&Metadata { message, floats })?, body })
    }

    pub fn decode(self) -> Result<Message, ContentError> {
        let Metadata { mut message, floats } = serde_json::from_str(&self.metadata)?;
        let mut floats = floats.into_iter();
        for value in message.headers.values_mut() {
            each_float(value, NESTING_LIMIT, &mut |float| *float = floats.next().map_or(*float, f64::from_bits))?;
        }
        message.body = self.body;
        Ok(message)
    }
}

fn each_float(value: &mut HeaderValue, levels: usize, act: &mut dyn FnMut(&mut f64)) -> Result<(), ContentError> {
    let deeper = || levels.checked_sub(1).ok_or(ContentError::Nesting);
    match value {
        HeaderValue::Float(float) => act(float),
        HeaderValue::List(values) => {
            let levels = deeper()?;
            values.iter_mut().try_for_each(|value| each_float(value, levels, act))?;
        }
        HeaderValue::Table(table) => {
            let levels = deeper()?;
            table.values_mut().try_for_each(|value| each_float(value, levels, act))?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Subject;

    fn message_with(value: HeaderValue) -> Message {
        let mut message = Message::new(Subject::Event("user.authorized".parse().expect("legal")), "{}");
        message.headers.insert("header".into(), value);
        message
    }

    fn nested(levels: usize) -> HeaderValue {
        (0..levels).fold(HeaderValue::Null, |inner, level| match level % 2 {
            0 => HeaderValue::List(vec![inner]),
            _ => HeaderValue::Table([("inner".to_owned(), inner)].into()),
        })
    }

    #[test]
    fn every_float_comes_back_to_the_bit() {
        let floats = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 0.1 + 0.2, 5e-324, 1e300];
        let list = HeaderValue::List(floats.map(HeaderValue::Float).into());
        let table = HeaderValue::Table([("a".into(), HeaderValue::Float(f64::MAX)), ("b".into(), list)].into());
        let message = Content::encode(message_with(table)).and_then(Content::decode).expect("round trip");
        let mut bits = Vec::new();
        let mut value = message.headers["header"].clone();
        each_float(&mut value, NESTING_LIMIT, &mut |float| bits.push(float.to_bits())).expect("shallow");
        let expected: Vec<_> = std::iter::once(f64::MAX).chain(floats).map(f64::to_bits).collect();
        assert_eq!(bits, expected);
    }

    #[test]
    fn the_widest_integers_come_back() {
        let widest = [HeaderValue::Integer(i64::MIN), HeaderValue::Unsigned(u64::MAX), HeaderValue::Time(u64::MAX)];
        let message = message_with(HeaderValue::List(widest.into()));
        assert_eq!(Content::encode(message.clone()).and_then(Content::decode).expect("round trip"), message);
    }

    #[test]
    fn i1_what_could_not_be_read_back_is_not_taken() {
        let deepest = message_with(nested(NESTING_LIMIT));
        assert_eq!(Content::encode(deepest.clone()).and_then(Content::decode).expect("round trip"), deepest);
        let too_deep = Content::encode(message_with(nested(NESTING_LIMIT + 1)));
        assert!(matches!(too_deep, Err(ContentError::Nesting)));
    }
}
