//! Whether sources changed: a number made of their names and contents.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use crate::failure::Failure;

/// What tools leave beside the sources.
const MADE: [&str; 6] = ["build", "target", "node_modules", ".venv", "__pycache__", ".pytest_cache"];

/// The number of these files and folders, with all that is in them. Links are not followed: what they lead to is a folder
/// of its own.
pub fn of(paths: &[impl AsRef<Path>]) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    paths.iter().try_for_each(|path| add(path.as_ref(), &mut hasher))?;
    Ok(format!("{:016x}", hasher.finish()))
}

fn add(path: &Path, hasher: &mut DefaultHasher) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default();
    if path.is_symlink() || MADE.iter().any(|made| name == *made) {
        return Ok(());
    }
    name.hash(hasher);
    let failed = |error| Failure::File { path: path.into(), error };
    if !path.is_dir() {
        fs::read(path).map_err(failed)?.hash(hasher);
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).map_err(failed)?.collect();
    let mut entries: Vec<_> = entries.map_err(failed)?.iter().map(fs::DirEntry::path).collect();
    entries.sort();
    entries.iter().try_for_each(|entry| add(entry, hasher))?;
    // Where the folder ends, so that a file that moves out of it is noticed.
    "..".hash(hasher);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_sources_apart_and_what_is_made_of_them_does_not_count() {
        let folder = std::env::temp_dir().join(format!("leveret-digest-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let digest = |text: &str| {
            fs::write(folder.join("plugin.c"), text).expect("written");
            of(&[&folder]).expect("readable")
        };
        let first = digest("one");
        fs::create_dir_all(folder.join("build")).expect("a folder");
        fs::write(folder.join("build/plugin.wasm"), "anything").expect("written");
        assert_eq!(digest("one"), first);
        assert_ne!(digest("two"), first);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
