//! The languages that there is an SDK for, and what a folder is written in.

use std::fmt;
use std::path::Path;

use super::error::BuildError;

/// A language that there is an SDK for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Rust,
    TypeScript,
    JavaScript,
    Python,
    Go,
    C,
    Cpp,
}

impl Language {
    pub const ALL: [Self; 7] =
        [Self::Rust, Self::TypeScript, Self::JavaScript, Self::Python, Self::Go, Self::C, Self::Cpp];

    /// As it is written on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::TypeScript => "ts",
            Self::JavaScript => "js",
            Self::Python => "python",
            Self::Go => "go",
            Self::C => "c",
            Self::Cpp => "cpp",
        }
    }

    /// The folder of its SDK.
    pub(super) fn sdk(self) -> &'static str {
        match self {
            Self::Rust => "guest-sdk/rust",
            Self::TypeScript | Self::JavaScript => "guest-sdk/js",
            Self::Python => "guest-sdk/python",
            Self::Go => "guest-sdk/go",
            Self::C | Self::Cpp => "guest-sdk/c",
        }
    }

    /// The folder of its template, within the SDK's.
    pub(super) fn template(self) -> &'static str {
        match self {
            Self::Rust | Self::Python | Self::Go => "template",
            Self::TypeScript => "template-ts",
            Self::JavaScript => "template-js",
            Self::C => "template-c",
            Self::Cpp => "template-cpp",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::TypeScript => "TypeScript",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::C => "C",
            Self::Cpp => "C++",
        })
    }
}

/// What builds a folder, told by the manifest in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toolchain {
    Cargo,
    Go,
    Pip,
    C,
    Npm,
}

impl Toolchain {
    /// The first that is there counts: a project in another language may well have a `package.json` for its tools.
    const MANIFESTS: [(&str, Self); 5] = [
        ("Cargo.toml", Self::Cargo),
        ("go.mod", Self::Go),
        ("pyproject.toml", Self::Pip),
        ("CMakeLists.txt", Self::C),
        ("package.json", Self::Npm),
    ];

    /// The toolchain of the project in a folder.
    ///
    /// # Errors
    /// If there is no project.
    pub fn of(directory: &Path) -> Result<Self, BuildError> {
        let found = Self::MANIFESTS.into_iter().find(|(manifest, _)| directory.join(manifest).is_file());
        found.map(|(_, toolchain)| toolchain).ok_or_else(|| BuildError::NoProject {
            directory: directory.to_owned(),
            expected: Self::MANIFESTS.map(|(manifest, _)| manifest).join(", "),
        })
    }
}
