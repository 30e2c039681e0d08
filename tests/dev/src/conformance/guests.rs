//! Builds the plugins that the suite runs, each by `leveret build`, as their authors do; and only if sources changed.

use std::fs;
use std::path::{Path, PathBuf};

use super::languages::{LANGUAGES, Language};
use super::toolchain::{self, Variables};
use super::{digest, foreign, place};
use crate::command::Program;
use crate::failure::Failure;
use crate::setup::{make_directory, npm, remove_directory, remove_file, write};
use crate::workspace::Workspace;

/// Builds each language's plugin, and those that were written from the contract alone. A language whose toolchain is not
/// there is skipped, and it is said; on a build server, which has `CI` in its environment, that is a failure.
pub fn build(workspace: &Workspace) -> Result<(), Failure> {
    make_directory(&workspace.target("conformance"))?;
    for language in &LANGUAGES {
        let skipped = place(workspace, language, "skipped");
        match toolchain::find(workspace, language)? {
            Ok(variables) => {
                remove_file(&skipped)?;
                if ensure(workspace, language, &variables)? {
                    eprintln!("      {} built", language.title);
                }
            }
            Err(reason) if std::env::var_os("CI").is_some() => {
                return Err(Failure::Skipped { language: language.title, reason });
            }
            Err(reason) => {
                eprintln!("!!! SKIPPED: {}: {reason}", language.title);
                remove_file(&place(workspace, language, "wasm"))?;
                write(&skipped, &reason)?;
            }
        }
    }
    foreign::build(workspace)
}

/// Builds the hostile plugin in C for the sandbox suite, or leaves it out as the conformance suite would.
pub fn build_hostile(workspace: &Workspace) -> Result<(), Failure> {
    let component = workspace.target("guests/hostile-c.wasm");
    let guest = workspace.path("tests/sandbox/guests/c");
    let variables = match toolchain::zig(workspace) {
        Ok(variables) => variables,
        Err(reason) if std::env::var_os("CI").is_some() => return Err(Failure::Skipped { language: "C", reason }),
        Err(reason) => {
            eprintln!("!!! SKIPPED: the hostile plugin in C: {reason}");
            return remove_file(&component);
        }
    };
    let sources =
        [guest.clone(), workspace.path("guest-sdk/c"), workspace.path("wit"), workspace.path("host/src/project")];
    let build = leveret(workspace).argument("build").argument(&guest).argument("--out").argument(&component);
    once(&component, &sources, || toolchain::given(build, &variables).run()).map(drop)
}

/// Builds one where its sources are others than those of the last time. Returns whether they are.
fn ensure(workspace: &Workspace, language: &Language, variables: &Variables) -> Result<bool, Failure> {
    let guest = workspace.path("tests/conformance/guests").join(language.name);
    let sdk = workspace.path("guest-sdk").join(language.sdk);
    let component = place(workspace, language, "wasm");
    // What builds it belongs to its sources.
    let sources = [guest.clone(), sdk.clone(), workspace.path("wit"), workspace.path("host/src/project")];
    once(&component, &sources, || {
        eprintln!("      building the plugin in {}", language.title);
        match language.sdk {
            "js" => {
                npm::ensure(&sdk)?;
                npm::ensure(&guest)?;
            }
            "python" => renew_environment(&guest)?,
            _ => {}
        }
        let build = leveret(workspace).argument("build").argument(&guest).argument("--out").argument(&component);
        toolchain::given(build, variables).run()
    })
}

pub fn leveret(workspace: &Workspace) -> Program {
    Program::new(workspace.target("debug/leveret"))
}

/// Makes a file of sources, unless it is there and was made of just these. Returns whether it was made.
pub fn once(file: &Path, sources: &[PathBuf], make: impl FnOnce() -> Result<(), Failure>) -> Result<bool, Failure> {
    let (digest, kept) = (digest::of(sources)?, file.with_extension("digest"));
    if file.is_file() && fs::read_to_string(&kept).is_ok_and(|kept| kept == digest) {
        return Ok(false);
    }
    remove_file(&kept)?;
    make()?;
    write(&kept, &digest)?;
    Ok(true)
}

/// A virtual environment that was made for another manifest may lack what this one asks for.
fn renew_environment(guest: &Path) -> Result<(), Failure> {
    let (environment, manifest) = (guest.join(".venv"), guest.join("pyproject.toml"));
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    if modified(&environment.join("leveret-ready")) < modified(&manifest) {
        remove_directory(&environment)
    } else {
        Ok(())
    }
}
