//! The little of a `CMakeLists.txt` that a build needs: its project's name and version, and what it is built with.

use std::path::{Path, PathBuf};

use super::error::BuildError;
use super::manifest;

/// What a `CMakeLists.txt` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CMake {
    pub name: String,
    pub version: Option<String>,
    /// The folders that it adds, relative to the project: the SDK is among them.
    pub subdirectories: Vec<PathBuf>,
}

impl CMake {
    pub(super) fn read(file: &Path) -> Result<Self, BuildError> {
        Self::parse(&manifest::text(file)?)
            .ok_or_else(|| BuildError::manifest(file, "it has no `project(NAME VERSION …)`"))
    }

    fn parse(text: &str) -> Option<Self> {
        let project = words_of(text, "project(").next()?;
        let name = project.first()?.clone();
        let version = project.iter().skip_while(|word| *word != "VERSION").nth(1).cloned();
        let added = words_of(text, "add_subdirectory(").filter_map(|words| words.into_iter().next());
        Some(Self { name, version, subdirectories: added.map(PathBuf::from).collect() })
    }
}

/// The arguments of each call of a command.
fn words_of(text: &str, command: &str) -> impl Iterator<Item = Vec<String>> {
    let text: String = text.lines().map(|line| line.split('#').next().unwrap_or_default().to_owned() + "\n").collect();
    let calls: Vec<String> =
        text.split(command).skip(1).map(|rest| rest.split(')').next().unwrap_or_default().into()).collect();
    calls.into_iter().map(|call| call.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_the_version_and_the_folders_are_found() {
        let text = "cmake_minimum_required(VERSION 3.21)\n# project(not-this)\nproject(big-thanks VERSION 0.1.0\n  LANGUAGES C)\n\
                    add_subdirectory(\"../../c\" sdk)\n";
        let (name, version) = ("big-thanks".to_owned(), Some("0.1.0".to_owned()));
        assert_eq!(CMake::parse(text), Some(CMake { name, version, subdirectories: vec!["../../c".into()] }));
        let plain = CMake { name: "thanks".into(), version: None, subdirectories: vec![] };
        assert_eq!(CMake::parse("project(thanks)"), Some(plain));
        assert_eq!(CMake::parse("add_executable(x)"), None);
    }
}
