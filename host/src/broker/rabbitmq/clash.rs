//! RabbitMQ's words for a queue or an exchange that stands with other settings than it is declared with, read.
//!
//! `PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is
//! 'classic'`. A setting that only one side has is `none` on the other, and `the value '7' of type 'signedint'` on its
//! own. The wording is the same from 3.10 to 4.x (`rabbit_misc:assert_args_equivalence`). RabbitMQ cuts its text at 255
//! bytes, so that the end is missing where names are long.

use std::fmt;

use lapin::types::AMQPValue;

/// One setting that stands otherwise than declared. RabbitMQ names the first that it finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clash {
    pub(super) setting: String,
    pub(super) wanted: Value,
    pub(super) found: Value,
}

/// A setting's value, as RabbitMQ spells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// The setting is not there.
    Absent,
    Text(String),
    Typed {
        text: String,
        kind: String,
    },
    /// RabbitMQ's text ended before it.
    CutOff,
}

impl Clash {
    /// Reads RabbitMQ's text; `None` where it is about something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("inequivalent arg '")?;
        let (setting, rest) = rest.split_once('\'')?;
        let values = rest.split_once("': received ").and_then(|(_, values)| values.split_once(" but current is "));
        let (wanted, found) = match values {
            Some((wanted, found)) => (Value::parse(wanted), Value::parse(found)),
            None => (Value::CutOff, Value::CutOff),
        };
        Some(Self { setting: setting.to_owned(), wanted, found })
    }
}

impl Value {
    fn parse(text: &str) -> Self {
        let quoted = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        let typed = |text: &str| {
            let (value, kind) = text.strip_prefix("the value ")?.rsplit_once(" of type ")?;
            Some(Self::Typed { text: quoted(value)?, kind: quoted(kind)? })
        };
        match text {
            "none" => Self::Absent,
            text => typed(text).or_else(|| quoted(text).map(Self::Text)).unwrap_or(Self::CutOff),
        }
    }

    /// The value as an argument to declare with, of the type of another where RabbitMQ does not tell. `None` where it
    /// cannot be known; `Some(None)` where the setting is to be left out.
    pub(super) fn argument(&self, like: Option<&AMQPValue>) -> Option<Option<AMQPValue>> {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let flag = |text: &str| text.parse().map(AMQPValue::Boolean).ok();
        // RabbitMQ compares whole numbers of every width.
        let number = |text: &str| text.parse().map(AMQPValue::LongLongInt).ok();
        match (self, like) {
            (Self::Absent, _) => Some(None),
            (Self::CutOff, _) => None,
            (Self::Typed { text: value, kind }, _) => match kind.as_str() {
                "longstr" => Some(Some(text(value))),
                "bool" => flag(value).map(Some),
                "byte" | "unsignedbyte" | "short" | "unsignedshort" | "signedint" | "unsignedint" | "long" => {
                    number(value).map(Some)
                }
                _ => None,
            },
            (Self::Text(value), None | Some(AMQPValue::LongString(_))) => Some(Some(text(value))),
            (Self::Text(value), Some(AMQPValue::Boolean(_))) => flag(value).map(Some),
            (Self::Text(value), Some(_)) => number(value).map(Some),
        }
    }

    /// The value's own text, where there is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Typed { text, .. } => Some(text),
            Self::Absent | Self::CutOff => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("none"),
            Self::Text(text) | Self::Typed { text, .. } => f.write_str(text),
            Self::CutOff => f.write_str("another (RabbitMQ's answer is cut off)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clash(setting: &str, wanted: Value, found: Value) -> Option<Clash> {
        Some(Clash { setting: setting.into(), wanted, found })
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    fn typed(text: &str, kind: &str) -> Value {
        Value::Typed { text: text.into(), kind: kind.into() }
    }

    #[test]
    fn each_form_of_words_is_read() {
        let cases = [
            (
                "'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'",
                clash("x-queue-type", text("quorum"), text("classic")),
            ),
            (
                "'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current \
                 is none",
                clash("x-queue-type", typed("quorum", "longstr"), Value::Absent),
            ),
            (
                "'x-max-length' for queue 'q' in vhost '/': received none but current is the value '1000' of type \
                 'signedint'",
                clash("x-max-length", Value::Absent, typed("1000", "signedint")),
            ),
            (
                "'x-dead-letter-exchange' for queue 'q' in vhost '/': received none but current is the value 'o'x' of \
                 type 'longstr'",
                clash("x-dead-letter-exchange", Value::Absent, typed("o'x", "longstr")),
            ),
            (
                "'durable' for queue 'q' in vhost 'a'b': received 'true' but current is 'false'",
                clash("durable", text("true"), text("false")),
            ),
            (
                "'type' for exchange 'x' in vhost '/': received 'fanout' but current is ''x-delayed-message''",
                clash("type", text("fanout"), text("'x-delayed-message'")),
            ),
        ];
        for (words, expected) in cases {
            let words = format!("PRECONDITION_FAILED - inequivalent arg {words}");
            assert_eq!(Clash::parse(&words), expected, "{words}");
        }
    }

    #[test]
    fn words_that_are_cut_off_still_name_the_setting() {
        let whole = "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'cla";
        for end in "inequivalent arg 'x-queue-type'".len()..=whole.len() {
            let cut = format!("{}...", &whole[..end]);
            let clash = Clash::parse(&cut).expect("it names the setting");
            assert_eq!((clash.setting.as_str(), clash.found), ("x-queue-type", Value::CutOff), "{cut}");
        }
    }

    #[test]
    fn other_words_are_no_clash() {
        for words in ["", "NOT_FOUND - no queue 'q' in vhost '/'", "inequivalent arg", "inequivalent arg 'x"] {
            assert_eq!(Clash::parse(words), None, "{words}");
        }
    }

    #[test]
    fn a_found_value_can_be_declared_with_where_its_type_is_known() {
        let number = AMQPValue::LongLongInt(7);
        assert_eq!(Value::Absent.argument(Some(&number)), Some(None));
        assert_eq!(text("7").argument(Some(&number)), Some(Some(number.clone())));
        assert_eq!(typed("7", "signedint").argument(None), Some(Some(number.clone())));
        assert_eq!(text("true").argument(Some(&AMQPValue::Boolean(false))), Some(Some(AMQPValue::Boolean(true))));
        assert_eq!(text("a").argument(None), Some(Some(AMQPValue::LongString("a".into()))));
        for (unknown, like) in [(text("many"), Some(&number)), (typed("[1]", "array"), None), (Value::CutOff, None)] {
            assert_eq!(unknown.argument(like), None, "{unknown:?}");
        }
    }
}
