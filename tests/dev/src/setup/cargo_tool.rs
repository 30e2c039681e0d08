//! Cargo's own tools, built into the target directory.

use super::announce;
use crate::command::Program;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// A tool of the registry, in one version.
pub struct CargoTool {
    pub name: &'static str,
    pub version: &'static str,
    /// How long building it takes, for whoever waits.
    pub takes: &'static str,
}

pub fn ensure(workspace: &Workspace, tool: &CargoTool) -> Result<String, Failure> {
    let CargoTool { name, version, takes } = tool;
    let installed = Program::new(workspace.target(&format!("tools/bin/{name}"))).argument("--version").quietly();
    if installed.is_ok_and(|found| found.trim().ends_with(version)) {
        return Ok(format!("{version} installed"));
    }
    announce(&format!("building {name} {version}. This takes {takes}, once"));
    Program::cargo()
        .arguments(["install", name, "--locked", "--version", version, "--root"])
        .argument(workspace.target("tools"))
        .argument("--target-dir")
        .argument(workspace.target("tools/build"))
        .run()?;
    super::remove_directory(&workspace.target("tools/build"))?;
    Ok(format!("{version} installed now"))
}
