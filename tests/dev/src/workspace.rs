//! Where things are.

use std::env;
use std::path::PathBuf;

use crate::failure::Failure;

pub struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// The repository that this program was built from, which `./dev` makes the working directory.
    pub fn find() -> Result<Self, Failure> {
        let root = env::current_dir().map_err(|error| Failure::File { path: ".".into(), error })?;
        if !root.join("tests/dev/Cargo.toml").is_file() {
            return Err(Failure::NoWorkspace);
        }
        let target = root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()));
        Ok(Self { root, target })
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where everything goes that is built or fetched.
    pub fn target(&self, relative: &str) -> PathBuf {
        self.target.join(relative)
    }
}
