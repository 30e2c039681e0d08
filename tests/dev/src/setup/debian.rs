//! Debian packages, downloaded and unpacked into a directory. Nothing is installed, and the system's own state of apt
//! is not touched, so this needs no special rights.

use std::path::{Path, PathBuf};

use super::{entries, make_directory, write};
use crate::command::{Program, is_installed};
use crate::failure::Failure;

/// A release of Debian's, and what to do where nothing comes from it.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    pub suite: &'static str,
    pub remedy: &'static str,
}

impl Release {
    fn unusable(self, what: impl Into<String>) -> Failure {
        Failure::Sources { what: what.into(), remedy: self.remedy }
    }
}

/// The packages of one release, as they are now.
pub struct Packages {
    directory: PathBuf,
    release: Release,
}

/// Whether this system takes packages of Debian's at all. Its relatives have apt, and other packages.
pub fn is_debian() -> bool {
    PROGRAMS.into_iter().all(is_installed) && mirror().is_ok_and(|mirror| mirror.is_some())
}

const PROGRAMS: [&str; 3] = ["apt-get", "apt-cache", "dpkg-deb"];

impl Packages {
    /// Fetches the list of a release's packages into a directory.
    pub fn update(directory: &Path, release: Release) -> Result<Self, Failure> {
        if let Some(missing) = PROGRAMS.into_iter().find(|program| !is_installed(program)) {
            return Err(release.unusable(format!("{missing} is not there, only Debian has it")));
        }
        for part in ["lists/partial", "cache/archives/partial", "downloads"] {
            make_directory(&directory.join(part))?;
        }
        let packages = Self { directory: directory.into(), release };
        let mirror = mirror()?.ok_or_else(|| release.unusable("apt knows no mirror of Debian's packages"))?;
        write(&directory.join("sources.list"), &source(&mirror, release.suite))?;
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
            let what = format!("{} has {name} {}, and none of them fits", self.release.suite, versions.join(", "));
            return Err(self.release.unusable(what));
        };
        let downloads = self.directory.join("downloads");
        self.apt("apt-get").words("download").argument(format!("{name}={version}")).directory(&downloads).quietly()?;
        let prefix = format!("{name}_");
        let downloaded = entries(&downloads)
            .into_iter()
            .find(|path| path.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&prefix)));
        let Some(downloaded) = downloaded else {
            return Err(self.release.unusable(format!("apt-get downloaded no {name}")));
        };
        let unpacked = self.directory.join(name);
        extract(&downloaded, &unpacked)?;
        Ok(unpacked)
    }

    /// Downloads a package with everything that it needs, down to the C library, unpacks it all into one directory, and
    /// returns where.
    pub fn unpack_closure(&self, name: &str) -> Result<PathBuf, Failure> {
        // The state is empty, so all of it counts as missing. Nothing is locked, since nothing is installed.
        let words = "--quiet --yes --no-install-recommends --download-only -o Debug::NoLocking=1 install";
        self.apt("apt-get").words(words).argument(name).quietly()?;
        let root = self.directory.join("root");
        for package in entries(&self.directory.join("cache/archives")) {
            if package.extension().is_some_and(|extension| extension == "deb") {
                extract(&package, &root)?;
            }
        }
        Ok(root)
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
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
             APT::Sandbox::User \"\";\n"
        )
    }
}

fn extract(package: &Path, into: &Path) -> Result<(), Failure> {
    Program::new("dpkg-deb").argument("-x").arguments([package, into]).quietly().map(drop)
}

/// Where this system takes Debian's packages from, if it does: the release that is needed lies beside the one that it
/// runs.
fn mirror() -> Result<Option<String>, Failure> {
    let format = "$(REPO_URI)";
    let known = Program::new("apt-get").words("indextargets --format").argument(format).quietly()?;
    let debian = |uri: &&str| uri.trim_end_matches('/').ends_with("/debian");
    Ok(known.lines().find(debian).map(str::to_owned))
}

fn source(mirror: &str, suite: &str) -> String {
    format!("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {suite} main\n")
}
