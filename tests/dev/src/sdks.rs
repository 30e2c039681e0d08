//! The SDKs' own unit tests, natively, each by its language's own means. The one in Rust is a part of the workspace.

use std::path::Path;

use crate::command::{Program, is_installed};
use crate::conformance::toolchain;
use crate::failure::Failure;
use crate::setup::{npm, venv};
use crate::suite::Outcome;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// An SDK, what its tests need that may be missing, and how they run.
struct Sdk {
    name: &'static str,
    is_missing: fn(&Workspace) -> Option<String>,
    test: fn(&Workspace, &Path) -> Result<(), Failure>,
}

const SDKS: [Sdk; 4] = [
    Sdk { name: "js", is_missing: |_| toolchain::npm().err(), test: javascript },
    Sdk { name: "python", is_missing: |_| toolchain::python().err(), test: python },
    Sdk { name: "go", is_missing: |workspace| toolchain::go(workspace).err(), test: go },
    Sdk { name: "c", is_missing: cmake_is_missing, test: c },
];

/// Each SDK counts as one test, since each language counts in its own way.
pub fn test(workspace: &Workspace) -> Outcome {
    let (mut tally, mut result) = (Tally::default(), Ok(()));
    for Sdk { name, is_missing, test } in &SDKS {
        println!("\n--- guest-sdk/{name} ---");
        let tested = match is_missing(workspace) {
            None => test(workspace, &workspace.path("guest-sdk").join(name)),
            Some(reason) if std::env::var_os("CI").is_some() => Err(Failure::Skipped { language: name, reason }),
            Some(reason) => {
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

fn javascript(_: &Workspace, sdk: &Path) -> Result<(), Failure> {
    npm::ensure(sdk)?;
    Program::new("npm").words("test --silent").directory(sdk).run()
}

fn python(workspace: &Workspace, sdk: &Path) -> Result<(), Failure> {
    const PACKAGES: [&str; 5] =
        ["componentize-py==0.25.1", "hatchling==1.33.0", "mypy==2.4.1", "pytest==9.2.0", "ruff==0.17.5"];
    let environment = workspace.target("tools/python");
    venv::ensure(&environment, &PACKAGES)?;
    let tool = |words: &str| {
        let python = Program::new(environment.join("bin/python3")).words("-m").words(words).directory(sdk);
        // The sources as they are, without installing them.
        python.variable("PYTHONPATH", sdk).variable("PYTHONDONTWRITEBYTECODE", "1").run()
    };
    // One of them runs mypy, over the bindings that it makes.
    tool("pytest --quiet -p no:cacheprovider")?;
    tool("ruff check --no-cache")
}

fn go(_: &Workspace, sdk: &Path) -> Result<(), Failure> {
    let tool =
        |words: &str| Program::new("go").words(words).directory(sdk).variable("GOFLAGS", "-buildvcs=false").run();
    tool("vet ./...")?;
    tool("test ./...")
}

fn cmake_is_missing(_: &Workspace) -> Option<String> {
    let missing = ["cmake", "cc", "c++"].into_iter().find(|program| !is_installed(program));
    missing.map(|program| format!("{program} is missing. Install CMake and a C++ compiler"))
}

fn c(workspace: &Workspace, sdk: &Path) -> Result<(), Failure> {
    let built = workspace.target("sdk-c");
    let configure = Program::new("cmake").argument("-S").argument(sdk).argument("-B").argument(&built);
    configure.words("-DCMAKE_BUILD_TYPE=Debug").quietly()?;
    Program::new("cmake").argument("--build").argument(&built).quietly()?;
    Program::new("ctest").words("--output-on-failure --test-dir").argument(&built).run()
}
