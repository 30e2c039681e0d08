//! What a language's guest is built with: whether it is there, and what the build must be told to find it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use super::languages::Language;
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::setup::{self, go, ziglang};
use crate::workspace::Workspace;

/// Variables of the environment that a build is given.
pub type Variables = Vec<(&'static str, OsString)>;

/// A program that is given what its toolchain needs.
pub fn given(program: Program, variables: &Variables) -> Program {
    variables.iter().fold(program, |program, (name, value)| program.variable(name, value))
}

/// A toolchain, or why there is none.
pub fn find(workspace: &Workspace, language: &Language) -> Result<Result<Variables, String>, Failure> {
    Ok(match language.sdk {
        "rust" => Ok(cargo(workspace)?),
        "js" => npm(),
        "python" => python(),
        "go" => go(workspace),
        "c" => zig(workspace),
        sdk => Err(format!("./dev knows no toolchain of guest-sdk/{sdk}")),
    })
}

fn cargo(workspace: &Workspace) -> Result<Variables, Failure> {
    let flags =
        setup::wasm_target::flags(workspace)?.map(|flags| ("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", flags.into()));
    let target = ("CARGO_TARGET_DIR", workspace.target("conformance/cargo").into());
    Ok(flags.into_iter().chain([target]).collect())
}

/// For TypeScript, JavaScript and AssemblyScript.
pub fn npm() -> Result<Variables, String> {
    needs("npm", "Install Node.js 20 or newer with npm: https://nodejs.org")
}

fn needs(program: &str, remedy: &str) -> Result<Variables, String> {
    if is_installed(program) { Ok(vec![]) } else { Err(format!("{program} is missing. {remedy}")) }
}

pub fn python() -> Result<Variables, String> {
    needs("python3", "Install Python 3.11 or newer: https://www.python.org")?;
    let venv = Program::new("python3").arguments(["-c", "import ensurepip, sys; assert sys.version_info >= (3, 11)"]);
    let remedy = "Python is older than 3.11, or lacks venv: install Debian's or Ubuntu's package `python3-venv`";
    // The SDK's folder is a part of `leveret`, which what Python leaves there would make cargo build again.
    venv.quietly().map(|_| vec![("PYTHONDONTWRITEBYTECODE", "1".into())]).map_err(|_| remedy.into())
}

pub fn go(workspace: &Workspace) -> Result<Variables, String> {
    let programs = go::programs(workspace).ok_or("Go 1.26 is missing. Install it from https://go.dev/dl")?;
    // A checkout that git does not trust, such as another user's in a container, is no reason to fail.
    Ok(vec![("PATH", path_with(programs)?), ("GOFLAGS", "-buildvcs=false".into())])
}

/// `leveret build` looks for `python3 -m ziglang`, among others.
pub fn zig(workspace: &Workspace) -> Result<Variables, String> {
    let programs = ziglang::programs(workspace).ok_or("Zig could not be installed from PyPI: Python lacks venv")?;
    Ok(vec![("PATH", path_with(programs)?)])
}

/// The PATH with a folder of programs that come first.
fn path_with(programs: PathBuf) -> Result<OsString, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths([programs].into_iter().chain(env::split_paths(&path))).map_err(|error| error.to_string())
}
