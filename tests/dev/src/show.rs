//! `./dev demo`

use std::process::ExitCode;

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::Workspace;

/// Builds the host and the sample plugins, and runs the host's own demonstration.
pub fn demo(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    setup::guests_only(workspace)?;
    println!("Building the host. The first time takes minutes.");
    Program::cargo().words("build -p leveret").run()?;
    Program::new(workspace.target("debug/leveret"))
        .words("demo --samples")
        .argument(workspace.target("guests"))
        .arguments(arguments)
        .instead()
}
