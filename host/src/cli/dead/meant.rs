//! Which dead letters a command line means.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::Value;
use url::form_urlencoded;

use crate::cli::error::CliError;
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
    #[arg(value_name = "ID", value_parser = id)]
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

/// A filter as the query of a request, with more of it after that.
pub(super) fn query(filter: &Filter, more: &[(&str, String)]) -> Result<String, CliError> {
    let parts = serde_json::to_value(filter).map_err(|error| CliError::Failed(error.to_string()))?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parts.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => query.append_pair(name, text),
            number => query.append_pair(name, &number.to_string()),
        };
    }
    query.extend_pairs(more);
    Ok(query.finish())
}

pub(super) fn id(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("an id has at least one character".into()) } else { Ok(text.into()) }
}

fn tid(text: &str) -> Result<Tid, String> {
    Tid::from_wire(text).ok_or_else(|| "a TID has 1 to 255 bytes".into())
}

/// A moment in UTC, or one that is so long ago.
fn moment(text: &str) -> Result<Timestamp, String> {
    let time = humantime::parse_rfc3339_weak(text).ok().or_else(|| {
        let ago = humantime::parse_duration(text).ok()?;
        SystemTime::now().checked_sub(ago)
    });
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let millis = since_epoch.and_then(|since| u64::try_from(since.as_millis()).ok());
    millis
        .map(Timestamp::from_millis)
        .ok_or_else(|| "use one like 2026-01-31T12:00:00Z, or 2h for two hours ago".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_so_long_ago() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(Timestamp::from_millis(1_700_000_000_000)));
        let (now, ago) = (Timestamp::now().millis(), moment("2h").expect("legal").millis());
        assert!((7_200_000..7_260_000).contains(&(now - ago)), "{ago}");
        for text in ["", "yesterday", "1960-01-01T00:00:00Z", "-2h", "9999999999y"] {
            assert!(moment(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_filter_is_a_query_of_what_is_in_it() {
        let filter = serde_json::from_str(r#"{"reason":"a&b=ü","since":5}"#).expect("legal");
        assert_eq!(query(&filter, &[("limit", "7".into())]).expect("a query"), "reason=a%26b%3D%C3%BC&since=5&limit=7");
    }
}
