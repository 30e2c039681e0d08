//! Debian packages, downloaded and unpacked into a directory. Nothing is installed, and the system's own state of apt
//! is not touched, so this needs no special rights.

use std::path::{Path, PathBuf};

use super::{entries, make_directory, write};
use crate::command::{Program, is_installed};
use crate::failure::Failure;

const REMEDY: &str = "Add the target by `rustup target add wasm32-wasip2` where that works.";

/// The packages of one release, as they are now.
pub struct Packages {
    directory: PathBuf,
}

impl Packages {
    /// Fetches the list of packages into a directory.
    pub fn update(directory: &Path) -> Result<Self, Failure> {
        if let Some(missing) = ["apt-get", "apt-cache", "dpkg-deb"].into_iter().find(|program| !is_installed(program)) {
            return Err(Failure::Sources {
                what: format!("{missing} is not there, only Debian has it"),
                remedy: REMEDY,
            });
        }
        for part in ["lists/partial", "cache/archives/partial", "downloads"] {
            make_directory(&directory.join(part))?;
        }
        let packages = Self { directory: directory.into() };
        write(&directory.join("sources.list"), &source(&mirror()?))?;
        write(&directory.join("status"), "")?;
        write(&directory.join("apt.conf"), &packages.configuration())?;
        packages.apt("apt-get").words("--quiet update").quietly()?;
        Ok(packages)
    }

    /// Downloads a package of a fitting version, unpacks it, and returns where.
    pub fn unpack(&self, name: &str, fits: impl Fn(&str) -> bool) -> Result<PathBuf, Failure> {
        let listed = self.apt("apt-cache").words("madison").argument(name).quietly()?;
        let versions: Vec<&str> = listed.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).collect();
        let Some(version) = versions.iter().find(|version| fits(version)) else {
            let what = format!("trixie-backports has {name} {}, and none of them fits", versions.join(", "));
            return Err(Failure::Sources { what, remedy: REMEDY });
        };
        let downloads = self.directory.join("downloads");
        self.apt("apt-get").words("download").argument(format!("{name}={version}")).directory(&downloads).quietly()?;
        let prefix = format!("{name}_");
        let downloaded = entries(&downloads)
            .into_iter()
            .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)));
        let Some(downloaded) = downloaded else {
            return Err(Failure::Sources { what: format!("apt-get downloaded no {name}"), remedy: REMEDY });
        };
        let unpacked = self.directory.join(name);
        Program::new("dpkg-deb").argument("-x").arguments([&downloaded, &unpacked]).quietly()?;
        Ok(unpacked)
    }

    fn apt(&self, program: &str) -> Program {
        Program::new(program).variable("APT_CONFIG", self.directory.join("apt.conf"))
    }

    fn configuration(&self) -> String {
        let at = self.directory.display();
        format!(
            "Dir::State::lists \"{at}/lists\";\n\
             Dir::State::status \"{at}/status\";\n\
             Dir::Cache \"{at}/cache\";\n\
             Dir::Etc::sourcelist \"{at}/sources.list\";\n\
             Dir::Etc::sourceparts \"-\";\n\
             APT::Sandbox::User \"\";\n"
        )
    }
}

/// Where this system takes Debian's packages from: the release that is needed lies beside the one that it runs.
fn mirror() -> Result<String, Failure> {
    let format = "$(REPO_URI)";
    let known = Program::new("apt-get").words("indextargets --format").argument(format).quietly()?;
    let debian = |uri: &&str| uri.trim_end_matches('/').ends_with("/debian");
    let none = || Failure::Sources { what: "apt knows no mirror of Debian's packages".into(), remedy: REMEDY };
    known.lines().find(debian).map(str::to_owned).ok_or_else(none)
}

fn source(mirror: &str) -> String {
    format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} trixie-backports main\n")
}
