//! `leveret config`.

use serde_json::Value;

use super::{configured, directory, leveret};

#[test]
fn no_file_is_a_right_configuration() {
    assert_eq!(leveret(directory().path(), &[], &["config", "check"]).code, 0);
}

#[test]
fn every_problem_names_its_place_its_key_and_the_way_out() {
    let directory = configured("[delivry]\nprefetch = 3\n\n[delivery]\nprefetch = 0\n\n[broker]\nurl = \"ampq://x\"\n");
    for arguments in [["config", "check"], ["up", "--json"]] {
        let ended = leveret(directory.path(), &[], &arguments);
        assert_eq!(ended.code, 2);
        for words in ["leveret.toml:1:2", "`delivery`", "leveret.toml:5:12", "`delivery.prefetch`", "leveret.toml:8:7"]
        {
            assert!(ended.error.contains(words), "{words} is missing in {}", ended.error);
        }
    }
}

#[test]
fn a_file_that_is_named_must_be_there() {
    let ended = leveret(directory().path(), &[], &["--config", "other.toml", "config", "check"]);
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("other.toml"), "{}", ended.error);
}

#[test]
fn what_is_printed_is_a_configuration_that_says_the_same() {
    let printed = leveret(directory().path(), &[], &["config", "print"]).output;
    let again = configured(&printed);
    assert_eq!(leveret(again.path(), &[], &["config", "print"]).output, printed);
}

#[test]
fn a_variable_wins_over_the_file_and_a_misspelt_one_is_told() {
    let directory = configured("[delivery]\nprefetch = 3\n");
    let ended = leveret(directory.path(), &[("LEVERET_DELIVERY_PREFETCH", "7")], &["config", "print", "--json"]);
    let settings: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert_eq!(settings["delivery"]["prefetch"], 7);
    let ended = leveret(directory.path(), &[("LEVERET_DELIVERY_PREFECH", "7")], &["config", "check"]);
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("LEVERET_DELIVERY_PREFETCH"), "{}", ended.error);
}

#[test]
fn a_password_is_never_shown() {
    let variables = [("LEVERET_BROKER_URL", "amqp://guest:hunter2@localhost/%2f")];
    for arguments in [&["config", "print"][..], &["config", "print", "--json"]] {
        let ended = leveret(directory().path(), &variables, arguments);
        assert_eq!(ended.code, 0);
        assert!(!ended.output.contains("hunter2") && ended.output.contains("localhost"), "{}", ended.output);
    }
}

#[test]
fn the_schema_describes_every_setting() {
    let schema: Value =
        serde_json::from_str(&leveret(directory().path(), &[], &["config", "schema"]).output).expect("JSON");
    let tables = schema["$defs"].as_object().expect("definitions").iter();
    let settings = tables.filter_map(|(table, definition)| Some((table, definition["properties"].as_object()?)));
    let mut described = 0;
    for (table, settings) in settings {
        for (name, setting) in settings {
            assert!(setting["description"].is_string(), "{table}.{name} says nothing of itself");
            described += 1;
        }
    }
    assert!(described > 20, "{described}");
}
