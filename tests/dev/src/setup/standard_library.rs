//! The standard library of the plugins' target, built where rustup cannot bring it: from Debian's `rust-src` of exactly
//! rustc's version, since rustc refuses a library of any other. It goes into a directory of its own below `target`,
//! which rustc takes as its sysroot for this target. Nothing is installed.

use std::path::{Path, PathBuf};

use super::debian::{Packages, Release};
use super::wasm_target::{TARGET, has_standard_library};
use super::{announce, copy, entries, make_directory, remove_directory};
use crate::command::Program;
use crate::failure::Failure;
use crate::workspace::Workspace;

const BACKPORTS: Release = Release {
    suite: "trixie-backports",
    remedy: "The plugins' standard library comes from there; add the target by `rustup target add wasm32-wasip2` where \
             that works.",
};
/// Older ones lack the thread functions that the standard library links.
const OLDEST_WASI_LIBC: &str = "0.0~git20260129";

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    let sysroot = sysroot(workspace)?;
    if has_standard_library(&libraries(&sysroot)) {
        return Ok(format!("built from Debian's sources, in {}", sysroot.display()));
    }
    let version = rustc_version()?;
    let work = workspace.target("sysroot/work");
    remove_directory(&work)?;
    announce(&format!("downloading rust-src {version} and wasi-libc from Debian (46 MB)"));
    let packages = Packages::update(&work, BACKPORTS)?;
    let sources = packages.unpack("rust-src", |found| found.starts_with(&format!("{version}+")))?;
    let wasi_libc = packages.unpack("wasi-libc", |found| found >= OLDEST_WASI_LIBC)?.join("usr/lib").join(TARGET);
    announce("compiling it, in about a minute");
    let built = compile(&sources.join(format!("usr/src/rustc-{version}/library/sysroot")), &wasi_libc, &work)?;
    assemble(&built, &wasi_libc, &work.join("sysroot"))?;
    remove_directory(&sysroot)?;
    // In one step and last of all, so that a sysroot that is there is whole.
    std::fs::rename(work.join("sysroot"), &sysroot).map_err(|error| Failure::File { path: sysroot.clone(), error })?;
    remove_directory(&work)?;
    Ok(format!("built from Debian's sources of Rust {version}"))
}

/// Where this rustc's library is, or goes.
pub fn sysroot(workspace: &Workspace) -> Result<PathBuf, Failure> {
    Ok(workspace.target("sysroot").join(rustc_version()?))
}

fn libraries(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

fn rustc_version() -> Result<String, Failure> {
    let printed = Program::new("rustc").argument("--version").quietly()?;
    printed.split_whitespace().nth(1).map(str::to_owned).ok_or_else(|| Failure::Sources {
        what: format!("rustc does not say its version, but {printed:?}"),
        remedy: "Install Rust from https://rustup.rs.",
    })
}

/// Compiles the library as Rust's own build does, and returns where it put the results.
fn compile(sources: &Path, wasi_libc: &Path, work: &Path) -> Result<PathBuf, Failure> {
    let flags = format!("-Zforce-unstable-if-unmarked -Cembed-bitcode=yes -Lnative={}", wasi_libc.display());
    Program::cargo()
        .words("build --release --locked --no-default-features --features panic-unwind,backtrace --target")
        .argument(TARGET)
        .directory(sources)
        .variable("CARGO_TARGET_DIR", work.join("build"))
        .variable("RUSTC_BOOTSTRAP", "1")
        .variable("RUSTFLAGS", flags)
        .variable("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .run()?;
    Ok(work.join("build").join(TARGET).join("release/deps"))
}

/// Lays the libraries out as rustc looks for them.
fn assemble(built: &Path, wasi_libc: &Path, sysroot: &Path) -> Result<(), Failure> {
    let libraries = libraries(sysroot);
    let self_contained = libraries.join("self-contained");
    make_directory(&self_contained)?;
    for library in entries(built).iter().filter(|path| path.extension().is_some_and(|extension| extension == "rlib")) {
        copy_into(library, &libraries)?;
    }
    for part in ["crt1-command.o", "crt1-reactor.o", "libc.a"] {
        copy_into(&wasi_libc.join(part), &self_contained)?;
    }
    if has_standard_library(&libraries) {
        return Ok(());
    }
    let what = "cargo succeeded and left no libstd".into();
    Err(Failure::Sources { what, remedy: "Add the target by `rustup target add wasm32-wasip2` where that works." })
}

fn copy_into(file: &Path, directory: &Path) -> Result<(), Failure> {
    let name = file.file_name().unwrap_or_default();
    copy(file, &directory.join(name)).map(drop)
}
