//! A plugin's sources: a folder in one language, made by [`create`](create()), and built into a component by [`build`].
//!
//! `language` finds out what a folder is, a file for each language knows its toolchain, `component` makes components of core
//! modules, and `embedded` is what the binary carries for all of it.

mod c;
mod cmake;
mod component;
mod create;
mod embedded;
mod error;
mod go;
mod javascript;
mod language;
mod program;
mod python;
mod rust;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use component::componentize;
pub use create::{Created, create};
pub use error::{BuildError, CreateError};
pub use language::{Language, Toolchain};

/// What a build made.
#[derive(Debug, Clone)]
pub struct Built {
    /// The plugin's name, as its project calls it. The file is named like it, and so is the application, once it is dropped.
    pub name: String,
    pub file: PathBuf,
    /// Of the file, in bytes.
    pub size: u64,
    pub time: Duration,
}

/// How a project is built.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Where the component goes, instead of `build/<name>.wasm` in the project.
    pub out: Option<PathBuf>,
    /// Rather soon than small: for a build at each save.
    pub quick: bool,
}

/// Builds the project in a folder with its language's own toolchain, whose output goes to standard error.
///
/// # Errors
/// If the folder is no project, a tool is missing (the error says what to install), or the build fails.
pub fn build(directory: &Path, options: &BuildOptions) -> Result<Built, BuildError> {
    let begun = Instant::now();
    let toolchain = Toolchain::of(directory)?;
    let Sources { name, made } = match toolchain {
        Toolchain::Cargo => rust::build(directory, options.quick),
        Toolchain::Npm => javascript::build(directory, options.quick),
        Toolchain::Pip => python::build(directory),
        Toolchain::Go => go::build(directory),
        Toolchain::C => c::build(directory, options.quick),
    }?;
    let component = match made {
        Made::Component(file) => read(&file)?,
        Made::CoreModule(file) => componentize(&read(&file)?)?,
    };
    let file = options.out.clone().unwrap_or_else(|| directory.join(format!("build/{name}.wasm")));
    write(&file, &component)?;
    Ok(Built { name, file, size: component.len() as u64, time: begun.elapsed() })
}

/// What a toolchain made of a project's sources.
struct Sources {
    name: String,
    made: Made,
}

enum Made {
    Component(PathBuf),
    /// It becomes a component here.
    CoreModule(PathBuf),
}

/// Reads a file whole.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(file).map_err(|error| BuildError::file(file, &error))
}

/// Writes a file whole or not at all, since a host may be watching the place.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let unwritable = |error: std::io::Error| BuildError::file(file, &error);
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(unwritable)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(".new");
    let new = directory.join(name);
    fs::write(&new, bytes).and_then(|()| fs::rename(&new, file)).map_err(unwritable)
}
