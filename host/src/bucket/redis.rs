//! Buckets that all hosts share: in Redis, from 3.2 on.
//!
//! `leveret:bucket:<app>:<bucket>:values` is a hash of the values, `…:order` has the keys in the order in which they came,
//! and `…:held` the bytes of them all and the last number of that order. Each change is one script, so that the limits
//! hold exactly, whichever hosts write. What is written is as durable as that Redis is set to be: it should write an
//! append-only file (`appendonly yes`, with `appendfsync always` for what must outlive a loss of power), and drop nothing for
//! want of memory.

use async_trait::async_trait;
use redis::FromRedisValue;

use super::{BucketError, BucketId, Buckets, Limits, Page};
use crate::redis::{Server, UrlError};

/// Arguments: key, value, size limit, count limit.
const SET: &str = "
    local is_new = redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0
    local growth = #ARGV[2] - redis.call('HSTRLEN', KEYS[1], ARGV[1])
    if is_new then growth = growth + #ARGV[1] end
    local size = tonumber(redis.call('HGET', KEYS[3], 'size') or '0')
    if is_new and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'count' end
    if growth > 0 and size + growth > tonumber(ARGV[3]) then return 'size' end
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
    redis.call('HINCRBY', KEYS[3], 'size', growth)
    if is_new then redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[3], 'last', 1), ARGV[1]) end
    return 'done'
";
/// Arguments: key.
const DELETE: &str = "
    if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
        redis.call('HINCRBY', KEYS[3], 'size', -(#ARGV[1] + redis.call('HSTRLEN', KEYS[1], ARGV[1])))
        redis.call('HDEL', KEYS[1], ARGV[1])
        redis.call('ZREM', KEYS[2], ARGV[1])
    end
    return 'done'
";
/// Arguments: key, addend, size limit, count limit. The answer is the sum as text, since a number of a script's is exact up
/// to 2^53 only.
const INCREMENT: &str = "
    local old = redis.call('HGET', KEYS[1], ARGV[1])
    if old and old ~= '0' and not string.match(old, '^[1-9]%d*$') then return 'number' end
    if not old and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'count' end
    if type(redis.pcall('HINCRBY', KEYS[1], ARGV[1], ARGV[2])) == 'table' then return 'large' end
    local new = redis.call('HGET', KEYS[1], ARGV[1])
    local growth = old and #new - #old or #new + #ARGV[1]
    local size = tonumber(redis.call('HGET', KEYS[3], 'size') or '0')
    if growth > 0 and size + growth > tonumber(ARGV[3]) then
        if old then redis.call('HSET', KEYS[1], ARGV[1], old) else redis.call('HDEL', KEYS[1], ARGV[1]) end
        return 'size'
    end
    redis.call('HINCRBY', KEYS[3], 'size', growth)
    if not old then redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[3], 'last', 1), ARGV[1]) end
    return new
";

/// The buckets of one database of a Redis.
#[derive(Debug)]
pub struct RedisBuckets(Server);

impl RedisBuckets {
    /// Takes a `redis://` or `unix://` URL. Redis may be away at the moment.
    pub fn open(url: &str) -> Result<Self, UrlError> {
        Server::open(url).map(Self)
    }

    async fn ask<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, BucketError> {
        let mut commands = redis::pipe();
        commands.add_command(command.clone());
        let answer = self.0.ask::<(T,)>(commands).await;
        answer.map(|(answer,)| answer).map_err(|error| BucketError::Away(error.to_string()))
    }

    /// Runs a script; what it says is `done`, a number, or the word for why not.
    async fn run(
        &self,
        script: &str,
        bucket: &BucketId,
        arguments: &[&[u8]],
        limits: Limits,
    ) -> Result<u64, BucketError> {
        let mut command = redis::cmd("EVAL");
        command.arg(script).arg(3);
        for part in ["values", "order", "held"] {
            command.arg(place(bucket, part));
        }
        for argument in arguments {
            command.arg(argument);
        }
        let said: String = self.ask(command.arg(limits.size).arg(limits.count)).await?;
        match said.as_str() {
            "done" => Ok(0),
            "size" => Err(BucketError::Full { limit: limits.size }),
            "count" => Err(BucketError::Count { limit: limits.count }),
            "number" => Err(BucketError::NotANumber),
            "large" => Err(BucketError::TooLarge),
            number => number.parse().map_err(|_| BucketError::Away(format!("Redis says {number:?}"))),
        }
    }
}

#[async_trait]
impl Buckets for RedisBuckets {
    async fn get(&self, bucket: &BucketId, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.ask(redis::cmd("HGET").arg(place(bucket, "values")).arg(key)).await
    }

    async fn set(&self, bucket: &BucketId, key: &str, value: Vec<u8>, limits: Limits) -> Result<(), BucketError> {
        self.run(SET, bucket, &[key.as_bytes(), &value], limits).await.map(drop)
    }

    async fn delete(&self, bucket: &BucketId, key: &str) -> Result<(), BucketError> {
        // It grows nothing, so there is no limit to look at.
        let limits = Limits { size: 0, value: 0, count: 0 };
        self.run(DELETE, bucket, &[key.as_bytes()], limits).await.map(drop)
    }

    async fn exists(&self, bucket: &BucketId, key: &str) -> Result<bool, BucketError> {
        self.ask(redis::cmd("HEXISTS").arg(place(bucket, "values")).arg(key)).await
    }

    async fn keys(&self, bucket: &BucketId, after: u64, count: usize) -> Result<Page, BucketError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command.arg(place(bucket, "order")).arg(format!("({after}")).arg("+inf").arg("WITHSCORES");
        // One more than asked for tells whether there are more.
        let mut found: Vec<(String, f64)> = self.ask(command.arg("LIMIT").arg(0).arg(count + 1)).await?;
        let more = found.len() > count;
        found.truncate(count);
        // Whole numbers from 1, each exact.
        let next = found.last().filter(|_| more).map(|(_, number)| *number as u64);
        Ok(Page { keys: found.into_iter().map(|(key, _)| key).collect(), next })
    }

    async fn increment(&self, bucket: &BucketId, key: &str, by: u64, limits: Limits) -> Result<u64, BucketError> {
        if i64::try_from(by).is_err() {
            return Err(BucketError::TooLarge);
        }
        self.run(INCREMENT, bucket, &[key.as_bytes(), by.to_string().as_bytes()], limits).await
    }
}

fn place(bucket: &BucketId, part: &str) -> String {
    format!("leveret:bucket:{bucket}:{part}")
}
