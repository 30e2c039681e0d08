//! The manifests of projects, as far as a build reads them.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::error::BuildError;

pub(super) fn text(file: &Path) -> Result<String, BuildError> {
    fs::read_to_string(file).map_err(|error| BuildError::file(file, &error))
}

pub(super) fn toml<T: DeserializeOwned>(file: &Path) -> Result<T, BuildError> {
    ::toml::from_str(&text(file)?).map_err(|error| BuildError::manifest(file, error.message()))
}

pub(super) fn json<T: DeserializeOwned>(file: &Path) -> Result<T, BuildError> {
    serde_json::from_str(&text(file)?).map_err(|error| BuildError::manifest(file, error))
}
