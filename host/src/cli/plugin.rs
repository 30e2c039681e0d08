//! `leveret plugin`: which plugins there are, and the operator's hand on their listeners.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::api::{Api, path};
use super::error::CliError;
use super::text::{plain, table};
use super::{Output, listener, status};
use crate::config::Settings;
use crate::name::PluginId;
use crate::plugin::OUTSIDE_POOL;

/// A plugin that is paused gets no messages. They wait in its queues, and what is in work is finished.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  leveret plugin pause pheidi/receipts
  leveret plugin resume pheidi/receipts

A pause ends with the host's process: one that starts again listens.")]
pub(super) struct Plugin {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show every plugin with its version, and what its listeners do.
    List,
    /// Stop a plugin's listeners.
    Pause {
        /// `app`, or `app/plugin`.
        plugin: PluginId,
    },
    /// Let a plugin's listeners listen again.
    Resume {
        /// `app`, or `app/plugin`.
        plugin: PluginId,
    },
}

impl Plugin {
    pub(super) fn run(self, settings: &Settings, output: Output) -> Result<(), CliError> {
        let api = Api::new(settings);
        match self.what {
            What::List => {
                let status: Value = api.fetch("/status")?;
                let plugins = list(&status);
                output.answer(&plugins, || human(&plugins))
            }
            What::Pause { plugin } => switch(&api, output, &plugin, "pause", "paused"),
            What::Resume { plugin } => switch(&api, output, &plugin, "resume", "resumed"),
        }
    }
}

fn switch(api: &Api, output: Output, plugin: &PluginId, order: &str, done: &str) -> Result<(), CliError> {
    let name = plugin.to_string();
    let segments: Vec<_> = ["plugins"].into_iter().chain(name.split('/')).chain([order]).collect();
    let _: Value = api.order(&path(&segments), &json!({}))?;
    output.answer(&json!({ done: name }), || format!("{done} {name}"))
}

/// Each plugin of a status, with its subscriptions.
fn list(status: &Value) -> Vec<Value> {
    let subscriptions = status["subscriptions"].as_array().map_or(&[][..], Vec::as_slice);
    let with_subscriptions = |plugin: &Value| {
        let name = &plugin["plugin"];
        let own = |one: &&Value| !name.is_null() && plugin["state"] == "live" && one["plugin"] == *name;
        let mut plugin = plugin.clone();
        plugin["subscriptions"] = subscriptions.iter().filter(own).cloned().collect();
        plugin
    };
    status["plugins"].as_array().map_or(&[][..], Vec::as_slice).iter().map(with_subscriptions).collect()
}

fn human(plugins: &[Value]) -> String {
    if plugins.is_empty() {
        return "there is no plugin; `leveret config print` shows the directory that they are dropped into".into();
    }
    let mut rows = Vec::new();
    for plugin in plugins {
        let name = plugin["plugin"].as_str().or(plugin["file"].as_str()).unwrap_or("?");
        let version = plugin["version"]["text"].as_str().unwrap_or_default();
        let head = [plain(name), plugin["state"].as_str().unwrap_or("?").to_owned(), plain(version)];
        let subscriptions = plugin["subscriptions"].as_array().map_or(&[][..], Vec::as_slice);
        if subscriptions.is_empty() {
            let reason = plain(plugin["reason"].as_str().unwrap_or_default()) + status::since(plugin).trim_start();
            rows.push(head.iter().cloned().chain([String::new(), reason]).collect());
        }
        for (index, subscription) in subscriptions.iter().enumerate() {
            let head = if index == 0 { head.clone() } else { Default::default() };
            let name = ["event", "task"].into_iter().find_map(|kind| subscription[kind].as_str());
            rows.push(head.into_iter().chain([plain(name.unwrap_or("?")), listener::tell(subscription)]).collect());
        }
        let grants = plugin["uses"]["grants"].as_array().into_iter().flatten();
        let grants: Vec<String> = grants.filter_map(|grant| grant.as_str()).map(plain).collect();
        if !grants.is_empty() {
            let note = format!("granted: {}", grants.join(", "));
            rows.push(vec![String::new(), String::new(), String::new(), String::new(), note]);
        }
        if let Some(reason) = plugin["outside_pool"].as_str() {
            let note = format!("it {OUTSIDE_POOL}: {}", plain(reason));
            rows.push(vec![String::new(), String::new(), String::new(), String::new(), note]);
        }
    }
    table(&["plugin", "state", "version", "handles", "listener"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_listed_with_what_its_listeners_do() {
        let status = json!({
            "plugins": [
                { "plugin": "two", "file": "two.wasm", "state": "live", "version": { "text": "1.2" },
                    "uses": { "imports": ["wasi:http/types@0.2.12"], "grants": ["clock", "http api.example"] } },
                { "plugin": "two/heavy", "file": "two/heavy.wasm", "state": "loading", "loading_since": 1_700_000_000_123_u64 },
                { "plugin": null, "file": "Bad.wasm", "state": "refused", "reason": "no name" },
            ],
            "subscriptions": [
                { "plugin": "two", "event": "a.b", "listening": true, "state": { "listener": "consuming" } },
                { "plugin": "two", "event": "c.d", "listening": false, "state": { "listener": "paused" } },
                { "plugin": "two", "task": "two.e.f", "listening": true, "state": { "listener": "consuming" } },
            ],
        });
        let expected = "\
PLUGIN     STATE    VERSION  HANDLES  LISTENER
two        live     1.2      a.b      consuming
                             c.d      paused by an operator
                             two.e.f  consuming
                                      granted: clock, http api.example
two/heavy  loading                    since 2023-11-14T22:13:20Z
Bad.wasm   refused                    no name
";
        assert_eq!(human(&list(&status)), expected);
    }
}
