//! RabbitMQ's programs. Tests start nodes of their own with them; the system's own node is neither started nor touched.

use super::debian_package::{self, DebianPackage};
use crate::failure::Failure;
use crate::workspace::Workspace;

const RABBITMQ: DebianPackage = DebianPackage {
    name: "rabbitmq-server",
    remedy: "Install Debian's or Ubuntu's package `rabbitmq-server` (as root this is done for you), or RabbitMQ from \
             https://www.rabbitmq.com/docs/download, so that `rabbitmq-server` is in the PATH or in /usr/sbin.",
};

pub fn ensure(_: &Workspace) -> Result<String, Failure> {
    debian_package::ensure(&RABBITMQ)
}
