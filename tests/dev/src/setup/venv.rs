//! Packages of PyPI, each set of them in a virtual environment of its own.

use std::fs;
use std::path::{Path, PathBuf};

use super::{announce, remove_directory, write};
use crate::command::{Program, is_installed};
use crate::failure::Failure;

/// What was installed, so that another version is noticed.
const INSTALLED: &str = "leveret-requirements";

/// The folder of an environment's programs, if the environment is whole.
pub fn programs(directory: &Path) -> Option<PathBuf> {
    directory.join(INSTALLED).is_file().then(|| directory.join("bin"))
}

/// Makes an environment with just these packages, each with its version. Where Python cannot, it says so; whoever needs
/// the packages finds that they are not there.
pub fn ensure(directory: &Path, requirements: &[&str]) -> Result<String, Failure> {
    let wanted = requirements.join("\n");
    if fs::read_to_string(directory.join(INSTALLED)).is_ok_and(|installed| installed == wanted) {
        return Ok(format!("{} installed", requirements.join(", ")));
    }
    remove_directory(directory)?;
    let has_venv =
        is_installed("python3") && Program::new("python3").words("-c").argument("import ensurepip").quietly().is_ok();
    if !has_venv {
        announce(
            "!!! WARNING: it is taken from PyPI, and there is no Python 3 here that has venv. Install Debian's or",
        );
        announce("!!! Ubuntu's package `python3-venv`.");
        return Ok("SKIPPED".into());
    }
    announce(&format!("installing {} from PyPI", requirements.join(", ")));
    Program::new("python3").words("-m venv").argument(directory).quietly()?;
    Program::new(directory.join("bin/python3"))
        .words("-m pip install --quiet --disable-pip-version-check")
        .arguments(requirements)
        .quietly()?;
    write(&directory.join(INSTALLED), &wanted)?;
    Ok(format!("{} installed now", requirements.join(", ")))
}
