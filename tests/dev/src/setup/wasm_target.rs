//! The target that plugins in Rust are compiled for.

use std::path::Path;

use super::{announce, entries, standard_library};
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::workspace::Workspace;

pub const TARGET: &str = "wasm32-wasip2";
const WITHOUT_RUSTUP: &str = "LEVERET_DEV_WITHOUT_RUSTUP";

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    if !without_rustup() {
        if in_toolchain()? {
            return Ok("installed".into());
        }
        if add()? {
            return Ok("installed by rustup".into());
        }
        announce("it is not to be had by rustup, so its standard library is built from Debian's sources");
    }
    standard_library::ensure(workspace)
}

/// What rustc needs to be told to find the target; nothing where the toolchain has it.
pub fn flags(workspace: &Workspace) -> Result<Option<String>, Failure> {
    if !without_rustup() && in_toolchain()? {
        return Ok(None);
    }
    Ok(Some(format!("--sysroot={}", standard_library::sysroot(workspace)?.display())))
}

/// Whether to do as if there were no rustup, to try what is done then.
fn without_rustup() -> bool {
    std::env::var_os(WITHOUT_RUSTUP).is_some_and(|value| value == "1")
}

fn in_toolchain() -> Result<bool, Failure> {
    let directory = Program::new("rustc").words("--print target-libdir --target").argument(TARGET).quietly()?;
    Ok(has_standard_library(Path::new(directory.trim())))
}

fn add() -> Result<bool, Failure> {
    if !is_installed("rustup") {
        return Ok(false);
    }
    announce("adding it by rustup");
    match Program::new("rustup").words("target add").argument(TARGET).quietly() {
        Ok(_) => in_toolchain(),
        Err(failure) => {
            announce(&failure.to_string());
            Ok(false)
        }
    }
}

/// Whether a directory of libraries has the standard one.
pub fn has_standard_library(directory: &Path) -> bool {
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    entries(directory).iter().any(|path| path.file_name().is_some_and(|name| is_std(&name.to_string_lossy())))
}
