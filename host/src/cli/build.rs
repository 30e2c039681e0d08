//! `leveret build [PATH]`: from a plugin's sources, or a core module, to a component.

use std::path::PathBuf;

use clap::Args;
use indicatif::HumanBytes;
use serde_json::json;

use super::Output;
use super::error::CliError;
use crate::project::{self, BuildOptions, Built};

/// The language is told by the manifest: Cargo.toml, go.mod, pyproject.toml, CMakeLists.txt or package.json. Its own
/// toolchain does the work; where one is missing, the error says what to install. A core module, of a language that there
/// is no SDK for, becomes a component.
#[derive(Debug, Args)]
pub(super) struct Build {
    /// A project's folder, or a core module.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Where the component goes [default: build/NAME.wasm in the project].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Build {
    pub(super) fn run(self, output: Output) -> Result<(), CliError> {
        let built = project::build(&self.path, &BuildOptions { out: self.out, quick: false })?;
        let Built { name, file, size: bytes, time } = built;
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        output.answer(&json!({ "name": name, "file": file, "bytes": bytes, "time_ms": milliseconds }), || {
            format!("built {}, {}, in {:.1} s", file.display(), HumanBytes(bytes), time.as_secs_f64())
        })
    }
}
