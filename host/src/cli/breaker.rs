//! `leveret breaker`: which subscriptions are cut off from their queues, and the operator's hand on that.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Output;
use super::api::{Api, path};
use super::error::CliError;
use super::listener;
use super::text::{plain, table};
use crate::config::Settings;

/// A breaker that is open leaves a subscription's messages in their queue; none is lost, and none is counted as failed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret breaker list
  leveret breaker trip pheidi.org.payment.processed
  leveret breaker reset pheidi")]
pub(super) struct Breaker {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show what each subscription's listener does, and why.
    List {
        /// Only of this queue or plugin.
        #[arg(value_name = "QUEUE|PLUGIN")]
        of: Option<String>,
    },
    /// Open: cut subscriptions off from their queues, until the cool-down is over.
    Trip {
        /// The subscription of this queue, or all of this plugin.
        #[arg(value_name = "QUEUE|PLUGIN")]
        of: String,
    },
    /// Close: let messages through again, at once.
    Reset {
        /// The subscription of this queue, or all of this plugin.
        #[arg(value_name = "QUEUE|PLUGIN")]
        of: String,
    },
}

impl Breaker {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        let subscriptions: Vec<Value> = api.fetch("/subscriptions")?;
        match self.what {
            What::List { of } => {
                let chosen = match of {
                    Some(of) => choose(subscriptions, &of)?,
                    None => subscriptions,
                };
                output.answer(&chosen, || human(&chosen))
            }
            What::Trip { of } => switch(&api, output, choose(subscriptions, &of)?, "trip", "tripped"),
            What::Reset { of } => switch(&api, output, choose(subscriptions, &of)?, "reset", "reset"),
        }
    }
}

/// The subscription of a queue, or those of a plugin.
fn choose(subscriptions: Vec<Value>, of: &str) -> Result<Vec<Value>, CliError> {
    let known: Vec<_> =
        subscriptions.iter().filter_map(|subscription| subscription["queue"].as_str()).map(plain).collect();
    let by = if known.iter().any(|queue| queue == of) { "queue" } else { "plugin" };
    let chosen: Vec<_> = subscriptions.into_iter().filter(|subscription| subscription[by] == of).collect();
    if chosen.is_empty() {
        let known = if known.is_empty() { "there are none".into() } else { format!("there are {}", known.join(", ")) };
        return Err(CliError::Failed(format!("no subscription has the queue or plugin {:?}; {known}", plain(of))));
    }
    Ok(chosen)
}

fn switch(api: &Api, output: Output, chosen: Vec<Value>, order: &str, done: &str) -> Result<(), CliError> {
    let mut switched = Vec::new();
    for subscription in &chosen {
        let queue = subscription["queue"].as_str().unwrap_or_default();
        let _: Value = api.order(&path(&["subscriptions", queue, order]), &json!({}))?;
        switched.push(queue.to_owned());
    }
    output.answer(&json!({ done: switched }), || {
        switched.iter().map(|queue| format!("{done} the breaker of {}\n", plain(queue))).collect()
    })
}

fn human(subscriptions: &[Value]) -> String {
    if subscriptions.is_empty() {
        return "no plugin that is live subscribes to anything".into();
    }
    let row = |subscription: &Value| {
        let waiting = subscription["waiting"].as_u64().map_or("?".into(), |waiting| waiting.to_string());
        let text = |name: &str| plain(subscription[name].as_str().unwrap_or("?"));
        vec![text("queue"), text("plugin"), waiting, listener::tell(subscription)]
    };
    table(&["queue", "plugin", "waiting", "listener"], &subscriptions.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_or_a_plugin_chooses_subscriptions() {
        let of = |plugin: &str, queue: &str| json!({ "plugin": plugin, "queue": queue });
        let all = vec![of("two", "two.a.b"), of("two", "two.c.d"), of("two/more", "two.more.a.b")];
        let queues = |name: &str| {
            let chosen = choose(all.clone(), name)?;
            Ok::<_, CliError>(
                chosen.iter().map(|one| one["queue"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(queues("two.c.d").expect("a queue"), ["two.c.d"]);
        assert_eq!(queues("two").expect("a plugin"), ["two.a.b", "two.c.d"]);
        assert_eq!(queues("two/more").expect("a plugin"), ["two.more.a.b"]);
        let error = queues("three").expect_err("nobody's").to_string();
        assert!(error.contains("two.more.a.b"), "{error}");
    }
}
