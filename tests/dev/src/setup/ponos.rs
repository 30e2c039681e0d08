//! The packages of the Ponos that the wire format is tested against.

use super::npm;
use crate::command::is_installed;
use crate::failure::Failure;
use crate::workspace::Workspace;

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    if let Some(program) = ["node", "npm"].into_iter().find(|program| !is_installed(program)) {
        let remedy = "Install Node.js 20 or newer with npm, from your distribution or https://nodejs.org.".into();
        return Err(Failure::Missing { what: program, remedy });
    }
    let installed = npm::ensure(&workspace.path("tests/ponos"))?;
    Ok(if installed { "installed now" } else { "installed" }.into())
}
