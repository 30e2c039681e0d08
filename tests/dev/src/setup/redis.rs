//! Redis. Tests start servers of their own with it; the system's own is neither started nor touched.

use super::debian_package::{self, DebianPackage};
use crate::failure::Failure;
use crate::workspace::Workspace;

const REDIS: DebianPackage = DebianPackage {
    name: "redis-server",
    remedy: "Install Debian's or Ubuntu's package `redis-server` (as root this is done for you), or Redis from \
             https://redis.io/docs/latest/operate/oss_and_stack/install, so that `redis-server` is in the PATH.",
};

pub fn ensure(_: &Workspace) -> Result<String, Failure> {
    debian_package::ensure(&REDIS)
}
