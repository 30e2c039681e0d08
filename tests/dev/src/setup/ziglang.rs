//! Zig from PyPI: the compiler of the guests in C, C++ and Zig, in a virtual environment of its own.

use std::path::PathBuf;

use super::venv;
use crate::failure::Failure;
use crate::workspace::Workspace;

const DIRECTORY: &str = "tools/zig";
const REQUIREMENTS: [&str; 1] = ["ziglang==0.17.0"];

/// The folder with the `python3` that has it, if it is there.
pub fn programs(workspace: &Workspace) -> Option<PathBuf> {
    venv::programs(&workspace.target(DIRECTORY))
}

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    venv::ensure(&workspace.target(DIRECTORY), &REQUIREMENTS)
}
