//! The plugins that were written from the contract alone, in languages that there is no SDK for. Their own compilers give
//! core modules, and `leveret build` makes components of them. The one in WebAssembly's text needs no compiler: the suite
//! reads it itself.

use std::path::Path;

use super::guests::{leveret, once};
use super::toolchain;
use crate::command::Program;
use crate::failure::Failure;
use crate::setup::{make_directory, npm, ziglang};
use crate::workspace::Workspace;

/// Builds those whose compiler is there; a build server has all.
pub fn build(workspace: &Workspace) -> Result<(), Failure> {
    make_directory(&workspace.target("conformance/foreign"))?;
    if toolchain::npm().is_ok() {
        component(workspace, "assemblyscript", &assemblyscript)?;
    }
    if let Some(programs) = ziglang::programs(workspace) {
        component(workspace, "zig", &|sources, core| zig(&programs.join("python3"), sources, core))?;
    }
    Ok(())
}

/// Makes a component of what a compiler makes of a folder.
fn component(
    workspace: &Workspace,
    name: &str,
    compile: &dyn Fn(&Path, &Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let sources = workspace.path("tests/conformance/foreign").join(name);
    let component = workspace.target(&format!("conformance/foreign/{name}.wasm"));
    let core = component.with_extension("core.wasm");
    let built_by = workspace.path("host/src/project");
    once(&component, &[sources.clone(), built_by], || {
        eprintln!("      building the plugin in {name}, from the contract alone");
        compile(&sources, &core)?;
        leveret(workspace).argument("build").argument(&core).argument("--out").argument(&component).run()
    })
    .map(drop)
}

fn assemblyscript(sources: &Path, core: &Path) -> Result<(), Failure> {
    npm::ensure(sources)?;
    Program::new("npm").words("run --silent build --").argument(core).directory(sources).run()
}

fn zig(python: &Path, sources: &Path, core: &Path) -> Result<(), Failure> {
    let out = format!("-femit-bin={}", core.display());
    let words = "-m ziglang build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic -O ReleaseSmall";
    Program::new(python).words(words).argument(out).directory(sources).run()
}
