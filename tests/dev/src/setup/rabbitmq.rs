//! RabbitMQ's programs. Tests start nodes of their own with them; the system's own node is neither started nor touched.

use std::path::Path;

use super::announce;
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::workspace::Workspace;

const REMEDY: &str = "Install Debian's or Ubuntu's package `rabbitmq-server` (as root this is done for you), or \
                      RabbitMQ from https://www.rabbitmq.com/docs/download, so that `rabbitmq-server` is in the PATH \
                      or in /usr/sbin.";

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
apt-get --quiet --yes --no-install-recommends install rabbitmq-server
"#;

pub fn ensure(_: &Workspace) -> Result<String, Failure> {
    if is_present() {
        return Ok("installed".into());
    }
    let missing = || Failure::Missing { what: "rabbitmq-server", remedy: REMEDY.into() };
    let shell = match () {
        () if !is_installed("apt-get") => return Err(missing()),
        () if is_root()? => Program::new("sh"),
        () if may_become_root() => Program::new("sudo").words("-n sh"),
        () => return Err(missing()),
    };
    announce("installing Debian's package rabbitmq-server; its service is not started");
    shell.arguments(["-c", INSTALL]).quietly()?;
    if is_present() { Ok("installed now, its service not started".into()) } else { Err(missing()) }
}

/// An ordinary user's PATH often lacks /usr/sbin, where Debian has it.
fn is_present() -> bool {
    is_installed("rabbitmq-server") || Path::new("/usr/sbin/rabbitmq-server").is_file()
}

pub fn is_root() -> Result<bool, Failure> {
    Ok(Program::new("id").argument("-u").quietly()?.trim() == "0")
}

pub fn may_become_root() -> bool {
    is_installed("sudo") && Program::new("sudo").words("-n true").quietly().is_ok()
}
