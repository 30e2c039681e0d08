//! What `./dev` does. It needs nothing but the standard library, so that it is there in seconds.

mod command;
mod conformance;
mod failure;
mod fuzz;
mod measure;
mod sdks;
mod setup;
mod show;
mod suite;
mod tally;
mod workspace;

use std::process::ExitCode;

use failure::Failure;
use workspace::Workspace;

const HELP: &str = "\
./dev <verb>

  setup                 installs what building, testing and showing need; fast when it is all there
  demo [flags]          shows Leveret at work, without a broker; flags go to `leveret demo`, such as --keep
  test [suite...]       sets up, then checks and tests everything, or only the suites named
  test --rabbitmq 3|4 [suite...]
                        the same on the system's RabbitMQ or on 4.x; by itself, the tests that need one
  test sandbox          lets hostile plugins loose on a host; the last line says how many were tried and contained
  conformance [--write] builds a plugin in each language, holds all of them to one table of cases, and shows it; writes
                        the README's table of languages
  fuzz [--seconds N] [target...]
                        throws bytes at whatever parses them, 60 seconds at each target unless told otherwise
  storm [flags]         replaces plugins while events flow and counts what gets lost: nothing should
  chaos [flags]         breaks host, broker, network and plugins while events flow: --minutes, --seed, --broker
  bench neighbour       measures what a healthy plugin feels of each hostile one
  bench clock           kills one of two hosts each minute and counts the ticks that were announced
  bench [flags]         measures start-up, reload, calls and throughput, beside a baseline in the same run
  help                  shows this

Variables:
  LEVERET_DEV_WITHOUT_RUSTUP=1   builds the standard library of the plugins' target from Debian's sources, as on
                                 machines where rustup reaches nothing
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("help", [].as_slice()),
    };
    match run(verb, rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: &str, arguments: &[String]) -> Result<ExitCode, Failure> {
    let workspace = Workspace::find()?;
    match verb {
        "help" | "--help" | "-h" => {
            println!("{HELP}\nSuites: {}", suite::names().join(", "));
            Ok(ExitCode::SUCCESS)
        }
        "setup" => setup::everything(&workspace).map(|()| ExitCode::SUCCESS),
        "demo" => show::demo(&workspace, arguments),
        "test" => suite::test(&workspace, arguments),
        "conformance" => conformance::conformance(&workspace, arguments),
        "fuzz" => fuzz::fuzz(&workspace, arguments),
        "storm" => measure::storm(&workspace, arguments),
        "chaos" => measure::chaos(&workspace, arguments),
        "bench" => measure::bench(&workspace, arguments),
        unknown => Err(Failure::Verb(unknown.into())),
    }
}
