//! Rust: cargo gives the component.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources, manifest};

const TARGET: &str = "wasm32-wasip2";
const RUST: &str = "Install Rust: https://rustup.rs";
/// What a toolchain without rustup says its standard libraries with.
const OVERLAY: &str = "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS";

#[derive(Deserialize)]
struct Manifest {
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

/// A line of what `cargo build --message-format json` says.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) fn build(directory: &Path, quick: bool) -> Result<Sources, BuildError> {
    let manifest = directory.join("Cargo.toml");
    let name = name(&manifest)?;
    check_target()?;
    let profile = if quick { "dev" } else { "release" };
    let answer = cargo()
        .within(directory)
        .arguments(["build", "--target", TARGET, "--profile", profile])
        .arguments(["--message-format", "json-render-diagnostics"])
        .answer()?;
    let manifest = manifest.canonicalize().map_err(|error| BuildError::file(&manifest, &error))?;
    let component = answer
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| message.manifest_path.as_deref() == Some(&manifest))
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    let no_component =
        || BuildError::manifest(&manifest, "it makes no component: `[lib] crate-type = [\"cdylib\"]` does");
    Ok(Sources { name, made: Made::Component(component.ok_or_else(no_component)?) })
}

fn name(file: &Path) -> Result<String, BuildError> {
    let no_package = || BuildError::manifest(file, "it has no [package]: name the folder of the plugin's own");
    let Manifest { package } = manifest::toml(file)?;
    Ok(package.ok_or_else(no_package)?.name)
}

/// Cargo's own words for a missing target take a page.
fn check_target() -> Result<(), BuildError> {
    if std::env::var_os(OVERLAY).is_some() {
        return Ok(());
    }
    let libraries = Program::new("rustc", "Rust", RUST).arguments(["--print", "target-libdir", "--target", TARGET]);
    if Path::new(libraries.answer()?.trim()).is_dir() {
        return Ok(());
    }
    let remedy = format!("Install it: rustup target add {TARGET}");
    Err(BuildError::Missing { what: format!("Rust's target {TARGET}"), remedy })
}

fn cargo() -> Program {
    Program::new("cargo", "Rust", RUST)
}
