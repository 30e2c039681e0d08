//! `leveret.toml` and the environment: settings that print as a document which means the same, or problems, each with a
//! place in the text and of bounded length. The input is a line with a variable, such as `1=7` or nothing, and below it
//! the file.

#![no_main]

use leveret::config::{ConfigError, Place, Problem, Settings, fuzzing, print};
use libfuzzer_sys::fuzz_target;

/// Some of each type.
const VARIABLES: [&str; 6] = [
    "LEVERET_BROKER_URL",
    "LEVERET_DELIVERY_PREFETCH",
    "LEVERET_DELIVERY_RETRY_FACTOR",
    "LEVERET_DELIVERY_RETRY_MINIMUM",
    "LEVERET_LOG_FORMAT",
    "LEVERET_PLUGINS_SIZE_LIMIT",
];

fuzz_target!(|input: &str| {
    let (variable, text) = input.split_once('\n').unwrap_or(("", input));
    let variable = variable.split_once('=').and_then(|(index, value)| {
        let name = VARIABLES.get(index.parse::<usize>().ok()?)?;
        Some(((*name).to_owned(), value.to_owned()))
    });
    let environment = variable.into_iter().collect();
    match fuzzing::settings(text, environment) {
        Ok(settings) => prints_what_it_means(&settings),
        Err(error) => places_are_in(text, &error),
    }
});

fn prints_what_it_means(settings: &Settings) {
    let printed = print(settings);
    let again = fuzzing::settings(&printed, Vec::new()).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    // A password is not printed, so the settings themselves may differ by it.
    assert_eq!(print(&again), printed);
}

fn places_are_in(text: &str, error: &ConfigError) {
    assert!(!error.problems().is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in error.problems() {
        let words = problem.to_string();
        // What is wrong is quoted, a few times at the most, and each character as ten at the most.
        assert!(words.len() <= 4096 + 40 * text.len().max(4096), "{} bytes", words.len());
        let (Problem::Syntax { place, .. } | Problem::UnknownKey { place, .. } | Problem::Value { place, .. }) =
            problem
        else {
            continue;
        };
        if let Place::File { line, column, .. } = place {
            let there = lines.get(line - 1).unwrap_or_else(|| panic!("there is no line {line}: {words}"));
            assert!((1..=there.chars().count() + 1).contains(column), "there is no column {column}: {words}");
        }
    }
}
