//! Go, where the system has none or an older one: the toolchain that Go's own module proxy serves, unpacked below
//! `target`. Nothing is installed.

use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{announce, entries, make_directory, remove_directory};
use crate::command::{Program, is_installed};
use crate::failure::Failure;
use crate::workspace::Workspace;

/// What the SDK's `go.mod` asks for.
const OLDEST: u32 = 26;
const VERSION: &str = "1.26.8";
const DIRECTORY: &str = "tools/go";
/// The toolchain's archive for a system, and its SHA-256.
const ARCHIVES: [(&str, &str, &str, &str); 2] = [
    ("linux", "x86_64", "linux-amd64", "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7"),
    ("linux", "aarch64", "linux-arm64", "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99"),
];

/// The folder of the program `go`, if there is one that is new enough.
pub fn programs(workspace: &Workspace) -> Option<PathBuf> {
    let ours = workspace.target(DIRECTORY).join(VERSION).join("bin");
    if ours.join("go").is_file() {
        return Some(ours);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).find(|directory| directory.join("go").is_file())?;
    is_new_enough(&found.join("go")).then_some(found)
}

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    if let Some(programs) = programs(workspace) {
        return Ok(format!("in {}", programs.display()));
    }
    let archive = ARCHIVES.iter().find(|(os, arch, ..)| (*os, *arch) == (OS, ARCH));
    let unpacks = ["curl", "sha256sum", "python3"].into_iter().all(is_installed);
    let Some((_, _, platform, checksum)) = archive.filter(|_| unpacks) else {
        announce("!!! WARNING: there is no Go 1.26 here, and none can be fetched. Install it from https://go.dev/dl.");
        return Ok("SKIPPED".into());
    };
    announce(&format!("downloading Go {VERSION} (72 MB)"));
    let directory = workspace.target(DIRECTORY);
    remove_directory(&directory)?;
    make_directory(&directory)?;
    let name = format!("v0.0.1-go{VERSION}.{platform}");
    let url = format!("https://proxy.golang.org/golang.org/toolchain/@v/{name}.zip");
    let zip = directory.join("go.zip");
    Program::new("curl")
        .words("--fail --silent --show-error --location --output")
        .argument(&zip)
        .argument(url)
        .quietly()?;
    check(&zip, checksum)?;
    Program::new("python3").words("-m zipfile -e").argument(&zip).argument(&directory).quietly()?;
    let unpacked = directory.join(format!("golang.org/toolchain@{name}"));
    let tools = unpacked.join("pkg/tool").join(platform.replace('-', "_"));
    // The archive does not say what is a program.
    entries(&unpacked.join("bin")).iter().chain(&entries(&tools)).try_for_each(|program| allow_to_run(program))?;
    let place = directory.join(VERSION);
    // In one step and last of all, so that what is there is whole.
    fs::rename(unpacked, &place).map_err(|error| Failure::File { path: place, error })?;
    super::remove_file(&zip)?;
    Ok(format!("{VERSION} unpacked now"))
}

fn is_new_enough(go: &Path) -> bool {
    let version = Program::new(go).words("env GOVERSION").quietly().unwrap_or_default();
    let minor = version.trim().strip_prefix("go1.").and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= OLDEST)
}

fn check(zip: &Path, checksum: &str) -> Result<(), Failure> {
    let printed = Program::new("sha256sum").argument(zip).quietly()?;
    if printed.starts_with(checksum) {
        return Ok(());
    }
    let what = format!("the archive of Go {VERSION} is not the one that was expected, but {}", printed.trim());
    Err(Failure::Sources { what, remedy: "Install Go 1.26 or newer from https://go.dev/dl." })
}

fn allow_to_run(program: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::File { path: program.into(), error };
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).map_err(failed)
}
