//! What a command fails with, and its exit code.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::host::StartError;
use crate::name::NameError;
use crate::project::{BuildError, CreateError};

/// Why a command failed. What to do next is in the words.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Name(#[from] NameError),
    #[error("{0}")]
    Create(#[from] CreateError),
    #[error("{0}")]
    Build(#[from] BuildError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("{0}")]
    Failed(String),
    /// Nothing went wrong, and something is to be done.
    #[error("{0}")]
    ToDo(String),
}

impl CliError {
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Start(_) | Self::Build(_) | Self::Failed(_) => 1,
            Self::Config(_) | Self::Name(_) | Self::Create(_) | Self::Usage(_) | Self::ToDo(_) => 2,
            Self::Unreachable(_) => 3,
        })
    }
}
