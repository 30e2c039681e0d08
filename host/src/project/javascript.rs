//! TypeScript and JavaScript: the SDK's own build, started as npm's script `build`, gives the component.

use std::path::Path;

use serde::Deserialize;

use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources, manifest};

const NODE: &str = "Install Node.js 20 or newer: https://nodejs.org";

#[derive(Deserialize)]
struct Manifest {
    name: String,
}

pub(super) fn build(directory: &Path, quick: bool) -> Result<Sources, BuildError> {
    let Manifest { name } = manifest::json(&directory.join("package.json"))?;
    // `@owner/name` is `name`.
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    if !directory.join("node_modules").is_dir() {
        let words = ["install", "--no-fund", "--no-audit", "--loglevel=error"];
        npm(directory).arguments(words).run()?;
    }
    let build = npm(directory).arguments(["run", "--silent", "build"]);
    // Types are for the editor and for the build that is kept, and a smaller engine is compiled sooner.
    let build = if quick { build.arguments(["--", "--no-check", "--small"]) } else { build };
    build.run()?;
    let component = directory.join(format!("build/{name}.wasm"));
    Ok(Sources { name, made: Made::Component(component) })
}

fn npm(directory: &Path) -> Program {
    Program::new("npm", "Node.js", NODE).within(directory)
}
