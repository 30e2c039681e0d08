//! The TID in a body, where Ponos reads it. Members are kept as text, so that numbers and escapes stay as they were.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::message::Tid;

/// The member that has it.
const TID: &str = "tid";

/// The body with the TID as its top-level string `tid`, where it is a JSON object, and as it was where it is not. The
/// other members keep their order and their text. Says whether there was none before.
pub(super) fn with_tid(body: &Bytes, tid: &Tid) -> (Bytes, bool) {
    let written = Object::parse(body).and_then(|object| Some((object.with_tid(tid)?, !object.has_tid())));
    written.map_or_else(|| (body.clone(), false), |(written, added)| (Bytes::from(written), added))
}

/// The TID in a body that is a JSON object, and the body without it.
pub(super) fn take_tid(body: &Bytes) -> (Option<Tid>, Bytes) {
    let taken = Object::parse(body).map(|object| (object.tid(), Bytes::from(object.without_tid())));
    taken.unwrap_or_else(|| (None, body.clone()))
}

/// The TID in a body that is a JSON object.
pub(super) fn tid(body: &[u8]) -> Option<Tid> {
    Object::parse(body)?.tid()
}

/// A JSON object as its members' text.
struct Object<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'a> Object<'a> {
    fn parse(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    fn is_tid(name: &RawValue) -> bool {
        serde_json::from_str::<Cow<'_, str>>(name.get()).is_ok_and(|name| name == TID)
    }

    /// The TID; of several, the last, as JavaScript reads it.
    fn tid(&self) -> Option<Tid> {
        let (_, value) = self.0.iter().rev().find(|(name, _)| Self::is_tid(name))?;
        Tid::from_wire(&serde_json::from_str::<String>(value.get()).ok()?)
    }

    fn has_tid(&self) -> bool {
        self.0.iter().any(|(name, _)| Self::is_tid(name))
    }

    fn without_tid(&self) -> String {
        let members = self.0.iter().filter(|(name, _)| !Self::is_tid(name));
        let members: Vec<_> = members.map(|(name, value)| format!("{name}:{value}")).collect();
        format!("{{{}}}", members.join(","))
    }

    fn with_tid(&self, tid: &Tid) -> Option<String> {
        let tid = format!("\"tid\":{}", serde_json::to_string(tid.as_str()).ok()?);
        let mut members = Vec::with_capacity(self.0.len() + 1);
        let mut written = false;
        for (name, value) in &self.0 {
            if !Self::is_tid(name) {
                members.push(format!("{name}:{value}"));
            } else if !written {
                members.push(tid.clone());
                written = true;
            }
        }
        if !written {
            members.push(tid);
        }
        Some(format!("{{{}}}", members.join(",")))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tid_of(text: &str) -> Tid {
        Tid::from_wire(text).expect("legal")
    }

    #[test]
    fn the_tid_goes_into_the_body_and_nothing_else_changes() {
        let cases = [
            ("{}", r#"{"tid":"t"}"#),
            (r#"{"b":1.0,"a":[ 1, 2]}"#, r#"{"b":1.0,"a":[ 1, 2],"tid":"t"}"#),
            (r#"{"tid":null,"é":"\u00e9"}"#, r#"{"tid":"t","é":"\u00e9"}"#),
            (
                r#"{"a":{"tid":1},"\u0074id":2,"tid":3,"z":12345678901234567890.10}"#,
                r#"{"a":{"tid":1},"tid":"t","z":12345678901234567890.10}"#,
            ),
            ("[{}]", "[{}]"),
            ("{\"a\":1} x", "{\"a\":1} x"),
            ("nonsense", "nonsense"),
        ];
        for (before, after) in cases {
            assert_eq!(with_tid(&Bytes::from(before), &tid_of("t")).0, after);
        }
        let (quoted, _) = with_tid(&Bytes::from("{}"), &tid_of("a\"b"));
        assert_eq!(quoted, r#"{"tid":"a\"b"}"#);
    }

    #[test]
    fn what_was_added_is_taken_out_again() {
        for body in ["{}", r#"{"b":1.0,"a":[ 1, 2]}"#, r#"{"z":12345678901234567890.10,"é":"\u00e9"}"#] {
            let (with, added) = with_tid(&Bytes::from(body), &tid_of("t"));
            assert!(added);
            assert_eq!(take_tid(&with), (Some(tid_of("t")), Bytes::from(body)));
        }
        assert!(!with_tid(&Bytes::from(r#"{"tid":7}"#), &tid_of("t")).1);
        assert!(!with_tid(&Bytes::from("[1]"), &tid_of("t")).1);
    }
}
