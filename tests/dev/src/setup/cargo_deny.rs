//! The check of licences, sources, duplicates and advisories.

use super::announce;
use crate::command::Program;
use crate::failure::Failure;
use crate::workspace::Workspace;

const VERSION: &str = "0.20.2";

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    let installed = Program::new(workspace.target("tools/bin/cargo-deny")).argument("--version").quietly();
    if installed.is_ok_and(|version| version.trim().ends_with(VERSION)) {
        return Ok(format!("{VERSION} installed"));
    }
    announce(&format!("building cargo-deny {VERSION}. This takes minutes, once"));
    Program::cargo()
        .words("install cargo-deny --locked --version")
        .argument(VERSION)
        .argument("--root")
        .argument(workspace.target("tools"))
        .argument("--target-dir")
        .argument(workspace.target("tools/build"))
        .run()?;
    super::remove_directory(&workspace.target("tools/build"))?;
    Ok(format!("{VERSION} installed now"))
}
