//! `./dev storm` and `./dev bench`: programs of their own in tests, which print their result as a last JSON line.

use std::process::ExitCode;

use crate::command::Program;
use crate::failure::Failure;
use crate::setup;
use crate::workspace::Workspace;

/// Throws faults at a running host. RabbitMQ is needed only where it is asked for.
pub fn storm(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    let rabbitmq = arguments.iter().any(|argument| argument == "rabbitmq" || argument == "--broker=rabbitmq");
    if rabbitmq {
        setup::guests_and_rabbitmq(workspace)?
    } else {
        setup::guests_only(workspace)?
    }
    run("storm", arguments)
}

/// Measures against RabbitMQ.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode, Failure> {
    setup::guests_and_rabbitmq(workspace)?;
    run("bench", arguments)
}

fn run(binary: &str, arguments: &[String]) -> Result<ExitCode, Failure> {
    eprintln!("Building and starting {binary}. The first time takes minutes.");
    Program::cargo().words("build -p leveret").run()?;
    Program::cargo()
        .words("run --quiet -p leveret-tests --bin")
        .argument(binary)
        .argument("--")
        .arguments(arguments)
        .instead()
}
