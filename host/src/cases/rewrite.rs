//! A case file gets another expectation, and keeps everything else as it was written.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::outcome::Outcome;

/// The text of a case file with this as its `expect`. `None` if the text is no JSON object.
pub fn rewrite(text: &str, outcome: &Outcome) -> Option<String> {
    #[derive(Deserialize)]
    struct Outline<'t> {
        #[serde(borrow, default, deserialize_with = "present")]
        expect: Option<&'t RawValue>,
    }
    /// `null` is a value to replace too.
    fn present<'t, D: Deserializer<'t>>(reader: D) -> Result<Option<&'t RawValue>, D::Error> {
        Deserialize::deserialize(reader).map(Some)
    }
    let outline: Outline<'_> = serde_json::from_str(text).ok()?;
    let written = outcome.text();
    let written = written.trim_end().replace('\n', "\n  ");
    if let Some(expect) = outline.expect.map(RawValue::get) {
        // It is a part of the text, so where it begins is how far its address is from the text's.
        let start = expect.as_ptr() as usize - text.as_ptr() as usize;
        return Some(format!("{}{written}{}", &text[..start], &text[start + expect.len()..]));
    }
    let before = text.trim_end().strip_suffix('}')?.trim_end();
    let comma = if before.ends_with('{') { "" } else { "," };
    Some(format!("{before}{comma}\n  \"expect\": {written}\n}}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject() -> Outcome {
        Outcome::Reject("no".to_owned().into())
    }

    #[test]
    fn only_the_expectation_is_another() {
        let text = "{ \"event\": {\"name\": \"a.b\",  \"payload\": {\"expect\": 1.50}},\n\
                    \x20 \"expect\" : {\"tasks\":[]} , \"settings\": {} }\n";
        let expected = "{ \"event\": {\"name\": \"a.b\",  \"payload\": {\"expect\": 1.50}},\n\
                        \x20 \"expect\" : {\n    \"reject\": \"no\"\n  } , \"settings\": {} }\n";
        assert_eq!(rewrite(text, &reject()).as_deref(), Some(expected));
    }

    #[test]
    fn one_that_is_not_there_yet_comes_last() {
        let expected = "{\n  \"healthy\": true,\n  \"expect\": {\n    \"reject\": \"no\"\n  }\n}\n";
        assert_eq!(rewrite("{\n  \"healthy\": true\n}\n", &reject()).as_deref(), Some(expected));
        assert_eq!(rewrite("[]", &reject()), None);
    }

    #[test]
    fn null_is_an_expectation_that_is_not_there() {
        let text = "{\"healthy\": true, \"expect\": null}";
        let written = rewrite(text, &reject()).expect("JSON");
        assert_eq!(written.matches("expect").count(), 1, "{written}");
    }
}
