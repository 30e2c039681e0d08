//! Header values, between AMQP's field types and the host's.

use lapin::types::{AMQPValue, DecimalValue, FieldTable};

use super::wire::short;
use crate::message::HeaderValue;

/// How deep lists and tables may lie in each other; what lies deeper reads as null. Bounds the recursion on what
/// strangers send.
const DEPTH: u8 = 16;
/// What a named value takes besides its name and content: two lengths and a type, in bytes.
pub(super) const OVERHEAD: usize = 6;

/// Reads a value. Integers and floats are widened; a text that is not UTF-8 is binary.
pub(super) fn from_amqp(value: &AMQPValue) -> HeaderValue {
    read(value, DEPTH)
}

fn read(value: &AMQPValue, depth: u8) -> HeaderValue {
    match value {
        AMQPValue::Void => HeaderValue::Null,
        AMQPValue::Boolean(value) => HeaderValue::Bool(*value),
        AMQPValue::ShortShortInt(value) => HeaderValue::Integer((*value).into()),
        AMQPValue::ShortInt(value) => HeaderValue::Integer((*value).into()),
        AMQPValue::LongInt(value) => HeaderValue::Integer((*value).into()),
        AMQPValue::LongLongInt(value) => HeaderValue::Integer(*value),
        AMQPValue::ShortShortUInt(value) => HeaderValue::Unsigned((*value).into()),
        AMQPValue::ShortUInt(value) => HeaderValue::Unsigned((*value).into()),
        AMQPValue::LongUInt(value) => HeaderValue::Unsigned((*value).into()),
        AMQPValue::Float(value) => HeaderValue::Float((*value).into()),
        AMQPValue::Double(value) => HeaderValue::Float(*value),
        AMQPValue::DecimalValue(value) => HeaderValue::Decimal { scale: value.scale, value: value.value },
        AMQPValue::ShortString(text) => HeaderValue::Text(text.to_string()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => HeaderValue::Text(text.to_owned()),
            Err(_) => HeaderValue::Binary(text.as_bytes().to_vec()),
        },
        AMQPValue::ByteArray(bytes) => HeaderValue::Binary(bytes.as_slice().to_vec()),
        AMQPValue::Timestamp(time) => HeaderValue::Time(*time),
        AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) if depth == 0 => HeaderValue::Null,
        AMQPValue::FieldArray(list) => {
            HeaderValue::List(list.as_slice().iter().map(|value| read(value, depth - 1)).collect())
        }
        AMQPValue::FieldTable(table) => {
            let entries = table.inner().iter();
            HeaderValue::Table(entries.map(|(name, value)| (name.to_string(), read(value, depth - 1))).collect())
        }
    }
}

/// Writes a value. RabbitMQ knows no unsigned integer of 64 bits, and ends a connection on which an infinite float or one
/// that is no number comes: these become text. Entries of tables whose name is longer than 255 bytes are left out.
pub(super) fn to_amqp(value: &HeaderValue) -> AMQPValue {
    write(value, DEPTH)
}

fn write(value: &HeaderValue, depth: u8) -> AMQPValue {
    match value {
        HeaderValue::Null => AMQPValue::Void,
        HeaderValue::Bool(value) => AMQPValue::Boolean(*value),
        HeaderValue::Integer(value) => AMQPValue::LongLongInt(*value),
        HeaderValue::Unsigned(value) => match (u32::try_from(*value), i64::try_from(*value)) {
            (Ok(value), _) => AMQPValue::LongUInt(value),
            (_, Ok(value)) => AMQPValue::LongLongInt(value),
            _ => AMQPValue::LongString(value.to_string().into()),
        },
        HeaderValue::Float(value) if value.is_finite() => AMQPValue::Double(*value),
        HeaderValue::Float(value) => AMQPValue::LongString(value.to_string().into()),
        HeaderValue::Decimal { scale, value } => AMQPValue::DecimalValue(DecimalValue { scale: *scale, value: *value }),
        HeaderValue::Text(text) => AMQPValue::LongString(text.as_str().into()),
        HeaderValue::Binary(bytes) => AMQPValue::ByteArray(bytes.as_slice().into()),
        HeaderValue::Time(time) => AMQPValue::Timestamp(*time),
        HeaderValue::List(_) | HeaderValue::Table(_) if depth == 0 => AMQPValue::Void,
        HeaderValue::List(list) => {
            let values: Vec<_> = list.iter().map(|value| write(value, depth - 1)).collect();
            AMQPValue::FieldArray(values.into())
        }
        HeaderValue::Table(table) => {
            let mut fields = FieldTable::default();
            for (name, value) in table {
                if let Some(name) = short(name) {
                    fields.insert(name, write(value, depth - 1));
                }
            }
            AMQPValue::FieldTable(fields)
        }
    }
}

/// The value of any integer type that is not negative.
pub(super) fn unsigned(value: &AMQPValue) -> Option<u64> {
    match from_amqp(value) {
        HeaderValue::Integer(value) => value.try_into().ok(),
        HeaderValue::Unsigned(value) => Some(value),
        _ => None,
    }
}

/// How many bytes a table takes on the wire.
pub(super) fn table_size(table: &FieldTable) -> usize {
    4 + table.inner().iter().map(|(name, value)| 1 + name.as_str().len() + size(value)).sum::<usize>()
}

/// How many bytes a header takes on the wire.
pub(super) fn entry_size((name, value): (&String, &HeaderValue)) -> usize {
    1 + name.len() + size(&to_amqp(value))
}

/// How many bytes a value takes on the wire, its type among them.
fn size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Void => 0,
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 4 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(list) => 4 + list.as_slice().iter().map(size).sum::<usize>(),
        AMQPValue::FieldTable(table) => table_size(table),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn values_of_every_type_come_back_as_they_went() {
        let leaves = [
            HeaderValue::Null,
            HeaderValue::Bool(true),
            HeaderValue::Integer(i64::MIN),
            HeaderValue::Unsigned(u32::MAX.into()),
            HeaderValue::Float(-0.5),
            HeaderValue::Decimal { scale: 2, value: 1999 },
            HeaderValue::Text("ü".into()),
            HeaderValue::Binary(vec![0, 255]),
            HeaderValue::Time(u64::MAX),
        ];
        let list = HeaderValue::List(leaves.to_vec());
        let table = HeaderValue::Table(BTreeMap::from([("list".into(), list.clone())]));
        for value in leaves.into_iter().chain([list, table]) {
            assert_eq!(from_amqp(&to_amqp(&value)), value);
        }
    }

    #[test]
    fn every_type_of_amqp_s_can_be_read() {
        let cases = [
            (AMQPValue::ShortShortInt(-1), HeaderValue::Integer(-1)),
            (AMQPValue::ShortInt(-1), HeaderValue::Integer(-1)),
            (AMQPValue::LongInt(-1), HeaderValue::Integer(-1)),
            (AMQPValue::ShortShortUInt(1), HeaderValue::Unsigned(1)),
            (AMQPValue::ShortUInt(1), HeaderValue::Unsigned(1)),
            (AMQPValue::Float(0.5), HeaderValue::Float(0.5)),
            (AMQPValue::ShortString("s".into()), HeaderValue::Text("s".into())),
            (AMQPValue::LongString(vec![0xff].into()), HeaderValue::Binary(vec![0xff])),
        ];
        for (wire, value) in cases {
            assert_eq!(from_amqp(&wire), value);
        }
    }

    #[test]
    fn an_unsigned_integer_beyond_amqp_s_keeps_its_digits() {
        assert_eq!(from_amqp(&to_amqp(&HeaderValue::Unsigned(1 << 40))), HeaderValue::Integer(1 << 40));
        assert_eq!(from_amqp(&to_amqp(&HeaderValue::Unsigned(u64::MAX))), u64::MAX.to_string().as_str().into());
    }

    #[test]
    fn i6_a_float_that_rabbitmq_cannot_read_becomes_text() {
        for (value, text) in [(f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (f64::NAN, "NaN")] {
            assert_eq!(from_amqp(&to_amqp(&HeaderValue::Float(value))), text.into());
        }
    }

    #[test]
    fn i8_what_is_nested_too_deep_reads_as_null() {
        let mut value = AMQPValue::Boolean(true);
        for _ in 0..100 {
            value = AMQPValue::FieldArray(vec![value].into());
        }
        let mut read = from_amqp(&value);
        let mut depth = 0;
        while let HeaderValue::List(mut list) = read {
            read = list.remove(0);
            depth += 1;
        }
        assert_eq!((read, depth), (HeaderValue::Null, DEPTH));
    }
}
