//! The README's table of languages.

use std::fs;

use super::languages::Language;
use super::results::{Outcome, Results};
use crate::failure::Failure;
use crate::setup::write;
use crate::workspace::Workspace;

const BEGIN: &str = "<!-- conformance: written by `./dev conformance --write` -->\n";
const END: &str = "<!-- end of conformance -->\n";

/// Writes the table, or says that it is out of date. The tests of `tests/architecture` hold the README to it.
pub fn compare(workspace: &Workspace, results: &Results, rewrite: bool) -> Result<(), Failure> {
    let path = workspace.path("README.md");
    let readme = fs::read_to_string(&path).map_err(|error| Failure::File { path: path.clone(), error })?;
    let Some((before, table, after)) = parts(&readme) else {
        println!("README.md has no place for the table of languages: the lines {BEGIN}{END}are not there.");
        return Ok(());
    };
    if results.0.iter().any(|(_, outcome)| matches!(outcome, Outcome::Skipped(_))) {
        println!("README.md's table of languages was not looked at, since a language was skipped.");
        return Ok(());
    }
    let fresh = fresh(results);
    if fresh == table {
        return Ok(());
    }
    if rewrite {
        write(&path, &format!("{before}{BEGIN}{fresh}{END}{after}"))?;
        println!("README.md's table of languages is written anew.");
    } else {
        println!("README.md's table of languages is out of date: `./dev conformance --write` writes it.");
    }
    Ok(())
}

/// What is before the table, the table, and what is after it.
fn parts(readme: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (table, after) = rest.split_once(END)?;
    Some((before, table, after))
}

fn fresh(results: &Results) -> String {
    let row = |(language, outcome): &(&Language, Outcome)| {
        let Language { name, title, sdk, toolchain } = language;
        let (passed, of) = outcome.counts();
        format!("| [{title}](guest-sdk/{sdk}) | `--lang {name}` | {toolchain} | {passed} of {of} |\n")
    };
    let rows: String = results.0.iter().map(row).collect();
    format!("| language | `leveret new` | built with | conformance cases passed |\n|---|---|---|---|\n{rows}")
}
