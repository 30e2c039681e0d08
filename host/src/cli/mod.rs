//! The command line: one file a command.

mod api;
mod argument;
mod audit;
mod breaker;
mod build;
mod check;
mod clock;
mod config;
mod dead;
mod demo;
mod dev;
mod enqueue;
mod error;
mod history;
mod listener;
mod log;
mod message;
mod new;
mod output;
mod plugin;
mod publish;
mod replay;
mod status;
mod test;
mod text;
mod top;
mod topology;
mod trace;
mod tree;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Settings;
use error::CliError;

const EXIT_CODES: &str = "\
Exit codes:
  0  it worked
  1  it failed, or what was checked is not accepted
  2  the command line or the configuration is wrong; of `topology plan`: something is to do
  3  the host or the broker is out of reach";

/// Runs event handlers for RabbitMQ as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "leveret", version, after_help = EXIT_CODES, propagate_version = true)]
struct Cli {
    /// The settings file [default: leveret.toml, if there is one].
    #[arg(long, global = true, env = "LEVERET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer in JSON, for programs.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host: listen to the broker and hand events to the plugins.
    Up,
    /// Show the host at work on sample plugins, with nothing else installed.
    Demo(demo::Demo),
    /// Make a project for a plugin.
    New(new::New),
    /// Build a plugin from its sources.
    Build(build::Build),
    /// Build a project at each change, and run it on a host of its own.
    Dev(dev::Dev),
    /// Publish an event.
    Publish(publish::Publish),
    /// Create a task.
    Enqueue(enqueue::Enqueue),
    /// Say what a plugin is, what it asks for, and whether it would be accepted.
    Check(check::Check),
    /// Run a plugin's cases: what happens to it, and what it is to make of it.
    Test(test::Test),
    /// Show how the running host is doing.
    Status,
    /// Look at dead letters, and retry, edit, discard or export them.
    Dead(dead::Dead),
    /// List, count, show, export and import events of the past.
    History(Box<history::History>),
    /// Give events of the past to one plugin again.
    Replay(replay::Replay),
    /// Show what caused what in one transaction.
    Trace(trace::Trace),
    /// Show which version of which plugin went live when, and what was refused.
    Audit(audit::Audit),
    /// List the plugins by what they cost.
    Top(top::Top),
    /// List the plugins, and pause or resume one.
    Plugin(plugin::Plugin),
    /// List the circuit breakers, and trip or reset one.
    Breaker(breaker::Breaker),
    /// List timekeeping events, say when one is due next, and announce one by hand.
    Clock(clock::Clock),
    /// Show how what the host wants stands at the broker, and declare what is missing.
    Topology(topology::Topology),
    /// Look at the configuration.
    Config(config::Config),
}

/// Runs what the command line says.
pub fn main() -> ExitCode {
    let Cli { config, json, command } = Cli::parse();
    let output = Output { json };
    let result = match command {
        // The commands that do not need settings that are right.
        Command::Config(command) => command.run(config.as_deref(), output),
        Command::New(new) => new.run(output),
        Command::Build(build) => build.run(output),
        command => load(config.as_deref()).and_then(|settings| match command {
            Command::Up => up::run(&settings),
            Command::Demo(demo) => demo.run(settings),
            Command::Dev(dev) => dev.run(settings),
            Command::Publish(publish) => publish.run(&settings, output),
            Command::Enqueue(enqueue) => enqueue.run(&settings, output),
            Command::Check(check) => check.run(&settings, output),
            Command::Test(test) => test.run(&settings, output),
            Command::Status => status::run(&settings, output),
            Command::Dead(dead) => dead.run(&settings, output),
            Command::History(history) => history.run(&settings, output),
            Command::Replay(replay) => replay.run(&settings, output),
            Command::Trace(trace) => trace.run(&settings, output),
            Command::Audit(audit) => audit.run(&settings, output),
            Command::Top(top) => top.run(&settings, output),
            Command::Plugin(plugin) => plugin.run(&settings, output),
            Command::Breaker(breaker) => breaker.run(&settings, output),
            Command::Clock(clock) => clock.run(&settings, output),
            Command::Topology(topology) => topology.run(&settings, output),
            Command::Config(_) | Command::New(_) | Command::Build(_) => unreachable!("handled above"),
        }),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            error.exit_code()
        }
    }
}

fn load(file: Option<&std::path::Path>) -> Result<Settings, CliError> {
    // Variables that are not Unicode are nobody's settings.
    let text =
        |(name, value): (std::ffi::OsString, std::ffi::OsString)| name.into_string().ok().zip(value.into_string().ok());
    Ok(crate::config::load(file, std::env::vars_os().filter_map(text))?)
}

/// How a command answers: for people, or as JSON.
#[derive(Debug, Clone, Copy)]
struct Output {
    json: bool,
}

impl Output {
    /// Writes the answer to standard output.
    fn answer(self, value: &impl serde::Serialize, human: impl FnOnce() -> String) -> Result<(), CliError> {
        use std::io::Write;
        let text = if self.json {
            serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.to_string()))?
        } else {
            human()
        };
        match writeln!(std::io::stdout(), "{}", text.trim_end()) {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| CliError::Failed(error.to_string())),
        }
    }

    fn error(self, error: &CliError) {
        if self.json {
            eprintln!("{}", serde_json::json!({ "error": error.to_string() }));
        } else {
            eprintln!("error: {error}");
        }
    }
}

/// The runtime that everything asynchronous runs on.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    // Plugins that loop yield and are ready again at once; without this, timers and sockets would be looked at only after
    // many such turns, and time limits would come late (I6).
    const TURNS: u32 = 2;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(TURNS).build();
    runtime.map_err(|error| CliError::Failed(format!("no threads to run on: {error}")))
}
