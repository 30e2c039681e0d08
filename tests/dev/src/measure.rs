//! `./dev storm`, `./dev chaos` and `./dev bench`: programs of their own in tests, which print their result as a last JSON line.

use std::process::ExitCode;

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::Workspace;

/// Replaces plugins while events flow.
pub fn storm(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    on_either_broker(workspace, "storm", arguments)
}

/// Breaks everything around the host while events flow.
pub fn chaos(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    on_either_broker(workspace, "chaos", arguments)
}

/// RabbitMQ is needed only where it is asked for.
fn on_either_broker(workspace: &Workspace, binary: &str, arguments: &[String]) -> Result<ExitCode, Failure> {
    let rabbitmq = arguments.iter().any(|argument| argument == "rabbitmq" || argument == "--broker=rabbitmq");
    if rabbitmq {
        setup::guests_and_rabbitmq(workspace)?
    } else {
        setup::guests_only(workspace)?
    }
    run(workspace, binary, arguments)
}

/// Measures, beside a baseline on RabbitMQ in the same run.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    setup::guests_and_rabbitmq(workspace)?;
    run(workspace, "bench", arguments)
}

fn run(workspace: &Workspace, binary: &str, arguments: &[String]) -> Result<ExitCode, Failure> {
    eprintln!("Building and starting {binary}. The first time takes minutes.");
    // Everything, as the tests do: a part of the workspace has other features, and would build all libraries again.
    Program::cargo().words("build --workspace --all-targets").run()?;
    Program::new(workspace.target("debug").join(binary)).arguments(arguments).instead()
}
