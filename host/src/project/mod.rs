//! A plugin's sources: a folder in one language, made by [`create`](create()), and built into a component by [`build`].
//!
//! `language` finds out what a folder is, `manifest` reads what it says of itself, a file for each language knows its toolchain, `component` makes components of core
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
mod manifest;
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

/// Builds the project in a folder with its language's own toolchain, whose output goes to standard error; or makes a
/// component of a core module, of a language that there is no SDK for.
///
/// # Errors
/// If the folder is no project, a tool is missing (the error says what to install), or the build fails.
pub fn build(path: &Path, options: &BuildOptions) -> Result<Built, BuildError> {
    let begun = Instant::now();
    let (project, Sources { name, made }) = if path.is_file() {
        (path.parent().unwrap_or(Path::new("")), Sources::of_module(path))
    } else {
        (path, sources(path, options.quick)?)
    };
    let component = match made {
        Made::Component(file) => read(&file)?,
        Made::CoreModule(file) => componentize(&read(&file)?)?,
    };
    let file = options.out.clone().unwrap_or_else(|| project.join("build").join(format!("{name}.wasm")));
    write(&file, &component)?;
    Ok(Built { name, file, size: component.len() as u64, time: begun.elapsed() })
}

/// Has a project's own toolchain work.
fn sources(directory: &Path, quick: bool) -> Result<Sources, BuildError> {
    match Toolchain::of(directory)? {
        Toolchain::Cargo => rust::build(directory, quick),
        Toolchain::Npm => javascript::build(directory, quick),
        Toolchain::Pip => python::build(directory),
        Toolchain::Go => go::build(directory),
        Toolchain::C => c::build(directory, quick),
    }
}

/// What a toolchain made of a project's sources.
struct Sources {
    name: String,
    made: Made,
}

impl Sources {
    /// A core module is named like its file, but for the `.core` that tells it from the component.
    fn of_module(file: &Path) -> Self {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(".core").unwrap_or(&name).to_owned();
        Self { name, made: Made::CoreModule(file.to_owned()) }
    }
}

enum Made {
    Component(PathBuf),
    /// It becomes a component here.
    CoreModule(PathBuf),
}

/// Reads a file whole.
fn read(file: &Path) -> Result<Vec<u8>, BuildError> {
    fs::read(file).map_err(|error| BuildError::file(file, &error))
}

/// Writes a file whole or not at all, since a host may be watching the place.
fn write(file: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let unwritable = |error: std::io::Error| BuildError::file(file, &error);
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(unwritable)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(".new");
    let new = directory.join(name);
    fs::write(&new, bytes).and_then(|()| fs::rename(&new, file)).map_err(unwritable)
}
