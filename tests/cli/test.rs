//! `leveret test`.

use std::fs;
use std::path::Path;

use leveret_tests::guests::{self, Health, puppet_with};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Ended, directory, leveret, write};

/// Runs the cases of a component in this directory, as a person there would.
fn test(directory: &TempDir, component: &Path, more: &[&str]) -> Ended {
    let component = component.to_str().expect("UTF-8");
    leveret(directory.path(), &[], &[&["test", component], more].concat())
}

/// A directory with these cases of the puppet: what its event says, and the rest of the file.
fn puppet_cases(cases: &[(&str, Value, Value)]) -> TempDir {
    let directory = directory();
    fs::create_dir(directory.path().join("cases")).expect("a new directory");
    for (name, payload, rest) in cases {
        let mut case = json!({ "event": { "name": "puppet.pulled", "payload": payload } });
        let rest = rest.as_object().expect("an object").clone();
        case.as_object_mut().expect("an object").extend(rest);
        write_case(&directory, name, &case.to_string());
    }
    directory
}

fn write_case(directory: &TempDir, name: &str, text: &str) {
    write(directory, &format!("cases/{name}.json"), text.as_bytes());
}

fn read_case(directory: &TempDir, name: &str) -> String {
    fs::read_to_string(directory.path().join(format!("cases/{name}.json"))).expect("a case")
}

#[test]
fn the_samples_do_what_their_cases_say() {
    for (sample, count) in [("pheidi", 4), ("warehouse", 3)] {
        let cases = format!("{}/../plugins/{sample}/cases", env!("CARGO_MANIFEST_DIR"));
        let ended = test(&directory(), &guests::path(sample), &["--cases", &cases]);
        assert_eq!(ended.code, 0, "{}{}", ended.output, ended.error);
        assert!(ended.output.contains(&format!("{count} cases: {count} passed, 0 failed")), "{}", ended.output);
        assert!(ended.output.contains(" µs ") && ended.output.contains(" B out"), "{}", ended.output);
    }
}

#[test]
fn each_way_to_end_is_told_from_the_others() {
    let attempts = json!([{ "reason": "busy" }]);
    let directory = puppet_cases(&[
        (
            "retry",
            json!({ "do": "retry", "reason": "busy", "after": 60000 }),
            json!({ "expect": { "retry": { "reason": "busy", "after": "1m" } } }),
        ),
        ("reject", json!({ "do": "reject", "reason": "no" }), json!({ "expect": { "reject": "no" } })),
        ("panic", json!({ "do": "panic" }), json!({ "expect": { "retry": { "reason": { "contains": "panicked" } } } })),
        ("misfit", json!({ "do": "dance" }), json!({ "expect": { "reject": { "contains": "unknown variant" } } })),
        ("nothing", json!({ "do": "emit", "count": 0 }), json!({ "expect": { "tasks": [] } })),
        (
            "header",
            json!({ "do": "header", "name": "colour", "value": "blue" }),
            json!({ "expect": { "tasks": [{ "name": "echo.make", "headers": { "colour": "blue" } }] } }),
        ),
        ("recovered", json!({ "do": "panic" }), json!({ "attempts": attempts, "expect": { "tasks": [] } })),
        (
            "not-recovered",
            json!({ "recover": { "do": "reject", "reason": "no way out" }, "do": "panic" }),
            json!({ "attempts": attempts, "expect": { "failed": "no way out" } }),
        ),
    ]);
    write_case(&directory, "healthy", r#"{"healthy": true, "expect": {"healthy": true}}"#);
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert!(ended.output.contains("9 cases: 9 passed, 0 failed"), "{}{}", ended.output, ended.error);

    let sick = write(&directory, "puppet.wasm", &puppet_with(Health::Sick));
    let ended = test(&directory, &sick, &["--filter", "healthy"]);
    assert_eq!(ended.code, 1);
    assert!(ended.output.contains("unhealthy"), "{}", ended.output);
}

#[test]
fn what_differs_is_shown_with_what_the_plugin_wrote() {
    let expected =
        json!({ "expect": { "tasks": [{ "name": "echo.make", "payload": { "number": 2, "padding": "xx" } }] } });
    let directory = puppet_cases(&[
        ("emits", json!({ "do": "emit", "count": 1, "size": 2 }), expected.clone()),
        ("logs", json!({ "do": "print" }), expected),
        ("passes", json!({ "do": "emit", "count": 0 }), json!({ "expect": { "tasks": [] } })),
    ]);
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("2 cases failed"), "{}", ended.error);
    for words in [
        "FAILED  emits",
        "-         \"number\": 2",
        "+         \"number\": 1",
        "+   \"tasks\": []",
        "warn  the puppet's standard error",
        "3 cases: 1 passed, 2 failed",
    ] {
        assert!(ended.output.contains(words), "{words} is missing in {}", ended.output);
    }
    assert!(!ended.output.contains('\u{1b}'), "no colours but on a terminal: {}", ended.output);

    let ended = test(&directory, &guests::path("puppet"), &["--json"]);
    assert_eq!(ended.code, 1);
    let report: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert_eq!(report["plugin"], "puppet");
    assert_eq!(report["cases"][0]["status"], "failed");
    assert_eq!(report["cases"][0]["came"]["tasks"][0]["payload"]["number"], 1);
    assert_eq!(report["cases"][1]["log"][0], json!({ "level": "info", "text": "the puppet's standard output" }));
    assert_eq!(report["cases"][2]["status"], "passed");
    assert!(report["cases"][2]["receipt"]["peak_memory"].as_u64() > Some(0));
}

#[test]
fn an_update_writes_what_came_and_leaves_the_rest() {
    let directory = directory();
    fs::create_dir(directory.path().join("cases")).expect("a new directory");
    let event = r#"{"name":  "puppet.pulled", "payload": {"do": "emit"}}"#;
    write_case(&directory, "new", &format!("{{ \"event\": {event} }}"));
    write_case(&directory, "other", &format!("{{ \"expect\": {{\"reject\": \"x\"}},\n   \"event\": {event} }}\n"));
    let right = format!(
        "{{ \"expect\": {{\"tasks\": [{{\"name\": \"echo.make\", \"payload\": {{\"padding\":\"\", \"number\":1}}}}]}}, \"event\": {event} }}"
    );
    write_case(&directory, "right", &right);

    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.output.contains("`--update`"), "{}", ended.output);
    let ended = test(&directory, &guests::path("puppet"), &["--update"]);
    assert_eq!(ended.code, 0, "{}", ended.error);
    assert!(ended.output.contains("1 passed, 0 failed, 2 updated"), "{}", ended.output);
    assert_eq!(read_case(&directory, "right"), right);
    let task = "{\n    \"tasks\": [\n      {\n        \"name\": \"echo.make\",\n        \"payload\": {\n          \
                \"number\": 1,\n          \"padding\": \"\"\n        }\n      }\n    ]\n  }";
    assert_eq!(read_case(&directory, "new"), format!("{{ \"event\": {event},\n  \"expect\": {task}\n}}\n"));
    assert_eq!(read_case(&directory, "other"), format!("{{ \"expect\": {task},\n   \"event\": {event} }}\n"));
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert!(ended.output.contains("3 passed, 0 failed"), "{}", ended.output);
}

#[test]
fn junit_has_every_case() {
    let directory = puppet_cases(&[
        ("differs", json!({ "do": "log", "lines": 1 }), json!({ "expect": { "reject": "<no> & \"never\"" } })),
        ("open", json!({ "do": "emit" }), json!({})),
        ("passes", json!({ "do": "emit", "count": 0 }), json!({ "expect": { "tasks": [] } })),
    ]);
    assert_eq!(test(&directory, &guests::path("puppet"), &["--junit", "cases.xml"]).code, 1);
    let text = fs::read_to_string(directory.path().join("cases.xml")).expect("it was written");
    let document = roxmltree::Document::parse(&text).expect("XML");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let counts = ["name", "tests", "failures", "errors"].map(|name| suite.attribute(name).expect("a count"));
    assert_eq!(counts, ["puppet", "3", "1", "1"]);
    let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    let names: Vec<_> = cases.iter().filter_map(|case| case.attribute("name")).collect();
    assert_eq!(names, ["differs", "open", "passes"]);
    let texts: Vec<_> = cases[0].descendants().filter_map(|node| node.text()).collect();
    let text = texts.join("");
    assert!(text.contains("<no> & \\\"never\\\"") && text.contains("line 1 of 1"), "{text}");
}

#[test]
fn a_case_of_another_event_says_which_there_are() {
    let directory = directory();
    fs::create_dir(directory.path().join("cases")).expect("a new directory");
    write_case(&directory, "other", r#"{"event": {"name": "user.joined"}, "expect": {"tasks": []}}"#);
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert_eq!(ended.code, 1);
    let words = "does not handle `user.joined`; it handles `puppet.pulled`";
    assert!(ended.output.contains(words), "{}", ended.output);
}

#[test]
fn settings_are_those_of_the_case_and_limits_those_of_the_operator() {
    let directory = puppet_cases(&[(
        "large",
        json!({ "do": "emit", "size": 50 }),
        json!({ "expect": { "dead": { "contains": "`delivery.payload-limit` allows 20" } } }),
    )]);
    write(&directory, "leveret.toml", b"[delivery]\npayload-limit = \"20 B\"\n");
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert_eq!(ended.code, 0, "{}{}", ended.output, ended.error);
}

#[test]
fn mistakes_in_case_files_are_told_together_and_nothing_runs() {
    let directory = puppet_cases(&[("right", json!({ "do": "emit" }), json!({}))]);
    write_case(&directory, "slip", "{\n  \"event\": { \"name\": \"a.b\" },\n  \"expct\": {}\n}");
    write_case(&directory, "text", "none");
    let ended = test(&directory, &guests::path("puppet"), &[]);
    assert_eq!((ended.code, ended.output.as_str()), (2, ""));
    for words in ["slip.json:3:", "did you mean `expect`?", "text.json:1:"] {
        assert!(ended.error.contains(words), "{words} is missing in {}", ended.error);
    }
}

#[test]
fn a_project_s_component_is_found_with_its_cases() {
    let directory =
        puppet_cases(&[("passes", json!({ "do": "emit", "count": 0 }), json!({ "expect": { "tasks": [] } }))]);
    let ended = leveret(directory.path(), &[], &["test"]);
    assert_eq!(ended.code, 1);
    assert!(ended.error.contains("no plugin's project"), "{}", ended.error);
    fs::create_dir(directory.path().join("build")).expect("a new directory");
    fs::copy(guests::path("puppet"), directory.path().join("build/puppet.wasm")).expect("copied");
    assert_eq!(leveret(directory.path(), &[], &["test"]).code, 0);
    let project = directory.path().to_str().expect("UTF-8");
    assert_eq!(leveret(super::directory().path(), &[], &["test", project]).code, 0);
}

#[test]
fn what_cannot_be_tested_is_told_why() {
    let directory = puppet_cases(&[("case", json!({ "do": "emit" }), json!({}))]);
    let core = write(&directory, "core.wasm", b"\0asm\x01\0\0\0");
    let puppet = guests::path("puppet");
    for (component, more, code, words) in [
        (Path::new("missing.wasm"), &[][..], 2, "there is no missing.wasm"),
        (&core, &[], 1, "core module"),
        (&puppet, &["--cases", "nowhere"], 2, "no cases in nowhere"),
        (&puppet, &["--filter", "other"], 2, "\"other\" in its name"),
        (&puppet, &["--as", "Puppet"], 2, "lower-case"),
        (&puppet, &["--junit", "nowhere/cases.xml"], 1, "was not written"),
    ] {
        let ended = test(&directory, component, more);
        assert_eq!(ended.code, code, "{more:?}: {}", ended.error);
        assert!(ended.error.contains(words), "{words} is missing in {}", ended.error);
    }
}

#[test]
fn the_schema_of_a_case_is_printed() {
    let ended = leveret(directory().path(), &[], &["test", "--schema"]);
    assert_eq!(ended.code, 0);
    let schema: Value = serde_json::from_str(&ended.output).expect("JSON");
    assert!(schema["properties"]["expect"].is_object());
}
