//! What the fuzz targets in `tests/fuzz` reach of this part.

use std::path::Path;

use super::{ConfigError, Settings, load};

/// What [`load`](super::load) makes of a file with this text, and of these variables.
pub fn settings(text: &str, environment: Vec<(String, String)>) -> Result<Settings, ConfigError> {
    load::settings(Path::new("leveret.toml"), Ok(text.to_owned()), environment.into_iter())
}
