//! Puts the SDKs, their templates and the contract into the binary, for `leveret new` and `leveret build`: a plugin's author
//! has the binary, and need not have this repository.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What builds and tools leave behind.
const LEFT_BEHIND: [&str; 9] =
    ["node_modules", "target", "build", "dist", "__pycache__", ".venv", ".pytest_cache", ".mypy_cache", ".ruff_cache"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let mut files = Vec::new();
    for folder in ["guest-sdk", "wit"] {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut table = "&[\n".to_owned();
    for file in &files {
        // Not the folders: what packages and builds leave in them would compile the host again.
        println!("cargo::rerun-if-changed={}", file.display());
        let name = file.strip_prefix(&root).expect("it was found there");
        let path = fs::canonicalize(file)?;
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a text has room");
    }
    table += "]\n";
    fs::write(Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("embedded.rs"), table)
}

/// Every file below, with links followed: each SDK has a link to the contract.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // An SDK's own tests; a template's are its user's.
        let is_own_test = path.ends_with(Path::new(&directory.file_name().unwrap_or_default()).join("tests"))
            && path.ancestors().nth(2).is_some_and(|folder| folder.ends_with("guest-sdk"));
        if LEFT_BEHIND.contains(&name.as_str()) || name.ends_with(".egg-info") || is_own_test {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
