//! Which dead letters a command line means.

use clap::Args;

use crate::cli::argument::{beginning, moment, tid};
use crate::dead::Filter;
use crate::message::{Tid, Timestamp};
use crate::name::{AppName, PluginId};

/// Which letters are meant: those that everything given fits.
#[derive(Debug, Args)]
pub(super) struct Meant {
    /// Of this application.
    #[arg(long)]
    app: Option<AppName>,
    /// Of this plugin, `app` or `app/plugin`.
    #[arg(long)]
    plugin: Option<PluginId>,
    /// About this event or task, by its whole name.
    #[arg(long, value_name = "NAME", visible_alias = "task")]
    event: Option<String>,
    /// With this in their reason, in upper or lower case.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// That died at this time or later: `2026-01-31T12:00:00Z`, or `2h` for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// That died before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Of this transaction.
    #[arg(long, value_parser = tid)]
    tid: Option<Tid>,
}

/// One letter, by its id.
#[derive(Debug, Args)]
pub(super) struct One {
    /// The message's id, or as much of its beginning as no other has.
    #[arg(value_name = "ID", value_parser = beginning)]
    pub id: String,
    /// Of this application.
    #[arg(long)]
    app: Option<AppName>,
    /// Of this plugin, `app` or `app/plugin`: several plugins may each have a letter of one id.
    #[arg(long)]
    plugin: Option<PluginId>,
}

impl Meant {
    pub(super) fn filter(self, id: Option<String>) -> Filter {
        let Self { app, plugin, event: name, reason, since, until, tid } = self;
        Filter { app, plugin, name, reason, since, until, tid, id }
    }
}

impl One {
    /// Everything but the id, which is in the path of a request.
    pub(super) fn without_id(&self) -> Filter {
        Filter { app: self.app.clone(), plugin: self.plugin.clone(), ..Filter::default() }
    }
}
