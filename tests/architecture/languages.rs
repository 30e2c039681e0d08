//! The README's table of languages is in step with the conformance suite.

use super::source::root;
use crate::conformance::CASES;
use crate::conformance::languages::LANGUAGES;

#[test]
fn the_readme_s_table_has_every_language_with_every_case() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("the README is there");
    let (_, rest) = readme.split_once("<!-- conformance").expect("the table has a beginning");
    let (table, _) = rest.split_once("<!-- end of conformance -->").expect("the table has an end");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| [")).collect();
    let count = format!("| {0} of {0} |", CASES.len());
    let stale = |(row, name): (&&str, &str)| !row.contains(&format!("--lang {name}`")) || !row.ends_with(&count);
    let is_stale = rows.iter().zip(LANGUAGES.map(|language| language.name)).any(stale);
    assert!(rows.len() == LANGUAGES.len() && !is_stale, "`./dev conformance --write` writes it anew:{table}");
}
