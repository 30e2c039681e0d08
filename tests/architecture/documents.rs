//! The documents speak of what is there, and of no machine but the reader's.

use std::process::Command;

use super::source::{Source, root};

const DOCUMENTS: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

/// Where files of the repository are, as the documents write them.
const FOLDERS: [&str; 6] = ["host/", "guest-sdk/", "plugins/", "wit/", "tests/", ".ci/"];

#[test]
fn what_the_documents_point_to_is_there() {
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        for (index, line) in read(document).lines().enumerate() {
            let links = between(line, "](", ")").map(|link| link.split('#').next().unwrap_or_default());
            let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
            let paths = between(line, "`", "`").filter(|text| is_path(text));
            let gone = links.chain(paths).filter(|path| !root().join(path).exists());
            missing.extend(gone.map(|path| format!("{document}:{}: {path}", index + 1)));
        }
    }
    assert!(missing.is_empty(), "there is no such file:\n{}", missing.join("\n"));
}

/// Each invariant has a row like `| **I1** … | kept in | tests |`, and the tests that the row names carry its number.
#[test]
fn the_tests_that_are_said_to_show_an_invariant_name_it() {
    let document = read("ARCHITECTURE.md");
    let mut violations = Vec::new();
    for number in 1..=11 {
        let row = document.lines().find(|line| line.starts_with(&format!("| **I{number}** ")));
        let Some(tests) = row.and_then(|row| row.trim_end_matches([' ', '|']).rsplit('|').next()) else {
            violations.push(format!("I{number} has no row"));
            continue;
        };
        for path in between(tests, "`", "`") {
            let named = sources(path).iter().any(|source| source.text.contains(&format!("fn i{number}_")));
            if !named {
                violations.push(format!("I{number}: there is no test `i{number}_…` in {path}"));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn no_machine_s_own_path_is_in_a_tracked_file() {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().expect("git starts");
    let complaint = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "git does not list the tracked files: {complaint}");
    let mut found = Vec::new();
    for path in String::from_utf8_lossy(&listed.stdout).split_terminator('\0') {
        // A tracked file may be deleted and not yet committed, and a link leads to another tracked file.
        let Ok(bytes) = std::fs::read(root().join(path)) else { continue };
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if has_machine_path(line) {
                found.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn has_machine_path(line: &str) -> bool {
    /// Folders at the root of a file system in which people and programs have what is theirs.
    const OWN: [&str; 5] = ["home", "root", "tmp", "Users", "var/folders"];
    /// The home of nobody, for examples.
    const EXAMPLE: &str = "/home/hare";
    let line = line.replace(EXAMPLE, "");
    OWN.into_iter().any(|folder| {
        let at_the_root = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}*".contains(c));
        line.match_indices(&format!("/{folder}/")).any(|(at, _)| at_the_root(at))
    })
}

#[test]
fn a_machine_s_own_path_is_told_from_others() {
    let written = |parts: [&str; 3]| parts.join("/");
    assert!(has_machine_path(&written(["see ", "home", "ada/leveret"])));
    assert!(has_machine_path(&written(["open(\"", "tmp", "x\")"])));
    assert!(!has_machine_path(&written(["target", "tmp", "x"])));
    assert!(!has_machine_path(&written(["https://example.org", "home", "x"])));
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).expect("the document is there")
}

/// The files of Rust at a path: the file itself, or all of a folder.
fn sources(path: &str) -> Vec<Source> {
    let (folder, _) = path.rsplit_once('/').unwrap_or((path, ""));
    let folder = if path.ends_with(".rs") { folder } else { path };
    Source::all(folder).into_iter().filter(|source| source.path.starts_with(path)).collect()
}

/// Whether a text in backticks is a path of the repository, and not a pattern of one.
fn is_path(text: &str) -> bool {
    FOLDERS.into_iter().any(|folder| text.starts_with(folder)) && !text.contains(['<', '*', '…', ' ', '{'])
}

/// What stands between each opening and the closing after it.
fn between<'l>(line: &'l str, open: &'l str, close: &'l str) -> impl Iterator<Item = &'l str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(open)?;
        let (found, after) = after.split_once(close)?;
        rest = after;
        Some(found)
    })
}
