//! `leveret status`: how the running host is doing.

use serde_json::Value;

use super::api::Api;
use super::error::CliError;
use super::text::{moment, plain, short};
use super::{Output, listener};
use crate::catalog::Exposure;
use crate::config::Settings;
use crate::message::Timestamp;

pub(super) fn run(settings: &Settings, output: Output) -> Result<(), CliError> {
    let status = Api::new(settings).fetch("/status")?;
    output.answer(&status, || human(&status))
}

fn human(status: &Value) -> String {
    let mut text = format!("broker   {}\n", word(&status["broker"]));
    let counts = &status["deliveries"];
    let count = |name: &str| format!("{name} {}", counts[name]);
    text += &format!("settled  {}\n", ["done", "retried", "dead", "duplicate", "returned"].map(count).join(", "));
    text += "\nplugins\n";
    for plugin in list(&status["plugins"]) {
        text += &match plugin["state"].as_str() {
            Some("live") => {
                let (name, version) = (word(&plugin["plugin"]), version(&plugin["version"]));
                format!(
                    "  {name:24} live     {version}{}{}{}\n",
                    trusted(plugin),
                    outside_pool(plugin),
                    replacing(plugin)
                )
            }
            Some("refused") => format!("  {:24} refused  {}\n{}", name(plugin), word(&plugin["reason"]), still(plugin)),
            Some("draining") => format!("  {:24} draining {}\n", name(plugin), version(&plugin["version"])),
            _ => format!("  {:24} loading{}\n", name(plugin), since(plugin)),
        };
    }
    for exposure in list(&status["exposed"]) {
        text += &exposed(exposure);
    }
    text += "\nsubscriptions\n";
    for subscription in list(&status["subscriptions"]) {
        let waiting = subscription["waiting"].as_u64().map_or("?".to_owned(), |waiting| waiting.to_string());
        let (subject, queue) = (subject(subscription), word(&subscription["queue"]));
        let number = |name: &str| subscription[name].as_u64().unwrap_or_default();
        let mut doing = listener::tell(subscription);
        if number("rate_limited") > 0 {
            doing += &format!(", {} held by a rate limit", number("rate_limited"));
        }
        let in_flight = number("in_flight");
        text += &format!("  {subject:32} {waiting:>8} waiting, {in_flight} in work in {queue}: {doing}\n");
    }
    text += "\ntasks\n";
    for task in list(&status["tasks"]) {
        let waiting = task["waiting"].as_u64().unwrap_or_default();
        text += &format!("  {:32} {waiting:>8} waiting to be performed\n", word(&task["task"]));
    }
    for queue in list(&status["orphaned"]) {
        text += &format!("\norphaned: {} goes on to fill, and no plugin listens to it\n", word(queue));
    }
    text
}

/// The event or task that a subscription is about.
fn subject(subscription: &Value) -> &str {
    subscription["event"].as_str().unwrap_or_else(|| word(&subscription["task"]))
}

fn name(plugin: &Value) -> &str {
    plugin["plugin"].as_str().unwrap_or_else(|| word(&plugin["file"]))
}

fn still(plugin: &Value) -> String {
    match &plugin["still_live"] {
        Value::Null => String::new(),
        earlier => format!("  {:24}          {} goes on\n", "", version(earlier)),
    }
}

fn exposed(exposure: &Value) -> String {
    match serde_json::from_value::<Exposure>(exposure.clone()) {
        Ok(exposure) => format!("  warning: {exposure}\n"),
        Err(_) => String::new(),
    }
}

fn outside_pool(plugin: &Value) -> &'static str {
    if plugin["outside_pool"].is_string() { ", outside the pool" } else { "" }
}

/// Who vouches for a plugin's file, where somebody must; the beginning of a key is enough for people.
fn trusted(plugin: &Value) -> String {
    let by = plugin["trusted_by"].as_str().map(|by| short(&plain(by), 24));
    by.map_or_else(String::new, |by| format!(", trusted by its {by}"))
}

fn replacing(plugin: &Value) -> String {
    if plugin["loading_since"].is_null() { String::new() } else { format!(", the next is loading{}", since(plugin)) }
}

/// Since when a file is being loaded, if it is.
pub(super) fn since(plugin: &Value) -> String {
    let since = plugin["loading_since"].as_u64().map(Timestamp::from_millis);
    since.map_or_else(String::new, |since| format!(" since {}", moment(since)))
}

fn version(version: &Value) -> String {
    let digest = word(&version["sha256"]);
    format!("{} ({})", word(&version["text"]), digest.get(..8).unwrap_or(digest))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
