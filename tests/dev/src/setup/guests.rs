//! The plugins in Rust: the samples, and the one that the tests drive.

use super::wasm_target::{self, TARGET};
use super::{announce, copy, make_directory};
use crate::command::Program;
use crate::failure::Failure;
use crate::workspace::Workspace;

/// A plugin: its package, the name of its file, and what to build it with.
struct Guest {
    package: &'static str,
    file: &'static str,
    flags: &'static str,
}

const GUESTS: &[Guest] = &[
    Guest { package: "pheidi", file: "pheidi", flags: "" },
    Guest { package: "warehouse", file: "warehouse", flags: "" },
    Guest { package: "relay", file: "relay", flags: "" },
    Guest { package: "pheidi-mailer", file: "pheidi-mailer", flags: "" },
    Guest { package: "docker-engine", file: "docker-engine", flags: "" },
    Guest { package: "billing", file: "billing", flags: "" },
    Guest { package: "warehouse-stock", file: "warehouse-stock", flags: "" },
    Guest { package: "statistics", file: "statistics", flags: "" },
    Guest { package: "puppet", file: "puppet", flags: "" },
    Guest { package: "hostile", file: "hostile", flags: "" },
    Guest { package: "laborer", file: "laborer", flags: "" },
    Guest { package: "errand", file: "errand", flags: "" },
    // The same plugin with another task, so that an application may have two of them.
    Guest { package: "errand", file: "errand-two", flags: "--features two" },
    Guest { package: "docker", file: "docker", flags: "" },
    // The same plugin in a later version, to show and test an update with.
    Guest { package: "docker", file: "docker-next", flags: "--features next" },
];

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    make_directory(&workspace.target("guests"))?;
    announce("building them; the first time takes a minute");
    let flags = wasm_target::flags(workspace)?;
    let mut changed = 0;
    for guest in GUESTS {
        build(guest, flags.as_deref())?;
        // At once, since another version of the same plugin is built to the same place.
        let built = workspace.target(&format!("{TARGET}/plugin/{}.wasm", guest.package.replace('-', "_")));
        changed += usize::from(copy(&built, &workspace.target(&format!("guests/{}.wasm", guest.file)))?);
    }
    Ok(if changed == 0 { "up to date".into() } else { format!("{changed} built") })
}

fn build(guest: &Guest, flags: Option<&str>) -> Result<(), Failure> {
    let mut cargo = Program::cargo()
        .words("build --profile plugin --target")
        .argument(TARGET)
        .arguments(["-p", guest.package])
        .words(guest.flags);
    if let Some(flags) = flags {
        cargo = cargo.variable("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", flags);
    }
    cargo.run()
}
