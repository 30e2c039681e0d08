//! An inbox that all hosts share: in Redis.
//!
//! `leveret:handled:<plugin>:<id>` lasts for the window's time; its count is not kept here, since each key ends by
//! itself. `leveret:held:<queue>:<id>` has, as JSON, how a message has failed. What Redis loses, or drops for want of
//! memory, lets a duplicate pass and no more.

use std::time::Duration;

use async_trait::async_trait;
use redis::{FromRedisValue, Pipeline};

use super::{HELD_LIMIT, Held, Inbox, LedgerError, Window};
use crate::message::MessageId;
use crate::name::{PluginId, QueueName};
use crate::redis::{Server, UrlError};

/// The longest time of a window: Redis takes no time that would overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The inbox of one database of a Redis. It connects with the first question, and again after each failure.
#[derive(Debug)]
pub struct RedisInbox(Server);

impl RedisInbox {
    /// Takes a `redis://` or `unix://` URL. Redis may be away at the moment.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        Server::open(url).map(Self)
    }

    /// Does the commands as one, and reads the answer.
    async fn ask<T: FromRedisValue>(&self, commands: Pipeline) -> Result<T, LedgerError> {
        self.0.ask(commands).await.map_err(|error| LedgerError(error.to_string()))
    }
}

#[async_trait]
impl Inbox for RedisInbox {
    async fn has_handled(&self, plugin: &PluginId, id: &MessageId, _: Window) -> Result<bool, LedgerError> {
        let mut commands = redis::pipe();
        commands.exists(handled_key(plugin, id));
        self.ask(commands).await.map(|(found,)| found)
    }

    async fn handled(
        &self,
        plugin: &PluginId,
        queue: &QueueName,
        id: &MessageId,
        window: Window,
    ) -> Result<(), LedgerError> {
        let mut commands = redis::pipe();
        let time = window.time.clamp(Duration::from_millis(1), LONGEST);
        commands.atomic().pset_ex(handled_key(plugin, id), 1, millis(time)).ignore();
        commands.del(held_key(queue, id)).ignore();
        self.ask(commands).await
    }

    async fn held(&self, queue: &QueueName, id: &MessageId) -> Result<Option<Held>, LedgerError> {
        let mut commands = redis::pipe();
        commands.get(held_key(queue, id));
        let (held,): (Option<Vec<u8>>,) = self.ask(commands).await?;
        held.map(|held| serde_json::from_slice(&held).map_err(unreadable)).transpose()
    }

    async fn hold(&self, queue: &QueueName, id: &MessageId, held: Option<Held>) -> Result<(), LedgerError> {
        let mut commands = redis::pipe();
        match held {
            Some(held) => {
                let held = serde_json::to_string(&held).map_err(unreadable)?;
                commands.pset_ex(held_key(queue, id), held, millis(HELD_LIMIT)).ignore();
            }
            None => {
                commands.del(held_key(queue, id)).ignore();
            }
        }
        self.ask(commands).await
    }
}

fn handled_key(plugin: &PluginId, id: &MessageId) -> String {
    format!("leveret:handled:{plugin}:{id}")
}

fn held_key(queue: &QueueName, id: &MessageId) -> String {
    format!("leveret:held:{queue}:{id}")
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}

fn unreadable(error: serde_json::Error) -> LedgerError {
    LedgerError(format!("a record is not what it should be: {error}"))
}
