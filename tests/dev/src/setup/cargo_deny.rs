//! The check of licences, sources, duplicates and advisories.

use super::cargo_tool::{self, CargoTool};
use crate::failure::Failure;
use crate::workspace::Workspace;

const CARGO_DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2", takes: "minutes" };

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    cargo_tool::ensure(workspace, &CARGO_DENY)
}
