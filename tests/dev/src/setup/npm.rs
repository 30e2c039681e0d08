//! Packages of npm, in the `node_modules` of the folder that asks for them.

use std::path::Path;

use super::{announce, copy};
use crate::command::Program;
use crate::failure::Failure;

/// Installs what the folder's lock file says, unless it is there. Returns whether it was not.
pub fn ensure(directory: &Path) -> Result<bool, Failure> {
    let lock = directory.join("package-lock.json");
    // The lock file as it was when the packages were installed: while it is the same, they are right.
    let installed = directory.join("node_modules/.leveret-lock.json");
    if std::fs::read(&lock).ok().is_some_and(|wanted| std::fs::read(&installed).is_ok_and(|found| found == wanted)) {
        return Ok(false);
    }
    announce(&format!("installing npm packages in {}", directory.display()));
    // Not `npm ci`, which wants every system's optional packages in the lock file, and some of componentize-qjs's for other
    // systems were never published. What the lock file says counts for this too.
    let npm = Program::new("npm").words("install --ignore-scripts --no-audit --no-fund --loglevel=error");
    npm.directory(directory).quietly()?;
    copy(&lock, &installed)?;
    Ok(true)
}
