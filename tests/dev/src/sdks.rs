//! The SDKs' own unit tests, natively, each by its language's own means. The one in Rust is a part of the workspace.

use std::path::Path;

use crate::command::{Program, is_installed};
use crate::conformance::toolchain::{self, Variables, given};
use crate::failure::Failure;
use crate::setup::{npm, venv};
use crate::suite::Outcome;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// An SDK, what its tests need, or why that is not there, and how they run.
struct Sdk {
    name: &'static str,
    toolchain: fn(&Workspace) -> Result<Variables, String>,
    test: fn(&Workspace, &Path, Variables) -> Result<(), Failure>,
}

const SDKS: [Sdk; 4] = [
    Sdk { name: "js", toolchain: |_| toolchain::npm(), test: javascript },
    Sdk { name: "python", toolchain: |_| toolchain::python(), test: python },
    Sdk { name: "go", toolchain: toolchain::go, test: go },
    Sdk { name: "c", toolchain: cmake, test: c },
];

/// Each SDK counts as one test, since each language counts in its own way.
pub fn test(workspace: &Workspace) -> Outcome {
    let (mut tally, mut result) = (Tally::default(), Ok(()));
    for Sdk { name, toolchain, test } in &SDKS {
        println!("\n--- guest-sdk/{name} ---");
        let tested = match toolchain(workspace) {
            Ok(variables) => test(workspace, &workspace.path("guest-sdk").join(name), variables),
            Err(reason) if std::env::var_os("CI").is_some() => Err(Failure::Skipped { language: name, reason }),
            Err(reason) => {
                println!("!!! SKIPPED: {reason}");
                continue;
            }
        };
        match tested {
            Ok(()) => tally.passed += 1,
            Err(failure) => {
                println!("\n{failure}");
                tally.failed += 1;
                result = Err(Failure::Sdk(name));
            }
        }
    }
    (tally, result)
}

fn javascript(_: &Workspace, sdk: &Path, _: Variables) -> Result<(), Failure> {
    npm::ensure(sdk)?;
    Program::new("npm").words("test --silent").directory(sdk).run()
}

fn python(workspace: &Workspace, sdk: &Path, variables: Variables) -> Result<(), Failure> {
    const PACKAGES: [&str; 5] =
        ["componentize-py==0.25.1", "hatchling==1.33.0", "mypy==2.4.1", "pytest==9.2.0", "ruff==0.17.5"];
    let environment = workspace.target("tools/python");
    venv::ensure(&environment, &PACKAGES)?;
    let tool = |words: &str| {
        let python = Program::new(environment.join("bin/python3")).words("-m").words(words).directory(sdk);
        // The sources as they are, without installing them.
        given(python.variable("PYTHONPATH", sdk), &variables).run()
    };
    // One of them runs mypy, over the bindings that it makes.
    tool("pytest --quiet -p no:cacheprovider")?;
    tool("ruff check --no-cache")
}

fn go(_: &Workspace, sdk: &Path, variables: Variables) -> Result<(), Failure> {
    let tool = |words: &str| given(Program::new("go").words(words).directory(sdk), &variables).run();
    tool("vet ./...")?;
    tool("test ./...")
}

fn cmake(_: &Workspace) -> Result<Variables, String> {
    match ["cmake", "cc", "c++"].into_iter().find(|program| !is_installed(program)) {
        Some(program) => Err(format!("{program} is missing. Install CMake and a C++ compiler")),
        None => Ok(vec![]),
    }
}

fn c(workspace: &Workspace, sdk: &Path, _: Variables) -> Result<(), Failure> {
    let built = workspace.target("sdk-c");
    let configure = Program::new("cmake").argument("-S").argument(sdk).argument("-B").argument(&built);
    configure.words("-DCMAKE_BUILD_TYPE=Debug").quietly()?;
    Program::new("cmake").argument("--build").argument(&built).quietly()?;
    Program::new("ctest").words("--output-on-failure --test-dir").argument(&built).run()
}
