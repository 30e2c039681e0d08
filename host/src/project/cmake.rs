//! The little of a `CMakeLists.txt` that a build needs: its project's name and version, and where the SDK is.

use std::path::{Path, PathBuf};

use super::error::BuildError;

/// What a `CMakeLists.txt` says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CMake {
    pub name: String,
    pub version: Option<String>,
    /// Relative to the project: `set(LEVERET_SDK …)`, or `sdk`.
    pub sdk: PathBuf,
}

impl CMake {
    pub(super) fn read(file: &Path) -> Result<Self, BuildError> {
        let text = std::fs::read_to_string(file).map_err(|error| BuildError::file(file, &error))?;
        Self::parse(&text).ok_or_else(|| BuildError::manifest(file, "it has no `project(NAME VERSION …)`"))
    }

    fn parse(text: &str) -> Option<Self> {
        let project = words_of(text, "project(").next()?;
        let name = project.first()?.clone();
        let version = project.iter().skip_while(|word| *word != "VERSION").nth(1).cloned();
        let sdk = words_of(text, "set(").find(|words| words.first().is_some_and(|name| name == "LEVERET_SDK"));
        let sdk = sdk.and_then(|words| words.get(1).cloned()).unwrap_or_else(|| "sdk".into());
        Some(Self { name, version, sdk: sdk.replace("${CMAKE_CURRENT_SOURCE_DIR}/", "").into() })
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
    fn the_name_the_version_and_the_sdk_are_found() {
        let text = "cmake_minimum_required(VERSION 3.20)\n# project(not-this)\nproject(big-thanks VERSION 0.1.0\n  LANGUAGES C)\n\
                    set(LEVERET_SDK \"../../sdk\")\n";
        let expected = CMake { name: "big-thanks".into(), version: Some("0.1.0".into()), sdk: "../../sdk".into() };
        assert_eq!(CMake::parse(text), Some(expected));
        let plain = CMake { name: "thanks".into(), version: None, sdk: "sdk".into() };
        assert_eq!(CMake::parse("project(thanks)"), Some(plain));
        assert_eq!(CMake::parse("add_executable(x)"), None);
    }
}
