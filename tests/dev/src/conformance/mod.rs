//! `./dev conformance`: builds the plugin of each language, holds each to one table of cases, and shows what came of it.

mod digest;
mod foreign;
pub mod guests;
#[path = "../../../conformance/languages.rs"]
mod languages;
mod readme;
mod results;
pub mod toolchain;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::Workspace;

use languages::Language;
use results::Results;

/// `[--write]`: with it, the README's table is written; without it, it is said if it is out of date. Ends in one line of
/// JSON.
pub fn conformance(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    let write = match arguments {
        [] => false,
        [flag] if flag == "--write" => true,
        [unknown, ..] => return Err(Failure::Flag { flag: unknown.clone(), known: "--write" }),
    };
    setup::languages(workspace)?;
    // As `./dev test` does: a part of the workspace has other features, and would build all libraries again.
    Program::cargo().words("build --workspace --all-targets").run()?;
    guests::build(workspace)?;
    results::forget(workspace)?;
    let tests = Program::cargo().words("test --workspace --test suite -- conformance::").run();
    let results = Results::read(workspace);
    println!("\n{}", results.shown());
    readme::compare(workspace, &results, write)?;
    println!("{}", results.json());
    if let Err(failure) = &tests {
        eprintln!("\n{failure}");
    }
    Ok(if tests.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is kept of a language: its component, what came of the cases, or why it was skipped.
fn place(workspace: &Workspace, language: &Language, extension: &str) -> PathBuf {
    workspace.target(&format!("conformance/{}.{extension}", language.name))
}
