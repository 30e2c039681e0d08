//! `leveret check FILE.wasm`: what it is, what it asks for, and whether it would be accepted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::error::CliError;
use super::{Output, log, runtime};
use crate::catalog::{Exposure, Loader, Place};
use crate::config::{PluginKey, Settings};
use crate::host::{self, StartError};
use crate::message::Subject;
use crate::name::{PluginId, QueueName};
use crate::plugin::{
    Description, Digest, Live, OUTSIDE_POOL, Refusal, Sandbox, SandboxOptions, TimedEvent, Uses, Voucher,
};

/// The file is compiled and its `describe` is run in the sandbox; no event is delivered and no broker is needed.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The component.
    file: PathBuf,
    /// The place to check it for, `app` or `app/plugin` [default: what the file's name says].
    #[arg(long = "as", value_name = "PLUGIN")]
    place: Option<PluginKey>,
}

/// What there is to say of a file.
#[derive(Debug, Serialize)]
struct Report {
    file: PathBuf,
    bytes: Option<u64>,
    sha256: Option<Digest>,
    plugin: Option<PluginId>,
    accepted: bool,
    /// Why it is not accepted.
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    queues: Vec<QueueName>,
    /// What it imports, and what leveret.toml grants it.
    uses: Uses,
    /// Why the pool of memory cannot hold it, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    outside_pool: Option<String>,
    /// Who vouches for it, where `plugins.trust` says that somebody must.
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_by: Option<Voucher>,
    /// What others than its owner can do with the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    exposed: Option<Exposure>,
}

impl Check {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        log::tell_progress();
        // What a host has compiled here needs not be compiled again; a directory for it is the host's to make.
        let options = host::sandbox(settings);
        let cache = options.cache.filter(|cache| cache.is_dir());
        let options = SandboxOptions { cache, concurrency: 1, ..options };
        let sandbox = Sandbox::new(&options).map_err(StartError::from)?;
        let report = self.report(sandbox, settings)?;
        output.answer(&report, || human(&report))?;
        match report.reason {
            None => Ok(()),
            Some(_) => Err(CliError::Failed(format!("{} would not be accepted", report.file.display()))),
        }
    }

    fn report(self, sandbox: Arc<Sandbox>, settings: &Settings) -> Result<Report, CliError> {
        let Self { file, place } = self;
        let metadata = std::fs::metadata(&file).ok();
        let mut report = Report {
            bytes: metadata.as_ref().map(|metadata| metadata.len()),
            sha256: None,
            plugin: None,
            accepted: false,
            reason: None,
            description: None,
            queues: Vec::new(),
            uses: Uses::default(),
            outside_pool: None,
            trusted_by: None,
            exposed: metadata.and_then(|metadata| Exposure::of(&file, &metadata)),
            file,
        };
        let outcome = match place.map_or_else(|| place_of(&report.file), |key| Ok(key.plugin().clone())) {
            Ok(id) => {
                report.plugin = Some(id.clone());
                let trust = host::trust(settings).map_err(StartError::from)?;
                let loader = Loader::new(sandbox, host::limits(settings));
                let loader = loader.trusting(trust).checking(host::clock_check(settings));
                runtime()?.block_on(loader.load(&report.file, id))
            }
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(Live { id, version, description, uses, outside_pool, voucher, .. }) => {
                report.uses = uses;
                report.accepted = true;
                report.outside_pool = outside_pool;
                report.trusted_by = voucher;
                report.sha256 = Some(version.digest);
                report.queues = description.subjects().map(|subject| subject.queue(&id)).collect();
                report.description = Some(description);
            }
            Err(refusal) => report.reason = Some(refusal.to_string()),
        }
        Ok(report)
    }
}

/// The plugin that the file's name makes of it, as if it were dropped into the plugins directory as it is.
pub(super) fn place_of(file: &Path) -> Result<PluginId, Refusal> {
    let name = Path::new(file.file_name().unwrap_or_default());
    match Place::read(name) {
        Some(place) => place.map(|place| place.id).map_err(Refusal::Place),
        None => Err(Refusal::NoPlugin),
    }
}

/// What kind of plugin it is, in a few words.
fn kind(description: &Description) -> &'static str {
    match (description.subscriptions.is_empty(), description.performs.is_empty()) {
        (false, false) => {
            "a subscriber and a worker: it turns events into tasks of its application, and performs tasks"
        }
        (_, true) => "a subscriber: it turns events into tasks of its application",
        (true, false) => "a worker: it performs tasks of its application and announces events",
    }
}

fn human(report: &Report) -> String {
    let mut text = report.file.display().to_string();
    if let Some(bytes) = report.bytes {
        text += &format!(", {bytes} bytes");
    }
    text += "\n";
    if let Some(plugin) = &report.plugin {
        text += &format!("  plugin      {plugin}\n");
    }
    if let (Some(description), Some(digest)) = (&report.description, &report.sha256) {
        text += &format!("  is          {}\n", kind(description));
        text += &format!("  version     {}\n  sha256      {digest}\n", description.version);
        if !description.summary.is_empty() {
            text += &format!("  summary     {}\n", description.summary);
        }
        for (subject, queue) in description.subjects().zip(&report.queues) {
            text += &match subject {
                Subject::Event(event) => format!("  subscribes  {event}, in the queue {queue}\n"),
                Subject::Task(task) => format!("  performs    {task}\n"),
            };
        }
        for event in &description.announces {
            text += &format!("  announces   {event}\n");
        }
        for TimedEvent { event, schedule, missed } in &description.timetable {
            let zone = schedule.zone().name();
            text += &format!("  timetable   {event}: {schedule}, {zone}; missed: {missed}\n");
        }
        for task in &description.emits {
            text += &format!("  emits       {task}\n");
        }
        let limits = &description.limits;
        let asked = [
            limits.time.map(|time| format!("{time:?} a delivery")),
            limits.memory.map(|bytes| format!("{bytes} bytes of memory")),
            limits.prefetch.map(|prefetch| format!("{prefetch} messages in work")),
            limits.attempts.map(|attempts| format!("{attempts} attempts")),
        ];
        for asked in asked.into_iter().flatten() {
            text += &format!("  asks for    {asked}\n");
        }
        // WASI is there for everybody, and empty.
        for import in report
            .uses
            .imports
            .iter()
            .filter(|name| ["wasi:http/", "wasi:keyvalue/"].iter().any(|of| name.starts_with(of)))
        {
            text += &format!("  imports     {import}\n");
        }
        for grant in &report.uses.grants {
            text += &format!("  granted     {grant}\n");
        }
    }
    if let Some(voucher) = &report.trusted_by {
        text += &format!("  trusted by  its {voucher}\n");
    }
    if let Some(exposure) = &report.exposed {
        text += &format!("  note        {exposure}\n");
    }
    if let Some(reason) = &report.outside_pool {
        text += &format!("  note        it {OUTSIDE_POOL}: {reason}\n");
    }
    text += &match &report.reason {
        None => "accepted".to_owned(),
        Some(reason) => format!("refused: {reason}"),
    };
    text
}
