//! `leveret config`: what the settings are, and whether they are right.

use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::CliError;
use super::{Output, load};
use crate::config;

#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say whether the settings are right, and everything that is not.
    Check,
    /// Print the settings in force, each with what it means and its environment variable.
    Print,
    /// Print the JSON Schema of leveret.toml.
    Schema,
}

impl Config {
    pub(super) fn run(self, file: Option<&Path>, output: Output) -> Result<(), CliError> {
        match self.what {
            What::Check => {
                load(file)?;
                output.answer(&json!({ "good": true }), || "the settings are right".to_owned())
            }
            What::Print => {
                let settings = load(file)?;
                output.answer(&settings, || config::print(&settings))
            }
            What::Schema => {
                let schema = config::schema();
                output.answer(&schema, || serde_json::to_string_pretty(&schema).unwrap_or_else(|_| schema.to_string()))
            }
        }
    }
}
