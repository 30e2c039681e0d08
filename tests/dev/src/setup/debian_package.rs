//! Servers from Debian's packages, installed without starting their services.

use std::path::Path;

use super::announce;
use crate::command::{Program, is_installed};
use crate::failure::Failure;

/// A package whose program has its name.
pub struct DebianPackage {
    pub name: &'static str,
    /// What to do where it cannot be installed.
    pub remedy: &'static str,
}

/// Debian asks `policy-rc.d` before it starts a service. Where there is none, one that refuses is put there as long as
/// the installation takes; where there is one, the machine's owner has decided.
const INSTALL: &str = r#"
set -eu
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
apt-get --quiet update
apt-get --quiet --yes --no-install-recommends install "$1"
"#;

pub fn ensure(package: &DebianPackage) -> Result<String, Failure> {
    let name = package.name;
    if is_present(name) {
        return Ok("installed".into());
    }
    let missing = || Failure::Missing { what: name, remedy: package.remedy.into() };
    let shell = match () {
        () if !is_installed("apt-get") => return Err(missing()),
        () if is_root()? => Program::new("sh"),
        () if may_become_root() => Program::new("sudo").words("-n sh"),
        () => return Err(missing()),
    };
    announce(&format!("installing Debian's package {name}; its service is not started"));
    shell.arguments(["-c", INSTALL, "install", name]).quietly()?;
    if is_present(name) { Ok("installed now, its service not started".into()) } else { Err(missing()) }
}

/// An ordinary user's PATH often lacks /usr/sbin, where Debian has some.
fn is_present(program: &str) -> bool {
    is_installed(program) || Path::new("/usr/sbin").join(program).is_file()
}

fn is_root() -> Result<bool, Failure> {
    Ok(Program::new("id").argument("-u").quietly()?.trim() == "0")
}

fn may_become_root() -> bool {
    is_installed("sudo") && Program::new("sudo").words("-n true").quietly().is_ok()
}
