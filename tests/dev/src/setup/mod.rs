//! What must be there before anything can be built, tested or shown. Each step leaves alone what is already there.

mod cargo_deny;
mod cargo_tool;
mod debian;
mod debian_package;
mod fuzzing;
pub mod go;
mod guests;
pub mod npm;
mod ponos;
mod rabbitmq;
pub mod rabbitmq_4;
mod redis;
mod standard_library;
pub mod venv;
pub mod wasm_target;
pub mod ziglang;

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::workspace::Workspace;

/// One thing that must be there.
struct Step {
    what: &'static str,
    /// Sees to it, and says how it stands.
    ensure: fn(&Workspace) -> Result<String, Failure>,
}

const WASM_TARGET: Step = Step { what: "wasm32-wasip2 target", ensure: wasm_target::ensure };
const GUESTS: Step = Step { what: "sample plugins", ensure: guests::ensure };
const RABBITMQ: Step = Step { what: "RabbitMQ", ensure: rabbitmq::ensure };
const REDIS: Step = Step { what: "Redis", ensure: redis::ensure };
const RABBITMQ_4: Step = Step { what: "RabbitMQ 4", ensure: rabbitmq_4::ensure };
const PONOS: Step = Step { what: "Ponos", ensure: ponos::ensure };
const GO: Step = Step { what: "Go", ensure: go::ensure };
const ZIG: Step = Step { what: "Zig", ensure: ziglang::ensure };
const FUZZING: Step = Step { what: "cargo-fuzz", ensure: fuzzing::ensure };
const CARGO_DENY: Step = Step { what: "cargo-deny", ensure: cargo_deny::ensure };

/// What every verb together needs.
pub fn everything(workspace: &Workspace) -> Result<(), Failure> {
    ensure(workspace, &[WASM_TARGET, GO, ZIG, RABBITMQ, RABBITMQ_4, REDIS, PONOS, CARGO_DENY, GUESTS])
}

/// What the plugins in each language need, beside what their own package managers bring.
pub fn languages(workspace: &Workspace) -> Result<(), Failure> {
    ensure(workspace, &[WASM_TARGET, GO, ZIG])
}

/// What a host on the embedded broker needs.
pub fn guests_only(workspace: &Workspace) -> Result<(), Failure> {
    ensure(workspace, &[WASM_TARGET, GUESTS])
}

/// What a host on RabbitMQ needs.
pub fn guests_and_rabbitmq(workspace: &Workspace) -> Result<(), Failure> {
    ensure(workspace, &[WASM_TARGET, RABBITMQ, GUESTS])
}

/// What fuzzing needs, which is none of the tests.
pub fn fuzzing(workspace: &Workspace) -> Result<(), Failure> {
    ensure(workspace, &[FUZZING])
}

fn ensure(workspace: &Workspace, steps: &[Step]) -> Result<(), Failure> {
    for (index, step) in steps.iter().enumerate() {
        let state = (step.ensure)(workspace)?;
        // To stderr, so that what a verb prints can be read by a program.
        eprintln!("[{}/{}] {}: {state}", index + 1, steps.len(), step.what);
    }
    Ok(())
}

/// Says what takes a while.
fn announce(what: &str) {
    eprintln!("      {what}");
}

pub fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| Failure::File { path: path.into(), error })
}

pub fn remove_directory(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::File { path: path.into(), error }),
        _ => Ok(()),
    }
}

pub fn remove_file(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Failure::File { path: path.into(), error }),
        _ => Ok(()),
    }
}

pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::File { path: path.into(), error })
}

/// The entries of a directory; none where there is no such directory.
fn entries(directory: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Copies a file in one step, so that nobody sees half of it. Returns whether it was another one.
fn copy(from: &Path, to: &Path) -> Result<bool, Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| Failure::File { path, error }
    };
    let bytes = fs::read(from).map_err(failed(from))?;
    if fs::read(to).is_ok_and(|present| present == bytes) {
        return Ok(false);
    }
    let part = to.with_extension("part");
    fs::write(&part, bytes).map_err(failed(&part))?;
    fs::rename(&part, to).map_err(failed(to))?;
    Ok(true)
}
