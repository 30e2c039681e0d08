//! `leveret test`: a plugin's cases, in the real sandbox and with no broker.

mod report;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::check::place_of;
use super::error::CliError;
use super::{Output, runtime};
use crate::cases::{Case, FindError, Runner, Trial, Verdict, find, junit, rewrite, schema};
use crate::config::{PluginKey, Settings};
use crate::host::{self, StartError};
use crate::name::{AppName, PluginId};
use crate::plugin::{Refusal, Sandbox, SandboxOptions};
use crate::project::{self, BuildError, BuildOptions};
use report::Tried;
pub(super) use report::{Colour, Paint, Report, cost};

/// Each case is a JSON file: an event and what the plugin is to make of it. It runs in the sandbox with the limits that
/// `leveret.toml` sets, at a fixed time and with no settings but its own.
#[derive(Debug, Args)]
#[command(after_help = "\
A case, cases/payment-is-thanked.json:
  { \"event\": { \"name\": \"org.payment.processed\", \"payload\": { \"amount\": 4200 } },
    \"expect\": { \"tasks\": [ { \"name\": \"email.send\", \"payload\": { \"template\": \"thanks\" } } ] } }

`expect` is one of
  \"tasks\": [...]                                  it emits these, in this order
  \"retry\": { \"reason\": \"...\", \"after\": \"60s\" }    it fails, and may work later
  \"reject\": \"...\"                                it fails for good
  \"dead\": \"...\"                                  the event does not fit the plugin's schema
and a reason is a text, or { \"contains\": \"a part of it\" }. With `attempts`, or with `dead` in place of `event`, it is
recovery that runs, and it may have `failed`. `leveret test --schema` has all of it.

Example:
  leveret test
  leveret test --filter payment --update
  leveret test build/big-thanks.wasm --cases cases --junit cases.xml")]
pub(super) struct Test {
    /// A component, or a project's folder, which is built first.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The folder of the cases [default: `cases` in the project's folder, or here].
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Run only the cases with this in their names.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write what came into the files of the cases that expect something else, or nothing yet.
    #[arg(long)]
    update: bool,
    /// Write the results to a file as JUnit's XML too, for continuous integration.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The plugin to run it as, `app` or `app/plugin` [default: what the file's name says].
    #[arg(long = "as", value_name = "PLUGIN")]
    place: Option<PluginKey>,
    /// Print the JSON Schema of a case file, and run nothing.
    #[arg(long)]
    schema: bool,
}

impl Test {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        if self.schema {
            let schema = schema();
            return output.answer(&schema, || format!("{schema:#}"));
        }
        let (file, cases) = self.what()?;
        let id = match &self.place {
            Some(key) => key.plugin().clone(),
            None => place_of(&file).map_err(|refusal| refused(&file, &refusal))?,
        };
        let cases = self.chosen(&id.app, &cases)?;
        let report = runtime()?.block_on(try_all(settings, &file, id, cases, self.update))?;
        if let Some(file) = &self.junit {
            let trials = report.cases.iter().map(|tried| (tried.case.name.as_str(), &tried.trial));
            write(file, &junit(&report.plugin.to_string(), trials))?;
        }
        output.answer(&report, || report.human())?;
        match report.failed() {
            0 => Ok(()),
            1 => Err(CliError::Failed("1 case failed".into())),
            failed => Err(CliError::Failed(format!("{failed} cases failed"))),
        }
    }

    /// The component, and the folder of its cases.
    fn what(&self) -> Result<(PathBuf, PathBuf), CliError> {
        let own = |project: &Path| self.cases.clone().unwrap_or_else(|| project.join("cases"));
        if self.path.is_dir() {
            return Ok((component(&self.path)?, own(&self.path)));
        }
        if !self.path.is_file() {
            let path = self.path.display();
            return Err(CliError::Usage(format!("there is no {path}: give a component, or a project's folder")));
        }
        Ok((self.path.clone(), own(Path::new(""))))
    }

    fn chosen(&self, app: &AppName, directory: &Path) -> Result<Vec<Case>, CliError> {
        let at = directory.display();
        let mut cases = match find(app, directory) {
            Err(FindError::Unreadable { path, reason }) if path == directory => {
                let advice = "write one, such as cases/first.json, or say where they are with `--cases`";
                return Err(CliError::Usage(format!("no cases in {at} ({reason}); {advice}")));
            }
            found => found.map_err(|error| CliError::Usage(error.to_string()))?,
        };
        if cases.is_empty() {
            return Err(CliError::Usage(format!("no cases in {at}; `leveret test --help` shows one")));
        }
        if let Some(filter) = &self.filter {
            cases.retain(|case| case.name.contains(filter));
            if cases.is_empty() {
                return Err(CliError::Usage(format!("no case in {at} has {filter:?} in its name")));
            }
        }
        Ok(cases)
    }
}

/// Runs cases on a component, as the plugin of this identity. With `update`, what came is written into their files.
pub(super) async fn try_all(
    settings: &Settings,
    file: &Path,
    id: PluginId,
    cases: Vec<Case>,
    update: bool,
) -> Result<Report, CliError> {
    let options = SandboxOptions { concurrency: 1, ..host::sandbox(settings) };
    let sandbox = Sandbox::new(&options).map_err(StartError::from)?;
    let payload_limit = settings.delivery_of(&id).payload_limit.as_bytes();
    let runner = Runner::new(sandbox, host::limits(settings), payload_limit, file.to_owned(), id.clone()).await;
    let mut runner = runner.map_err(|refusal| refused(file, &refusal))?;
    let version = runner.version().clone();
    let mut report = Report { plugin: id, version, file: file.to_owned(), cases: Vec::new() };
    for case in cases {
        let trial = runner.run(&case).await;
        let updated = update && rewritten(&case, &trial)?;
        report.cases.push(Tried { case, trial, updated });
    }
    Ok(report)
}

/// The component of a project's folder, as new as its sources. A folder with no sources that we know how to build may
/// have one all the same.
fn component(project: &Path) -> Result<PathBuf, CliError> {
    let no_project = match project::build(project, &BuildOptions::default()) {
        Err(error @ BuildError::NoProject { .. }) => error,
        built => return Ok(built?.file),
    };
    let build = project.join("build");
    let entries = fs::read_dir(&build).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut components: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect();
    match (components.pop(), components.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            let build = build.display();
            Err(CliError::Usage(format!("there are several components in {build}; say which one to test")))
        }
        (None, _) => Err(no_project.into()),
    }
}

/// Writes what came into the case's file, if it expects something else. Says whether it did.
fn rewritten(case: &Case, trial: &Trial) -> Result<bool, CliError> {
    let (Verdict::Failed(_) | Verdict::Open, Some(came)) = (&trial.verdict, &trial.came) else { return Ok(false) };
    let file = &case.file;
    let text = fs::read_to_string(file).map_err(|error| CliError::Failed(format!("{}: {error}", file.display())))?;
    let changed = || CliError::Failed(format!("{} is no case any more; run it again", file.display()));
    write(file, &rewrite(&text, came).ok_or_else(changed)?)?;
    Ok(true)
}

fn write(file: &Path, text: &str) -> Result<(), CliError> {
    fs::write(file, text).map_err(|error| CliError::Failed(format!("{} was not written: {error}", file.display())))
}

fn refused(file: &Path, refusal: &Refusal) -> CliError {
    CliError::Failed(format!("{} would not be accepted: {refusal}", file.display()))
}
