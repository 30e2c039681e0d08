//! JSON Schemas of plugins, and payloads of strangers against them: both may be anything. The input is a line with the
//! payload, and below it the schema.

#![no_main]

use leveret::plugin::Schema;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|input: &str| {
    let (payload, text) = input.split_once('\n').unwrap_or(("{}", input));
    let schema = match Schema::parse(text) {
        Ok(schema) => schema,
        Err(error) => {
            assert!(error.to_string().len() <= 4096 + 40 * text.len(), "{error}");
            return;
        }
    };
    let checked = schema.check(payload);
    assert_eq!(schema.check(payload), checked, "the same payload fits or does not");
    let Err(misfit) = checked else { return };
    assert!(misfit.to_string().len() <= 4096 + 40 * (text.len() + payload.len()), "{misfit}");
    // A long pointer is cut.
    if !misfit.pointer.ends_with('…')
        && let Ok(value) = serde_json::from_str::<Value>(payload)
    {
        assert!(value.pointer(&misfit.pointer).is_some(), "{:?} points to nothing", misfit.pointer);
    }
});
