//! cargo-fuzz, and the C++ compiler that libFuzzer is built with.

use super::cargo_tool::{self, CargoTool};
use super::debian_package::{self, DebianPackage};
use crate::command::is_installed;
use crate::failure::Failure;
use crate::workspace::Workspace;

const CARGO_FUZZ: CargoTool = CargoTool { name: "cargo-fuzz", version: "0.13.2", takes: "a minute" };
const COMPILER: DebianPackage = DebianPackage {
    name: "g++",
    remedy: "Install a C++ compiler, such as Debian's or Ubuntu's package `g++` (as root this is done for you).",
};

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    // Whichever there is will do.
    if !["c++", "clang++"].into_iter().any(is_installed) {
        debian_package::ensure(&COMPILER)?;
    }
    cargo_tool::ensure(workspace, &CARGO_FUZZ)
}
