//! `leveret audit`: which version of which plugin went live when.

use clap::Args;
use url::form_urlencoded;

use super::Output;
use super::api::Api;
use super::error::CliError;
use super::text::{moment, plain, table};
use crate::config::Settings;
use crate::ledger::{Became, FileVersion, Turn};
use crate::name::PluginId;

/// Shows which version of which plugin went live when, instead of which, from which file, and who vouched for it; which
/// files were refused, and which were gone. Oldest first. The host keeps a bounded number in its ledger.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret audit --plugin pheidi
  leveret audit --json --limit 1000 | jq '.[] | select(.became == \"live\" and (.again | not))'")]
pub(super) struct Audit {
    /// Of one plugin: `app`, or `app/plugin` [default: all].
    #[arg(long)]
    plugin: Option<PluginId>,
    /// The newest so many.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    limit: u64,
}

impl Audit {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        query.extend_pairs(self.plugin.map(|plugin| ("plugin", plugin.to_string())));
        let turns: Vec<Turn> = Api::new(settings).fetch(&format!("/audit?{}", query.finish()))?;
        output.answer(&turns, || human(&turns))
    }
}

fn human(turns: &[Turn]) -> String {
    if turns.is_empty() {
        return "nothing is known of any plugin".into();
    }
    let row = |turn: &Turn| {
        let plugin = turn.plugin.as_deref().map_or_else(|| "?".into(), plain);
        let (became, version, more) = told(&turn.became);
        vec![moment(turn.time), plugin, became.to_owned(), version, plain(&turn.file), more]
    };
    let rows: Vec<_> = turns.iter().map(row).collect();
    table(&["time", "plugin", "became", "version", "file", "how"], &rows)
}

/// What became of a file: in a word, in which version, and how.
fn told(became: &Became) -> (&'static str, String, String) {
    match became {
        Became::Live { version, instead, by, again } => {
            let again = again.then(|| "again, as before the host started".to_owned());
            let instead = instead.as_ref().map(|before| format!("instead of {}", short(before)));
            let by = by.as_ref().map(|by| format!("by its {}", plain(by)));
            let how: Vec<_> = [again, instead, by].into_iter().flatten().collect();
            ("live", short(version), how.join(", "))
        }
        Became::Refused { sha256, reason, still_live } => {
            let goes_on = still_live.as_ref().map(|live| format!("; {} goes on", short(live))).unwrap_or_default();
            ("refused", sha256.as_deref().map(digits).unwrap_or_default(), plain(reason) + &goes_on)
        }
        Became::Gone { version } => ("gone", short(version), String::new()),
    }
}

fn short(version: &FileVersion) -> String {
    format!("{} ({})", plain(&version.text), digits(&version.sha256))
}

/// The first digits, for people.
fn digits(sha256: &str) -> String {
    plain(sha256.get(..8).unwrap_or(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Timestamp;

    #[test]
    fn each_turn_is_a_line_that_says_how() {
        let version = |text: &str| FileVersion { text: text.into(), sha256: format!("{text:0<64}") };
        let live = |instead: Option<&str>, by: Option<&str>, again| Became::Live {
            version: version("1.1"),
            instead: instead.map(version),
            by: by.map(str::to_owned),
            again,
        };
        let refused =
            Became::Refused { sha256: None, reason: "it\x1b is too large".into(), still_live: Some(version("1.1")) };
        let turns = [live(None, None, true), live(Some("1.0"), Some("digest"), false), refused]
            .into_iter()
            .chain([Became::Gone { version: version("1.1") }])
            .map(|became| Turn {
                time: Timestamp::from_millis(1_700_000_000_123),
                plugin: Some("a".into()),
                file: "a.wasm".into(),
                became,
            });
        let expected = "\
TIME                  PLUGIN  BECAME   VERSION         FILE    HOW
2023-11-14T22:13:20Z  a       live     1.1 (1.100000)  a.wasm  again, as before the host started
2023-11-14T22:13:20Z  a       live     1.1 (1.100000)  a.wasm  instead of 1.0 (1.000000), by its digest
2023-11-14T22:13:20Z  a       refused                  a.wasm  it\\u{1b} is too large; 1.1 (1.100000) goes on
2023-11-14T22:13:20Z  a       gone     1.1 (1.100000)  a.wasm
";
        assert_eq!(human(&turns.collect::<Vec<_>>()), expected);
    }
}
