//! Who else can write what the host runs: whoever can write a plugin's file, or put one in, chooses what runs.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// A file or folder that others than its owner can write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    pub path: PathBuf,
    /// The permissions, as `ls` and `chmod` number them: "0777".
    pub mode: String,
    pub to: Others,
}

/// Who the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    Everybody,
    Group,
}

impl Exposure {
    /// What others can do there, if anything; nothing is known where the system has no such permissions.
    #[cfg(unix)]
    pub fn of(path: &Path, metadata: &Metadata) -> Option<Self> {
        const GROUP: u32 = 0o020;
        const EVERYBODY: u32 = 0o002;
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        let to = match mode {
            mode if mode & EVERYBODY != 0 => Others::Everybody,
            mode if mode & GROUP != 0 => Others::Group,
            _ => return None,
        };
        Some(Self { path: path.to_owned(), mode: format!("{mode:04o}"), to })
    }

    #[cfg(not(unix))]
    pub fn of(_: &Path, _: &Metadata) -> Option<Self> {
        None
    }
}

impl fmt::Display for Exposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, mode, to } = self;
        let path = path.display();
        let who = match to {
            Others::Everybody => "everybody on this machine",
            Others::Group => "everybody in its group",
        };
        write!(f, "{who} can write {path} (mode {mode}), and so choose what runs; `chmod go-w {path}` ends that")
    }
}

/// What is exposed now, and was told of once.
#[derive(Debug, Default)]
pub(super) struct Exposures(Mutex<BTreeMap<PathBuf, Exposure>>);

impl Exposures {
    /// Takes what one look found, and warns of what is new or otherwise than before.
    pub(super) fn observe(&self, found: Vec<Exposure>) {
        let found: BTreeMap<_, _> = found.into_iter().map(|exposure| (exposure.path.clone(), exposure)).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (path, exposure) in &found {
            if known.get(path) != Some(exposure) {
                tracing::warn!("{exposure}");
            }
        }
        *known = found;
    }

    pub(super) fn now(&self) -> Vec<Exposure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_others_can_write_is_told_with_who_and_with_the_way_out() {
        let directory = tempfile::tempdir().expect("a directory");
        for (mode, told) in [
            (0o700, None),
            (0o755, None),
            (0o775, Some("in its group")),
            (0o777, Some("on this machine")),
            (0o1777, Some("1777")),
        ] {
            fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("changed");
            let exposure = Exposure::of(directory.path(), &directory.path().metadata().expect("there"));
            let text = exposure.map(|exposure| exposure.to_string());
            assert_eq!(text.is_some(), told.is_some(), "{mode:o}");
            let right = |text: &String| text.contains(told.unwrap_or_default()) && text.contains("chmod go-w");
            assert!(text.as_ref().is_none_or(right), "{text:?}");
        }
    }
}
