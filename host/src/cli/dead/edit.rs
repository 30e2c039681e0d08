//! `leveret dead edit`: a new body for one letter, which is then retried.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use serde_json::value::RawValue;

use super::look::fetch;
use super::meant::One;
use super::settle;
use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::error::CliError;
use crate::dead::{Filter, Order, Report};
use crate::json::spread;
use crate::message::json_text;

/// Opens the body in $VISUAL or $EDITOR, or takes it from a file; then the letter is retried with it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret dead edit 0198c0de
  leveret dead edit 0198c0de --body - < repaired.json")]
pub(super) struct Edit {
    #[command(flatten)]
    one: One,
    /// Take the new body, a JSON text, from this file; `-` reads it from standard input.
    #[arg(long, value_name = "FILE|-")]
    body: Option<PathBuf>,
}

impl Edit {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let letters = fetch(api, &self.one)?;
        let [letter] = letters.as_slice() else {
            let number = letters.len();
            return Err(CliError::Usage(format!(
                "{number} dead letters have this id; name one's plugin by `--plugin`"
            )));
        };
        let text = match &self.body {
            Some(file) => read(file)?,
            None => edited(letter)?,
        };
        let body = json(&text).map_err(|error| CliError::Usage(format!("the new body is refused: {error}")))?;
        let filter = Filter { id: Some(letter.id.as_str().to_owned()), ..self.one.without_id() };
        settle::retry(api, output, &Order { filter, body: Some(body), ..Order::default() })
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    read.map_err(|error| CliError::Usage(format!("{} is not readable: {error}", file.display())))?;
    Ok(text)
}

fn json(text: &str) -> Result<Box<RawValue>, String> {
    json_text(text.as_bytes()).map_err(|error| error.to_string())?;
    RawValue::from_string(text.trim().to_owned()).map_err(|error| error.to_string())
}

/// What a person makes of the letter's body.
fn edited(letter: &Report) -> Result<String, CliError> {
    let failed = |error: std::io::Error| CliError::Failed(format!("no file to edit: {error}"));
    let before = match (&letter.body, &letter.text) {
        (Some(json), _) => spread(json.get()),
        (None, Some(text)) => text.clone(),
        (None, None) => {
            return Err(CliError::Usage("its body is no text; give a new one by `--body FILE`".into()));
        }
    };
    let mut file = tempfile::Builder::new().prefix("leveret-letter-").suffix(".json").tempfile().map_err(failed)?;
    file.write_all(before.as_bytes()).map_err(failed)?;
    open(file.path())?;
    // Read by its name: editors write another file and rename it.
    let after = std::fs::read_to_string(file.path()).map_err(failed)?;
    if after.trim() == before.trim() {
        let id = &letter.id;
        return Err(CliError::Failed(format!("nothing was changed; `leveret dead retry {id}` retries it as it is")));
    }
    if let Err(error) = json(&after) {
        let (_, kept) = file.keep().map_err(|error| failed(error.error))?;
        let kept = kept.display();
        return Err(CliError::Failed(format!(
            "{error}; your text is in {kept}, for `--body {kept}` once it is mended"
        )));
    }
    Ok(after)
}

fn open(file: &Path) -> Result<(), CliError> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".into());
    // It may have arguments of its own, as in `code --wait`.
    let command = format!("{editor} \"$@\"");
    let ended = Command::new("sh").args(["-c", &command, &editor]).arg(file).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(CliError::Failed(format!("{editor} ended with {status}, so nothing was retried"))),
        Err(error) => {
            Err(CliError::Failed(format!("{editor} does not start: {error}; set EDITOR, or use `--body FILE`")))
        }
    }
}
