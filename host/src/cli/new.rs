//! `leveret new NAME --lang LANGUAGE`: a project that builds, with a test and cases.

use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::Output;
use super::error::CliError;
use crate::project::{self, Created, Language};

/// The project has the SDK in it, in the folder `sdk`: nothing but the language's own toolchain is needed.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The plugin's name, which is its application's too once it is dropped: lower-case letters, digits, `-` and `_`.
    name: String,
    /// The language.
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    lang: Language,
}

impl ValueEnum for Language {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.word()).help(self.to_string()))
    }
}

impl New {
    pub(super) fn run(self, output: Output) -> Result<(), CliError> {
        let Created { directory, files } = project::create(Path::new(""), &self.name, self.lang)?;
        output.answer(&json!({ "directory": directory, "language": self.lang.word(), "files": files }), || {
            let name = &self.name;
            let listed: String = files.iter().map(|file| format!("  {name}/{file}\n")).collect();
            format!(
                "{name}/ is a plugin in {}:\n{listed}\nNext:\n  cd {name}\n  leveret build    # makes build/{name}.wasm\n  \
                 leveret test     # runs the cases in cases/\n  leveret dev      # builds at each save, and runs it",
                self.lang
            )
        })
    }
}
