//! What goes wrong when a project is made or built, and what to do about it.

use std::path::{Path, PathBuf};

use crate::name::NameError;

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("{} is no plugin's project: it has none of {expected}. `leveret new NAME --lang …` makes one", directory.display())]
    NoProject { directory: PathBuf, expected: String },
    #[error("{what} is missing. {remedy}")]
    Missing { what: String, remedy: String },
    #[error("`{command}` failed ({status}); it says why above")]
    Failed { command: String, status: String },
    #[error("{}: {reason}", file.display())]
    Manifest { file: PathBuf, reason: String },
    #[error("{}: {reason}", file.display())]
    File { file: PathBuf, reason: String },
    #[error("the module does not make a plugin: {0}")]
    Module(String),
}

impl BuildError {
    pub(super) fn file(file: &Path, error: &std::io::Error) -> Self {
        Self::File { file: file.to_owned(), reason: error.to_string() }
    }

    pub(super) fn manifest(file: &Path, reason: impl ToString) -> Self {
        Self::Manifest { file: file.to_owned(), reason: reason.to_string() }
    }
}

/// Why no project was made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("the name {0:?} must begin with a letter, since it names a package too")]
    FirstCharacter(String),
    #[error("{} is there already, and is not empty", .0.display())]
    Exists(PathBuf),
    #[error("{}: {reason}", file.display())]
    File { file: PathBuf, reason: String },
}
