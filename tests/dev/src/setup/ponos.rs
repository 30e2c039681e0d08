//! The packages of the Ponos that the wire format is tested against.

use super::{announce, copy};
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::workspace::Workspace;

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    let directory = workspace.path("tests/ponos");
    let lock = directory.join("package-lock.json");
    // The lock file as it was when the packages were installed: while it is the same, they are right.
    let installed = directory.join("node_modules/.leveret-lock.json");
    if std::fs::read(&lock).ok().is_some_and(|wanted| std::fs::read(&installed).is_ok_and(|found| found == wanted)) {
        return Ok("installed".into());
    }
    if let Some(program) = ["node", "npm"].into_iter().find(|program| !is_installed(program)) {
        let remedy = "Install Node.js 18 or newer with npm, from your distribution or https://nodejs.org.".into();
        return Err(Failure::Missing { what: program, remedy });
    }
    announce("installing its npm packages (24 MB)");
    let npm = Program::new("npm").words("ci --ignore-scripts --no-audit --no-fund --loglevel=error");
    npm.directory(&directory).quietly()?;
    copy(&lock, &installed)?;
    Ok("installed now".into())
}
