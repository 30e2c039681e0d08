//! Headers as a stream keeps them.
//!
//! RabbitMQ 3.10 leaves lists and tables out of a stream, and both 3.10 and 4.3 close the connection of whoever publishes a
//! decimal number to one. So an event that is kept has such headers a second time, as text; a decimal number has only
//! that.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};

use super::header;
use crate::message::{HeaderValue, Headers};

/// The headers that a stream does not keep, as JSON.
const SPARE: &str = "x-leveret-headers";

/// The properties with which nothing of the message is lost in a stream, as far as they fit the limit of a frame.
pub(super) fn with_spare(properties: BasicProperties, headers: &Headers, limit: usize) -> BasicProperties {
    let spare: Headers = headers
        .iter()
        .filter(|(_, value)| !is_plain(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if spare.is_empty() {
        return properties;
    }
    let on_wire = properties.headers().clone().unwrap_or_default();
    let mut plain = FieldTable::default();
    for (name, value) in on_wire.inner().iter().filter(|(_, value)| !has_decimal(value)) {
        plain.insert(name.clone(), value.clone());
    }
    // Plain values: writing them cannot fail.
    let text = serde_json::to_string(&spare).unwrap_or_default();
    if header::table_size(&plain) + SPARE.len() + text.len() + header::OVERHEAD <= limit {
        plain.insert(SPARE.into(), AMQPValue::LongString(text.into()));
    }
    properties.with_headers(plain)
}

/// The headers that came as text.
pub(super) fn spare(on_wire: &FieldTable) -> Headers {
    match on_wire.inner().get(SPARE) {
        Some(AMQPValue::LongString(text)) => serde_json::from_slice(text.as_bytes()).unwrap_or_default(),
        _ => Headers::new(),
    }
}

fn is_plain(value: &HeaderValue) -> bool {
    !matches!(value, HeaderValue::Decimal { .. } | HeaderValue::List(_) | HeaderValue::Table(_))
}

fn has_decimal(value: &AMQPValue) -> bool {
    match value {
        AMQPValue::DecimalValue(_) => true,
        AMQPValue::FieldArray(list) => list.as_slice().iter().any(has_decimal),
        AMQPValue::FieldTable(table) => table.inner().values().any(has_decimal),
        _ => false,
    }
}
