//! Which events of the past a command line means.

use clap::Args;

use crate::cli::argument::{beginning, moment, tid};
use crate::history::{Condition, EventPattern, Filter};
use crate::message::{Tid, Timestamp};

/// Which events are meant: those that everything given fits.
#[derive(Debug, Args)]
pub(in crate::cli) struct Meant {
    /// Of this name, or of one that fits this pattern: `*` is one word, `#` any number of them. Several may be given.
    #[arg(long = "event", value_name = "NAME|PATTERN")]
    events: Vec<EventPattern>,
    /// Published at this time or later: `2026-01-31T12:00:00Z`, `2026-01-31`, or `2h` for two hours ago.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Published before this time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Of this transaction.
    #[arg(long, value_parser = tid)]
    tid: Option<Tid>,
    /// With this id, or one that begins so.
    #[arg(long, value_parser = beginning)]
    id: Option<String>,
    /// Published by this application.
    #[arg(long, value_name = "APP")]
    source: Option<String>,
    /// With this in the payload, by JSON pointer: `/customer/id=42`, or `/customer` if anything is there. The value is JSON,
    /// or else a text. Several must all be so.
    #[arg(long = "where", value_name = "POINTER[=VALUE]")]
    conditions: Vec<Condition>,
}

impl Meant {
    pub(in crate::cli) fn filter(self) -> Filter {
        let Self { events, from, until, tid, id, source, conditions } = self;
        Filter { events, from, until, tid, id, source, conditions }
    }
}
