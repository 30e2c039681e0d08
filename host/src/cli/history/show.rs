//! `leveret history show`.

use std::collections::BTreeSet;

use clap::Args;

use super::walk;
use crate::cli::Output;
use crate::cli::api::Api;
use crate::cli::argument::beginning;
use crate::cli::error::CliError;
use crate::cli::text::{headers, moment, plain, pretty};
use crate::history::{Entry, Filter};

/// How many events are looked at where a beginning fits several.
const SHOWN: u64 = 16;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  leveret history show 0198c0de")]
pub(super) struct Show {
    /// The event's id, or as much of its beginning as no other has.
    #[arg(value_name = "ID", value_parser = beginning)]
    id: String,
}

impl Show {
    pub(super) fn run(self, api: &Api, output: Output) -> Result<(), CliError> {
        let Self { id } = self;
        let filter = Filter { id: Some(id.clone()), ..Filter::default() };
        let mut events = Vec::new();
        walk::walk(api, &filter, &[("whole", "true".into()), ("first", SHOWN.to_string())], |event, _| {
            events.push(event);
            Ok(true)
        })?;
        if events.iter().any(|event: &Entry| event.id.as_str() == id) {
            events.retain(|event| event.id.as_str() == id);
        }
        let ids: BTreeSet<_> = events.iter().map(|event| plain(event.id.as_str())).collect();
        match ids.len() {
            0 => Err(CliError::Failed(format!(
                "no event that is kept has an id that begins with {:?}; `leveret history` lists them",
                plain(&id)
            ))),
            // Imported twice, or published twice, it is there twice.
            1 => output.answer(&events, || events.iter().map(human).collect::<Vec<_>>().join("\n")),
            _ => {
                let ids: Vec<_> = ids.into_iter().take(5).collect();
                Err(CliError::Failed(format!("the id fits several events: {}; write more of it", ids.join(", "))))
            }
        }
    }
}

fn human(event: &Entry) -> String {
    let source = event.source.as_ref().map_or_else(String::new, |source| format!(" by {}", plain(source)));
    let mut text = format!("id         {}\n", plain(event.id.as_str()));
    text += &format!("tid        {}\n", plain(event.tid.as_str()));
    text += &format!("event      {}\n", event.name);
    text += &format!("published  {}{source}\n", moment(event.time));
    if let Some(offset) = event.offset {
        text += &format!("place      {offset}\n");
    }
    if let Some(key) = &event.key {
        text += &format!("key        {}\n", plain(key));
    }
    if let Some(exchange) = &event.exchange {
        let key = event.routing_key.as_deref().unwrap_or_default();
        text += &format!("exchange   {}, routing key {:?}\n", plain(exchange), plain(key));
    }
    // A map of texts to plain values.
    text += &headers(&serde_json::to_value(&event.headers).unwrap_or_default());
    let payload = match (&event.payload, &event.text) {
        (Some(json), _) => pretty(json.get()),
        (None, Some(text)) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => pretty(text),
        (None, Some(text)) => plain(text) + "\n",
        (None, None) => "(no text; `leveret history --export` writes its bytes)\n".into(),
    };
    text + &format!("payload, {} bytes\n{payload}", event.bytes.unwrap_or_default())
}
