//! cargo-fuzz, and the C++ compiler that libFuzzer is built with.

use super::announce;
use super::debian_package::{is_root, may_become_root};
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::workspace::Workspace;

const VERSION: &str = "0.13.2";
const REMEDY: &str =
    "Install a C++ compiler, such as Debian's or Ubuntu's package `g++` (as root this is done for you).";
const INSTALL: &str = "apt-get --quiet update && apt-get --quiet --yes --no-install-recommends install g++";

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    compiler()?;
    let installed = Program::new(workspace.target("tools/bin/cargo-fuzz")).argument("--version").quietly();
    if installed.is_ok_and(|version| version.trim().ends_with(VERSION)) {
        return Ok(format!("{VERSION} installed"));
    }
    announce(&format!("building cargo-fuzz {VERSION}. This takes a minute, once"));
    Program::cargo()
        .words("install cargo-fuzz --locked --version")
        .argument(VERSION)
        .argument("--root")
        .argument(workspace.target("tools"))
        .argument("--target-dir")
        .argument(workspace.target("tools/build"))
        .run()?;
    super::remove_directory(&workspace.target("tools/build"))?;
    Ok(format!("{VERSION} installed now"))
}

fn compiler() -> Result<(), Failure> {
    let is_present = || ["c++", "g++", "clang++"].into_iter().any(is_installed);
    if is_present() {
        return Ok(());
    }
    let missing = || Failure::Missing { what: "a C++ compiler", remedy: REMEDY.into() };
    let shell = match () {
        () if !is_installed("apt-get") => return Err(missing()),
        () if is_root()? => Program::new("sh"),
        () if may_become_root() => Program::new("sudo").words("-n sh"),
        () => return Err(missing()),
    };
    announce("installing Debian's package g++");
    shell.variable("DEBIAN_FRONTEND", "noninteractive").arguments(["-c", INSTALL]).quietly()?;
    if is_present() { Ok(()) } else { Err(missing()) }
}
