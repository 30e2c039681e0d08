//! An inbox that all hosts share: in Redis.
//!
//! `leveret:handled:<plugin>:<id>` lasts for the window's time; its count is not kept here, since each key ends by
//! itself. `leveret:held:<queue>:<id>` has, as JSON, how a message has failed. What Redis loses, or drops for want of
//! memory, lets a duplicate pass and no more.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, Pipeline, RedisError};
use tokio::sync::Mutex;

use super::{HELD_LIMIT, Held, Inbox, LedgerError, Window};
use crate::message::MessageId;
use crate::name::{PluginId, QueueName};

/// The longest that a caller waits, connecting included.
const DEADLINE: Duration = Duration::from_secs(1);
/// The longest time of a window: Redis takes no time that would overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Why a text is not where a Redis is. What it says is not repeated, since it may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("this is not the URL of a Redis; write redis://user:password@host:6379/0")]
    Illegal,
    #[error("Redis is reached without TLS only: write redis://, and have a tunnel where the network is not yours")]
    Tls,
}

/// The inbox of one database of a Redis. It connects with the first question, and again after each failure.
pub struct RedisInbox {
    client: Client,
    /// As `host:port`.
    address: String,
    connection: Mutex<Slot>,
}

/// The connection that everybody shares. The crate's own connection manager is not of use: it keeps one that has ceased
/// to answer, and a refusal of the password, for ever.
#[derive(Default)]
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// How many connections there were before.
    generation: u64,
}

impl RedisInbox {
    /// Takes a `redis://` or `unix://` URL. Redis may be away at the moment.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if scheme.is_some_and(|scheme| matches!(scheme.as_str(), "rediss" | "valkeys")) {
            return Err(UrlError::Tls);
        }
        let client = Client::open(url).map_err(|_| UrlError::Illegal)?;
        let address = client.get_connection_info().addr().to_string();
        Ok(Self { client, address, connection: Mutex::default() })
    }

    /// Does the commands as one, and reads the answer.
    async fn ask<T: FromRedisValue>(&self, commands: Pipeline) -> Result<T, LedgerError> {
        let failed = |reason: &dyn fmt::Display| LedgerError(format!("Redis at {}: {reason}", self.address));
        let mut used = None;
        let answer = async {
            let (mut connection, generation) = self.connection().await?;
            used = Some(generation);
            commands.query_async::<T>(&mut connection).await
        };
        let (error, silent) = match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => (failed(&error), !matches!(error.kind(), ErrorKind::Server(_))),
            Err(_) => (failed(&format!("no answer within {DEADLINE:?}")), true),
        };
        if let Some(generation) = used.filter(|_| silent) {
            self.give_up(generation).await;
        }
        Err(error)
    }

    /// The connection of now, made if there is none, and its generation.
    async fn connection(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        let mut slot = self.connection.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.generation));
        }
        // The caller has a deadline for all of it.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        slot.connection = Some(connection.clone());
        Ok((connection, slot.generation))
    }

    /// Has the next caller connect anew, unless one has already.
    async fn give_up(&self, generation: u64) {
        let mut slot = self.connection.lock().await;
        if slot.generation == generation {
            *slot = Slot { connection: None, generation: generation + 1 };
        }
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

impl fmt::Debug for RedisInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisInbox({})", self.address)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_is_refused_is_not_repeated() {
        for (url, expected) in [
            ("rediss://ada:secret@redis.example", UrlError::Tls),
            ("amqp://ada:secret@redis.example", UrlError::Illegal),
            ("redis://ada:secret@", UrlError::Illegal),
            ("redis://ada:secret@redis.example/secret", UrlError::Illegal),
            ("ada:secret@redis.example", UrlError::Illegal),
        ] {
            let error = RedisInbox::open(url).expect_err(url);
            assert_eq!(error, expected);
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let inbox = RedisInbox::open("redis://ada:secret@redis.example:7777/3").expect("legal");
        assert_eq!(format!("{inbox:?}"), "RedisInbox(redis.example:7777)");
    }
}
