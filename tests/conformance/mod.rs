//! One table of cases, and a plugin in each language that does what they ask for, in the host's own sandbox. `./dev
//! conformance` builds the plugins and shows what came of it.

mod cases;
mod foreign;
mod guest;
#[expect(dead_code, reason = "the rest is for `./dev`")]
pub mod languages;
mod lines;
mod result;
mod verdict;

use std::path::{Path, PathBuf};

use guest::Guest;
use result::CaseResult;

pub use cases::{CASES, Case};

/// One test for each language, so that they run side by side and each is told by its name.
macro_rules! languages {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                conforms(stringify!($name));
            }
        )*

        #[test]
        fn every_language_is_tested() {
            let tested = [$(stringify!($name)),*];
            assert_eq!(tested, languages::LANGUAGES.map(|language| language.name));
            assert_eq!(tested, leveret::project::Language::ALL.map(|language| language.word()));
        }
    };
}

languages! { rust ts js python go c cpp }

#[test]
fn every_case_has_a_name_of_its_own() {
    let mut names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CASES.len());
}

/// Runs the table over a language's plugin.
///
/// # Panics
/// If a case fails, or if the plugin was not built for no reason that `./dev` knows.
fn conforms(language: &str) {
    if let Some(reason) = skipped(language) {
        eprintln!("!!! SKIPPED: {language}: {reason}");
        return;
    }
    let results = run(&built(&format!("{language}.wasm")), CASES.iter());
    result::write(&built(&format!("{language}.results")), &results);
    result::demand(language, &results);
}

/// Runs cases over a component. One that the host does not let in fails all of them.
fn run<'c>(component: &Path, cases: impl Iterator<Item = &'c Case>) -> Vec<CaseResult> {
    let guest = Guest::open(component);
    let verdict = |case: &Case| match &guest {
        Ok(guest) => (case.run)(guest),
        Err(refusal) => verdict::wrong("a component that the host lets in", refusal),
    };
    cases.map(|case| CaseResult { case: case.name, verdict: verdict(case) }).collect()
}

/// Why `./dev` built no plugin of this language, if it had a reason.
fn skipped(language: &str) -> Option<String> {
    let reason = std::fs::read_to_string(built(&format!("{language}.skipped"))).ok()?;
    assert!(std::env::var_os("CI").is_none(), "on a build server no language may be skipped: {language}: {reason}");
    Some(reason.trim().to_owned())
}

/// What `./dev` builds for these tests, and what they leave for it.
fn built(file: &str) -> PathBuf {
    leveret_tests::guests::target().join("conformance").join(file)
}
