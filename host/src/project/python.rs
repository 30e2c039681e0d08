//! Python: the SDK's own build, in the project's virtual environment, gives the component.

use std::path::Path;

use serde::Deserialize;

use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources, manifest};

const PYTHON: &str = "Install Python 3.11 or newer: https://www.python.org";
const VENV: &str = "Install Python's venv, such as Debian's or Ubuntu's package `python3-venv`";

#[derive(Deserialize)]
struct Manifest {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    name: String,
}

pub(super) fn build(directory: &Path) -> Result<Sources, BuildError> {
    let name = name(&directory.join("pyproject.toml"))?;
    let environment = directory.join(".venv");
    // What was made half is made again.
    let ready = environment.join("leveret-ready");
    if !ready.is_file() {
        let make = || Program::new("python3", "Python", PYTHON).within(directory);
        make().arguments(["-m", "venv", ".venv"]).run().map_err(|error| match error {
            BuildError::Failed { .. } if !environment.join("bin/pip").is_file() => {
                BuildError::Missing { what: "Python's venv".into(), remedy: VENV.into() }
            }
            error => error,
        })?;
        let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".[build]"];
        python(directory)?.arguments(words).run()?;
        std::fs::write(&ready, "").map_err(|error| BuildError::file(&ready, &error))?;
    }
    python(directory)?.arguments(["-m", "leveret_plugin", "build"]).run()?;
    let component = directory.join(format!("build/{name}.wasm"));
    Ok(Sources { name, made: Made::Component(component) })
}

fn python(directory: &Path) -> Result<Program, BuildError> {
    let python = directory.join(".venv/bin/python");
    let python = std::path::absolute(&python).map_err(|error| BuildError::file(&python, &error))?;
    Ok(Program::new(python, "Python", PYTHON).within(directory))
}

fn name(file: &Path) -> Result<String, BuildError> {
    let Manifest { project } = manifest::toml(file)?;
    Ok(project.ok_or_else(|| BuildError::manifest(file, "it has no [project]"))?.name)
}
