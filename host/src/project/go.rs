//! Go: the toolchain gives a core module.

use std::path::Path;

use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources, manifest};

const GO: &str = "Install Go 1.26 or newer: https://go.dev/dl";

pub(super) fn build(directory: &Path) -> Result<Sources, BuildError> {
    let file = directory.join("go.mod");
    let name =
        name(&manifest::text(&file)?).ok_or_else(|| BuildError::manifest(&file, "it has no line `module NAME`"))?;
    // Go takes it from the folder that it runs in.
    let module = format!("build/objects/{name}.core.wasm");
    Program::new("go", "Go", GO)
        .within(directory)
        .variable("GOOS", "wasip1")
        .variable("GOARCH", "wasm")
        .arguments(["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o"])
        .arguments([&module, "."])
        .run()?;
    Ok(Sources { name, made: Made::CoreModule(directory.join(module)) })
}

/// The last part of the module's path.
fn name(manifest: &str) -> Option<String> {
    let path = manifest.lines().find_map(|line| line.trim().strip_prefix("module "))?;
    let path = path.trim().trim_matches('"');
    path.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_named_like_the_last_part_of_its_module() {
        assert_eq!(name("module example.org/plugins/big-thanks\n\ngo 1.26\n").as_deref(), Some("big-thanks"));
        assert_eq!(name("// a comment\nmodule \"thanks\"").as_deref(), Some("thanks"));
        assert_eq!(name("go 1.26"), None);
    }
}
