//! RabbitMQ 4 with its Erlang, beside whatever the system has: Debian's packages with all that they need, unpacked below
//! `target` and mended to run from there, on their own C library. Nothing is installed, and no special rights are needed.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::debian::{Packages, Release, is_debian};
use super::{announce, entries, remove_directory, write};
use crate::command::Program;
use crate::failure::Failure;
use crate::workspace::Workspace;

const REMEDY: &str = "RabbitMQ 4 comes from there; see that Debian's mirror can be reached.";
/// The newest first. What is newer than what was tried may fail to start, and then the other serves.
const RELEASES: [Release; 2] =
    [Release { suite: "forky", remedy: REMEDY }, Release { suite: "trixie", remedy: REMEDY }];
const DIRECTORY: &str = "tools/rabbitmq-4";
const ERLANG: &str = "usr/lib/erlang";

/// Where the tests find it, if it is there.
pub fn find(workspace: &Workspace) -> Option<PathBuf> {
    let directory = workspace.target(DIRECTORY);
    version(&directory).is_some().then_some(directory)
}

pub fn ensure(workspace: &Workspace) -> Result<String, Failure> {
    let directory = workspace.target(DIRECTORY);
    if let Some(version) = version(&directory) {
        return Ok(format!("{version} unpacked"));
    }
    if !is_debian() {
        announce("!!! WARNING: there is no RabbitMQ 4 for the tests. It is taken from Debian's packages, and this");
        announce("!!! system has none. NOT TESTED: Leveret on RabbitMQ 4.");
        return Ok("SKIPPED".into());
    }
    let work = workspace.target("tools/rabbitmq-4-work");
    announce("downloading RabbitMQ 4 and Erlang from Debian (75 MB)");
    let mut result = Err(Failure::Sources { what: "no release of Debian has it".into(), remedy: REMEDY });
    for release in RELEASES {
        remove_directory(&work)?;
        result = unpack(&work, release);
        match &result {
            Ok(_) => break,
            Err(failure) => announce(&format!("not from Debian {}: {failure}", release.suite)),
        }
    }
    let (root, version) = result?;
    remove_directory(&directory)?;
    // In one step and last of all, so that what is there is whole.
    fs::rename(root, &directory).map_err(|error| Failure::File { path: directory, error })?;
    remove_directory(&work)?;
    Ok(format!("{version} unpacked now"))
}

/// The version of RabbitMQ in a directory, if there is one.
fn version(root: &Path) -> Option<String> {
    let servers = entries(&root.join("usr/lib/rabbitmq/lib"));
    let mut names = servers.iter().filter_map(|server| server.file_name()?.to_str()?.strip_prefix("rabbitmq_server-"));
    names.next().map(str::to_owned)
}

/// Unpacks one release's RabbitMQ, shows that its Erlang runs, and says where it is and which version.
fn unpack(work: &Path, release: Release) -> Result<(PathBuf, String), Failure> {
    let root = Packages::update(work, release)?.unpack_closure("rabbitmq-server")?;
    mend(&root)?;
    let erl = Program::new(root.join(ERLANG).join("bin/erl"));
    erl.words("-noinput -boot start_clean -eval").argument("ok = crypto:start(), halt().").quietly()?;
    match version(&root) {
        Some(version) if version.starts_with("4.") => Ok((root, version)),
        found => {
            let found = found.unwrap_or_else(|| "nothing".into());
            let what = format!("Debian {} has {found} where RabbitMQ 4 was expected", release.suite);
            Err(Failure::Sources { what, remedy: REMEDY })
        }
    }
}

/// Makes the unpacked programs of Erlang run from where they are. They are linked to a C library that is newer than the
/// system's, at a fixed place; so each goes through the loader that was unpacked with it.
fn mend(root: &Path) -> Result<(), Failure> {
    let loader = loader(root)?;
    let libraries = loader.parent().unwrap_or(Path::new("")).to_owned();
    let launcher = format!(
        "#!/bin/sh\n\
         program=$(readlink -f \"$0\")\n\
         root=${{program%/{ERLANG}/*}}\n\
         exec \"$root/{}\" --library-path \"$root/{}\" \"$program.elf\" \"$@\"\n",
        loader.display(),
        libraries.display(),
    );
    let erlang = root.join(ERLANG);
    // The runtime's own, the scripts that start it, and what its libraries run beside it, such as os_mon's.
    let runtimes = entries(&erlang).into_iter().map(|runtime| runtime.join("bin"));
    let libraries = entries(&erlang.join("lib")).into_iter().map(|library| library.join("priv/bin"));
    for directory in runtimes.chain([erlang.join("bin")]).chain(libraries) {
        for program in entries(&directory).into_iter().filter(|path| !path.is_symlink()) {
            if is_elf(&program) {
                launch(&program, &launcher)?;
            } else if let Ok(script) = fs::read_to_string(&program) {
                write(&program, &script.replace(&format!("ROOTDIR=/{ERLANG}"), &found_root()))?;
            }
        }
    }
    Ok(())
}

/// Puts the launcher in the place of a program.
fn launch(program: &Path, launcher: &str) -> Result<(), Failure> {
    let failed = |error| Failure::File { path: program.into(), error };
    let mut moved = program.to_owned().into_os_string();
    moved.push(".elf");
    fs::rename(program, moved).map_err(failed)?;
    write(program, launcher)?;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).map_err(failed)
}

/// Where Erlang is, in words of the shell: above the script that asks.
fn found_root() -> String {
    format!("program=$(readlink -f \"$0\") && ROOTDIR=${{program%/{ERLANG}/*}}/{ERLANG}")
}

/// The dynamic loader of the unpacked C library, relative to the root.
fn loader(root: &Path) -> Result<PathBuf, Failure> {
    let is_loader =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"));
    let directories = entries(&root.join("usr/lib")).into_iter().filter(|path| path.is_dir() && !path.is_symlink());
    let found = directories.flat_map(|directory| entries(&directory)).find(is_loader);
    let relative = found.and_then(|path| path.strip_prefix(root).map(Path::to_owned).ok());
    let what = || "the package of the C library has no loader".to_owned();
    relative.ok_or_else(|| Failure::Sources { what: what(), remedy: REMEDY })
}

fn is_elf(path: &Path) -> bool {
    let mut beginning = [0; 4];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).is_ok() && beginning == *b"\x7fELF"
}
