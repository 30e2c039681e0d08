//! `leveret topology`: what the host wants at the broker, how it stands there, and what to do about it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Output;
use super::api::Api;
use super::error::CliError;
use super::text::{plain, table};
use crate::config::Settings;

/// Queues and exchanges that the live plugins of the running host need, and the history. One that exists is used as it
/// is, whatever its settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret topology plan
  leveret topology apply
  leveret plugin pause pheidi
  leveret topology apply --recreate pheidi.org.payment.processed
  leveret plugin resume pheidi
  leveret topology apply --alternate-exchange")]
pub(super) struct Topology {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show what is missing and what differs, with the ways out, and what is offered besides. Changes nothing.
    #[command(
        after_help = "Exit codes: 0 nothing is to do, 1 it failed, 2 something is missing or differs, 3 out of reach."
    )]
    Plan,
    /// Declare what is missing. What differs stays as it is.
    Apply {
        /// Delete this queue and make it anew as it is wanted: only while it has no messages and no consumers, so pause
        /// its plugin first.
        #[arg(long, value_name = "QUEUE")]
        recreate: Option<String>,
        /// Make the exchange leveret.history too, which leads to the history. It does nothing until a policy of RabbitMQ's
        /// makes it the alternate exchange of others; `leveret topology plan` has the command.
        #[arg(long, conflicts_with = "recreate")]
        alternate_exchange: bool,
    },
}

impl Topology {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        match self.what {
            What::Plan => {
                let plan: Value = api.fetch("/topology")?;
                output.answer(&plan, || human(&plan))?;
                let count = |name: &str| plan[name].as_u64().unwrap_or_default();
                match (count("missing"), count("different")) {
                    (0, 0) => Ok(()),
                    (missing, different) => {
                        Err(CliError::ToDo(format!("{missing} missing, {different} otherwise than wanted")))
                    }
                }
            }
            What::Apply { recreate, alternate_exchange } => {
                let mut application = json!({ "alternate_exchange": alternate_exchange });
                if let Some(queue) = recreate {
                    application["recreate"] = queue.into();
                }
                let applied: Value = api.order("/topology/apply", &application)?;
                output.answer(&applied, || {
                    let made: Vec<_> = list(&applied["made"]).iter().filter_map(Value::as_str).map(plain).collect();
                    if made.is_empty() { "nothing was missing".into() } else { format!("made {}", made.join(", ")) }
                })
            }
        }
    }
}

fn human(plan: &Value) -> String {
    let findings = list(&plan["findings"]);
    let offered: String = list(&plan["offered"]).iter().map(offer).collect();
    if findings.is_empty() && offered.is_empty() {
        return "no plugin that is live needs anything at the broker".into();
    }
    let text = |value: &Value| plain(value.as_str().unwrap_or("?"));
    let number = |value: &Value| value.as_u64().map_or("-".into(), |number| number.to_string());
    let row = |finding: &Value| {
        let standing = match finding["standing"].as_str() {
            Some("as-wanted") => "as wanted".into(),
            _ => text(&finding["standing"]),
        };
        vec![
            text(&finding["kind"]),
            text(&finding["name"]),
            standing,
            number(&finding["messages"]),
            number(&finding["consumers"]),
        ]
    };
    let rows: Vec<_> = findings.iter().map(row).collect();
    let mut told = table(&["kind", "name", "standing", "messages", "consumers"], &rows);
    for finding in findings.iter().filter(|finding| finding["standing"] == "differs") {
        told += &format!("\n{} {} differs\n", text(&finding["kind"]), text(&finding["name"]));
        for difference in list(&finding["differences"]) {
            let (wanted, found) = (text(&difference["wanted"]), text(&difference["found"]));
            told += &format!("  {}: wanted {wanted}, found {found}\n", text(&difference["setting"]));
        }
        if let Some(messages) = finding["messages"].as_u64().filter(|messages| *messages > 0) {
            told += &format!("  {messages} messages would be lost if it were deleted now\n");
        }
        told += "  ways out\n";
        for way in list(&finding["ways_out"]) {
            told += &format!("  - {}\n", text(way));
        }
    }
    if plan["missing"].as_u64().is_some_and(|missing| missing > 0) {
        told += "\n`leveret topology apply` declares what is missing\n";
    }
    told + &offered
}

/// What a person may have besides, and how.
fn offer(offer: &Value) -> String {
    let text = |value: &Value| plain(value.as_str().unwrap_or("?"));
    let mut told = format!("\noffered: {}\n  {}\n", text(&offer["name"]), text(&offer["purpose"]));
    for finding in list(&offer["findings"]) {
        let (kind, name, standing) = (text(&finding["kind"]), text(&finding["name"]), text(&finding["standing"]));
        told += &format!("  {kind} {name}: {}\n", standing.replace('-', " "));
    }
    told += "  steps\n";
    for step in list(&offer["steps"]) {
        told += &format!("  $ {}\n", text(step));
    }
    for note in list(&offer["notes"]) {
        told += &format!("  - {}\n", text(note));
    }
    told
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_both_settings_and_the_ways_out() {
        let plan = json!({
            "missing": 1,
            "different": 1,
            "findings": [
                { "kind": "queue", "name": "two.a.b", "standing": "differs", "messages": 7, "consumers": 1,
                  "differences": [{ "setting": "x-queue-type", "wanted": "quorum", "found": "classic" }],
                  "ways_out": ["leave it"] },
                { "kind": "exchange", "name": "a.b", "standing": "as-wanted", "messages": null, "consumers": null },
                { "kind": "queue", "name": "leveret.dead.two", "standing": "missing" },
            ],
            "offered": [
                { "name": "alternate-exchange", "purpose": "what is routed nowhere is kept",
                  "findings": [{ "kind": "exchange", "name": "leveret.history", "standing": "missing" }],
                  "steps": ["leveret topology apply --alternate-exchange"], "notes": ["know this"] },
            ],
        });
        let expected = "\
KIND      NAME              STANDING   MESSAGES  CONSUMERS
queue     two.a.b           differs    7         1
exchange  a.b               as wanted  -         -
queue     leveret.dead.two  missing    -         -

queue two.a.b differs
  x-queue-type: wanted quorum, found classic
  7 messages would be lost if it were deleted now
  ways out
  - leave it

`leveret topology apply` declares what is missing

offered: alternate-exchange
  what is routed nowhere is kept
  exchange leveret.history: missing
  steps
  $ leveret topology apply --alternate-exchange
  - know this
";
        assert_eq!(human(&plan), expected);
    }
}
