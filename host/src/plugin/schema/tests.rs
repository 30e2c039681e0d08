use serde_json::json;

use super::*;

fn schema(schema: Value) -> Schema {
    Schema::parse(&schema.to_string()).expect("a schema")
}

fn invalid(schema: &str) -> InvalidSchema {
    Schema::parse(schema).expect_err("it must not be let in")
}

fn misfit(schema: &Schema, payload: &str) -> Misfit {
    schema.check(payload).expect_err("it must not fit")
}

/// A schema in a schema in a schema: as deep as is let in.
fn nested(leaf: Value, wrap: impl Fn(Value) -> Value) -> Schema {
    let (mut outer, mut deepest) = (leaf, None);
    loop {
        match Schema::parse(&outer.to_string()) {
            Ok(schema) => deepest = Some(schema),
            Err(InvalidSchema::TooLarge { .. } | InvalidSchema::NotJson(_)) => {
                return deepest.expect("one level is let in");
            }
            Err(other) => panic!("{other}"),
        }
        outer = wrap(outer);
    }
}

#[test]
fn a_misfit_is_told_by_its_pointer_and_without_the_value() {
    let schema =
        schema(json!({ "properties": { "a/b": { "items": { "properties": { "c~d": { "type": "string" } } } } } }));
    assert_eq!(schema.check(r#"{"a/b": [{"c~d": "x"}]}"#), Ok(()));
    let misfit = misfit(&schema, r#"{"a/b": [{}, {"c~d": 4711}]}"#);
    assert_eq!(misfit.pointer, "/a~1b/1/c~0d");
    assert!(misfit.problem.contains("string") && !misfit.problem.contains("4711"), "{misfit}");
}

#[test]
fn a_schema_may_refer_to_its_own_parts() {
    let schema = schema(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.org/payment",
        "properties": { "owner": { "$ref": "#/$defs/user" }, "payer": { "$ref": "#/$defs/user" }, "$ref": { "type": "string" } },
        "$defs": { "user": { "required": ["email"] } },
    }));
    assert_eq!(schema.check(r#"{"owner": {"email": ""}, "$ref": ""}"#), Ok(()));
    assert_eq!(misfit(&schema, r#"{"payer": {}}"#).pointer, "/payer");
}

#[test]
fn i6_a_schema_that_refers_to_itself_is_not_let_in() {
    let recursive = [
        json!({ "$ref": "#" }),
        json!({ "properties": { "left": { "$ref": "#" } } }),
        json!({ "allOf": [{ "$ref": "#/$defs/a" }], "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } }),
        json!({ "foo": { "allOf": [{ "$ref": "#/foo" }] }, "$ref": "#/foo" }),
        json!({ "not": { "$ref": "#/not" } }),
    ];
    for schema in recursive {
        assert!(matches!(invalid(&schema.to_string()), InvalidSchema::Recursive(_)), "{schema}");
    }
    for schema in [json!({ "$dynamicRef": "#a", "$dynamicAnchor": "a" }), json!({ "items": { "$recursiveRef": "#" } })]
    {
        assert!(matches!(invalid(&schema.to_string()), InvalidSchema::Unsupported(_)), "{schema}");
    }
}

/// Where the two took a reference for different places, one could be let in that refers to itself.
#[test]
fn i6_a_reference_is_the_same_place_for_the_size_and_for_the_check() {
    for (key, reference) in
        [("", "#/"), ("a/b", "#/a~1b"), ("~", "#/~0"), ("~1", "#/~01"), ("a b", "#/a b"), ("ü", "#/ü")]
    {
        match Schema::parse(&json!({ key: { "type": "string" }, "allOf": [{ "$ref": reference }] }).to_string()) {
            Ok(schema) => assert!(schema.check("7").is_err() && schema.check("\"\"").is_ok(), "{reference}"),
            Err(error) => assert!(matches!(error, InvalidSchema::NotSchema(_)), "{reference}: {error}"),
        }
    }
    for reference in ["#/allOf/00", "#/allOf/+0", "#/allOf/-", "#//", "#/allOf/0/", "#/~2", "#/~"] {
        let schema = json!({ "allOf": [{ "type": "string" }, { "$ref": reference }] });
        assert_eq!(invalid(&schema.to_string()), InvalidSchema::Dangling(reference.into()));
    }
}

#[test]
fn i6_a_schema_that_grows_by_its_references_is_not_let_in() {
    let mut definitions = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({ "$ref": format!("#/$defs/a{}", level + 1) });
        definitions.insert(format!("a{level}"), json!({ "anyOf": [next, next] }));
    }
    definitions.insert("a40".into(), json!(false));
    let doubling = json!({ "$ref": "#/$defs/a0", "$defs": definitions });
    assert!(matches!(invalid(&doubling.to_string()), InvalidSchema::TooLarge { .. }));

    let chain: serde_json::Map<_, _> =
        (0..1500).map(|at| (format!("a{at}"), json!({ "$ref": format!("#/$defs/a{}", at + 1) }))).collect();
    let chain = json!({ "$ref": "#/$defs/a0", "$defs": chain });
    assert!(matches!(invalid(&chain.to_string()), InvalidSchema::TooLarge { what: "levels", .. }));
}

#[test]
fn nothing_is_fetched() {
    for reference in
        ["https://example.org/schema", "file:///etc/passwd", "other.json", "#anchor", "//host/x", "#/%24defs"]
    {
        let schema = json!({ "$ref": reference });
        assert_eq!(invalid(&schema.to_string()), InvalidSchema::Foreign(reference.into()));
    }
    assert_eq!(invalid(r##"{"$ref": "#/$defs/nothing"}"##), InvalidSchema::Dangling("#/$defs/nothing".into()));
    let nested = r##"{"items": {"$id": "https://json-schema.org/draft/2020-12/schema"}}"##;
    assert_eq!(invalid(nested), InvalidSchema::Unsupported("$id"));
    assert!(matches!(invalid(r#"{"$schema": "http://json-schema.org/draft-07/schema#"}"#), InvalidSchema::Draft(_)));
    assert!(matches!(invalid(r#"{"$schema": "https://example.org/mine"}"#), InvalidSchema::Draft(_)));
}

#[test]
fn a_text_that_is_no_schema_is_told_why() {
    assert_eq!(invalid(&" ".repeat(TEXT + 1)), InvalidSchema::TooLong(TEXT + 1));
    assert!(matches!(invalid("{"), InvalidSchema::NotJson(_)));
    assert!(matches!(invalid(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))), InvalidSchema::NotJson(_)));
    for text in ["3", "[]", r#"{"type": "quaternion"}"#, r#"{"pattern": "("}"#, r#"{"pattern": "^(?!a)"}"#] {
        assert!(matches!(invalid(text), InvalidSchema::NotSchema(_)), "{text}");
    }
    let large = json!({ "pattern": "(([a-z]{99}){99}){99}" });
    assert!(matches!(invalid(&large.to_string()), InvalidSchema::NotSchema(_)));
    let many: Vec<_> = (0..=100).map(|number| json!({ "pattern": number.to_string() })).collect();
    assert!(matches!(invalid(&json!({ "anyOf": many }).to_string()), InvalidSchema::TooLarge { what: "patterns", .. }));
}

/// Each of these ends, in a stack of the usual size. Where the cost of a level doubled with each level below it, none would.
#[test]
fn i6_what_is_nested_as_deep_as_is_let_in_is_checked_in_bounded_time_and_stack() {
    type Wrap = fn(Value) -> Value;
    let wraps: [(Wrap, &str); 16] = [
        (|inner| json!({ "allOf": [inner], "unevaluatedProperties": false }), r#"{"a": 1}"#),
        (|inner| json!({ "anyOf": [{ "items": false }, inner], "unevaluatedItems": false }), "[1, 2]"),
        (|inner| json!({ "allOf": [inner] }), "0"),
        (|inner| json!({ "anyOf": [inner] }), "0"),
        (|inner| json!({ "anyOf": [{ "type": "array" }, inner] }), "0"),
        (|inner| json!({ "oneOf": [inner] }), "0"),
        (|inner| json!({ "oneOf": [{ "type": "array" }, inner, { "type": "object" }] }), "0"),
        (|inner| json!({ "not": inner }), "0"),
        (|inner| json!({ "if": inner, "then": true, "else": false }), "0"),
        (|inner| json!({ "if": true, "then": inner, "else": false }), "0"),
        (|inner| json!({ "dependentSchemas": { "a": inner } }), r#"{"a": 1}"#),
        (|inner| json!({ "contains": inner, "minContains": 0 }), "[[[[]]]]"),
        (|inner| json!({ "items": inner, "uniqueItems": true }), "[[[[1]]]]"),
        (|inner| json!({ "properties": { "a": inner }, "additionalProperties": false }), r#"{"a": {"a": 1}}"#),
        (|inner| json!({ "patternProperties": { "a": inner } }), r#"{"a": {"a": 1}}"#),
        (|inner| json!({ "propertyNames": inner }), r#"{"a": 1}"#),
    ];
    for (wrap, payload) in wraps {
        for leaf in [json!(true), json!(false), json!({ "type": "string" })] {
            let schema = nested(leaf, wrap);
            // Whether it fits is the library's; that the answer comes is ours.
            let fits = schema.check(payload).is_ok();
            assert_eq!(fits, schema.validator.is_valid(&serde_json::from_str(payload).expect("JSON")));
        }
    }
}

#[test]
fn a_payload_that_is_nested_too_deep_is_a_misfit_with_words() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let misfit = misfit(&schema(json!({})), &deep);
    assert_eq!(misfit, Misfit::whole("it is nested deeper than the 128 levels that can be checked"));
    let just = format!("{}{}", "[".repeat(127), "]".repeat(127));
    assert_eq!(schema(json!({})).check(&just), Ok(()));
}

#[test]
fn i8_a_payload_that_would_take_too_much_work_or_memory_is_a_misfit() {
    let small = schema(json!({ "type": "array" }));
    let many = format!("[{}1]", "1,".repeat(1 << 20));
    assert!(misfit(&small, &many).problem.contains("1000000 values"));
    let options: Vec<_> = (0..5000).collect();
    let large = schema(json!({ "items": { "enum": options } }));
    let some = format!("[{}1]", "1,".repeat(100_000));
    assert!(misfit(&large, &some).problem.contains("too large"));
    let patterns: Vec<_> = (0..50).map(|number| json!({ "pattern": format!("^{number}+x") })).collect();
    let patterns = schema(json!({ "anyOf": patterns }));
    assert!(misfit(&patterns, &json!("1".repeat(4 << 20)).to_string()).problem.contains("too large"));
}

#[test]
fn i8_the_words_about_a_misfit_are_bounded() {
    let schema = schema(json!({ "type": "array", "items": { "additionalProperties": false } }));
    let long = "ü".repeat(1 << 20);
    for payload in [json!(long), json!([{ &long: 1 }])] {
        let misfit = misfit(&schema, &payload.to_string());
        assert!(misfit.problem.len() <= WORDS && misfit.pointer.len() <= WORDS, "{misfit}");
    }
    let deep = Schema::parse(r#"{"additionalProperties": {"type": "string"}}"#).expect("a schema");
    let misfit = misfit(&deep, &json!({ &long: 1 }).to_string());
    assert!(misfit.pointer.len() <= WORDS && misfit.pointer.ends_with('…'), "{misfit}");
}

#[tokio::test]
async fn a_large_payload_is_checked_apart_with_the_same_result() {
    let schema = schema(json!({ "items": { "properties": { "number": { "type": "integer", "minimum": 0 } } } }));
    let numbers: Vec<_> = (0..200_000).map(|number| json!({ "number": number })).collect();
    let mut payload = json!(numbers);
    assert!(schema.work(&payload.to_string()).expect("within bounds") > LOCATED);
    assert_eq!(schema.check_apart(&payload.to_string()).await, Ok(()));
    payload[199_999]["number"] = json!(-1);
    let misfit = schema.check_apart(&payload.to_string()).await.expect_err("it must not fit");
    assert!(misfit.problem.contains("too large to say where"), "{misfit}");
    assert_eq!(schema.check_apart(r#"[{"number": -1}]"#).await.expect_err("it must not fit").pointer, "/0/number");
}

#[test]
fn a_number_of_any_size_and_a_text_of_any_bytes_do_no_harm() {
    let schema = schema(json!({ "multipleOf": 1e-300, "maximum": 1e300 }));
    for payload in ["1e308", "1e999", "-1e308", "0.1", &"9".repeat(5000), "\"\\ud800\"", "\"\u{0}\""] {
        drop(schema.check(payload));
    }
    assert!(misfit(&schema, "1e999").problem.contains("out of range"));
}
