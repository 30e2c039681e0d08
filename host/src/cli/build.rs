//! `leveret build [PATH]`: from a plugin's sources, or a core module, to a component.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
        let built = if self.path.is_file() {
            self.componentize()
        } else {
            project::build(&self.path, &BuildOptions { out: self.out, quick: false })
        }?;
        let Built { name, file, size: bytes, time } = built;
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        output.answer(&json!({ "name": name, "file": file, "bytes": bytes, "time_ms": milliseconds }), || {
            format!("built {}, {}, in {}", file.display(), HumanBytes(bytes), rounded(time))
        })
    }

    fn componentize(&self) -> Result<Built, project::BuildError> {
        let begun = Instant::now();
        let module = project::read(&self.path)?;
        let component = project::componentize(&module)?;
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.strip_suffix(".core").unwrap_or(&name).to_owned();
        let beside = || self.path.parent().unwrap_or(Path::new("")).join("build").join(format!("{name}.wasm"));
        let file = self.out.clone().unwrap_or_else(beside);
        project::write(&file, &component)?;
        Ok(Built { name, file, size: component.len() as u64, time: begun.elapsed() })
    }
}

fn rounded(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
