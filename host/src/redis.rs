//! A Redis that hosts share: one connection that everybody uses, a limit on each answer, and no word of the password.

use std::fmt;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, Pipeline, RedisError};
use tokio::sync::Mutex;

/// The longest that a caller waits, connecting included.
const DEADLINE: Duration = Duration::from_secs(1);

/// Why a text is not where a Redis is. What it says is not repeated, since it may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("this is not the URL of a Redis; write redis://user:password@host:6379/0")]
    Illegal,
    #[error("Redis is reached without TLS only: write redis://, and have a tunnel where the network is not yours")]
    Tls,
}

/// Why a Redis does not answer. What was asked may have been done all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Redis at {address}: {reason}")]
pub struct ServerError {
    /// As `host:port`.
    pub address: String,
    pub reason: String,
}

/// One database of a Redis. It is connected to with the first question, and again after each failure.
pub struct Server {
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

impl Server {
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
    pub async fn ask<T: FromRedisValue>(&self, commands: Pipeline) -> Result<T, ServerError> {
        let failed =
            |reason: &dyn fmt::Display| ServerError { address: self.address.clone(), reason: reason.to_string() };
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

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
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
            let error = Server::open(url).expect_err(url);
            assert_eq!(error, expected);
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let server = Server::open("redis://ada:secret@redis.example:7777/3").expect("legal");
        assert_eq!(format!("{server:?}"), "Server(redis.example:7777)");
    }
}
