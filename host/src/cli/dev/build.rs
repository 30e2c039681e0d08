//! Builds: one at a time, beside everything else, and into the plugins directory.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::sync::oneshot;

use crate::cli::error::CliError;
use crate::plugin::Digest;
use crate::project::{self, BuildError, BuildOptions, Built};

/// What comes of a build.
type Outcome = Result<Made, BuildError>;

/// A build that went well.
pub(super) struct Made {
    pub built: Built,
    /// Of the component, as it is known once it is live.
    pub digest: Digest,
}

/// The builds of one project.
pub(super) struct Builds {
    project: PathBuf,
    plugins: PathBuf,
    running: Option<oneshot::Receiver<Outcome>>,
    /// Something changed since the build that is running began.
    again: bool,
    component: Option<PathBuf>,
}

/// Makes the plugins directory, with nothing in it of another time.
pub(super) fn prepare(plugins: &Path) -> Result<(), CliError> {
    let failed = |error: std::io::Error| CliError::Failed(format!("{}: {error}", plugins.display()));
    fs::create_dir_all(plugins).map_err(failed)?;
    for entry in fs::read_dir(plugins).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new("wasm")) {
            fs::remove_file(path).map_err(failed)?;
        }
    }
    Ok(())
}

impl Builds {
    pub(super) fn new(project: &Path, plugins: &Path) -> Self {
        Self { project: project.into(), plugins: plugins.into(), running: None, again: false, component: None }
    }

    /// Begins a build, or sees to it that another follows the one that is running.
    pub(super) fn begin(&mut self) {
        if self.running.is_some() {
            self.again = true;
            return;
        }
        let (sender, receiver) = oneshot::channel();
        let (project, plugins) = (self.project.clone(), self.plugins.clone());
        // A thread of its own, since the runtime would wait for one of its own at a stop.
        std::thread::spawn(move || sender.send(build(&project, &plugins)));
        self.running = Some(receiver);
    }

    /// Waits until a build ends; for ever if none runs.
    pub(super) async fn ended(&mut self) -> Outcome {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let outcome = running.await.unwrap_or_else(|_| Err(BuildError::Module("the build panicked".into())));
        self.running = None;
        if std::mem::take(&mut self.again) {
            self.begin();
        }
        if let Ok(made) = &outcome {
            self.component = Some(made.built.file.clone());
        }
        outcome
    }

    /// What the last build that went well made.
    pub(super) fn component(&self) -> Option<PathBuf> {
        self.component.clone()
    }
}

/// Builds beside the plugins directory, then moves the result in whole.
fn build(project: &Path, plugins: &Path) -> Outcome {
    let out = plugins.with_file_name("built.wasm");
    let built = project::build(project, &BuildOptions { out: Some(out.clone()), quick: true })?;
    let file = plugins.join(&built.name).with_extension("wasm");
    let failed = |error: std::io::Error| BuildError::File { file: file.clone(), reason: error.to_string() };
    let digest = fs::read(&out).map(|bytes| Digest::of(&bytes)).map_err(failed)?;
    fs::rename(&out, &file).map_err(failed)?;
    Ok(Made { built: Built { file, ..built }, digest })
}
