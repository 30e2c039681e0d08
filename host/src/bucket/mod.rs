//! Values that plugins keep from one task to the next, in buckets of their application.
//!
//! A bucket is known by its application and its name there, so that no application sees another's, and plugins of one
//! application share theirs.

pub mod file;
pub mod redis;

use std::fmt::{self, Debug};
use std::sync::Arc;

use async_trait::async_trait;

pub use self::file::{FileBuckets, OpenError};
pub use self::redis::RedisBuckets;

use crate::name::{AppName, BucketName};

/// The longest key, in bytes.
const KEY: usize = 255;
/// The most keys that are listed at one time.
const PAGE: usize = 1000;

/// A bucket: whose it is, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketId {
    pub app: AppName,
    pub name: BucketName,
}

impl fmt::Display for BucketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.app, self.name)
    }
}

/// How much a bucket may hold. What it holds already stays, where a limit is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all keys and values together.
    pub size: u64,
    /// Bytes of one value.
    pub value: u64,
    /// Keys.
    pub count: u64,
}

/// Why a bucket does not do as it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    #[error("a key has 1 to {KEY} bytes and no control characters")]
    Key,
    #[error("the value has {size} bytes; `value-limit` of the grant allows {limit}")]
    Value { size: u64, limit: u64 },
    #[error("the bucket is full: `size` of the grant allows {limit} bytes")]
    Full { limit: u64 },
    #[error("the bucket has too many keys: `count` of the grant allows {limit}")]
    Count { limit: u64 },
    #[error("the value is not a number that can be counted up: write it as decimal digits")]
    NotANumber,
    #[error("the number would be larger than {}", i64::MAX)]
    TooLarge,
    /// What was asked may have been done all the same.
    #[error("the buckets do not answer: {0}")]
    Away(String),
}

/// Some keys of a bucket, and where to go on if there are more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub keys: Vec<String>,
    pub next: Option<u64>,
}

/// Where buckets are. What a call has written outlives the process once it returns.
#[async_trait]
pub trait Buckets: Debug + Send + Sync + 'static {
    async fn get(&self, bucket: &BucketId, key: &str) -> Result<Option<Vec<u8>>, BucketError>;

    async fn set(&self, bucket: &BucketId, key: &str, value: Vec<u8>, limits: Limits) -> Result<(), BucketError>;

    async fn delete(&self, bucket: &BucketId, key: &str) -> Result<(), BucketError>;

    async fn exists(&self, bucket: &BucketId, key: &str) -> Result<bool, BucketError>;

    /// At most so many keys, in the order in which they came into the bucket, from where a page before it ended.
    async fn keys(&self, bucket: &BucketId, after: u64, count: usize) -> Result<Page, BucketError>;

    /// Adds to a number, which is kept as decimal digits, in one step; what is not there counts as 0.
    async fn increment(&self, bucket: &BucketId, key: &str, by: u64, limits: Limits) -> Result<u64, BucketError>;
}

/// One bucket within its limits, which are looked at with each write.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub id: BucketId,
    pub limits: Limits,
    pub buckets: Arc<dyn Buckets>,
}

impl Bucket {
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        self.buckets.get(&self.id, legal(key)?).await
    }

    pub async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), BucketError> {
        let (size, limit) = (value.len() as u64, self.limits.value);
        if size > limit {
            return Err(BucketError::Value { size, limit });
        }
        self.buckets.set(&self.id, legal(key)?, value, self.limits).await
    }

    pub async fn delete(&self, key: &str) -> Result<(), BucketError> {
        self.buckets.delete(&self.id, legal(key)?).await
    }

    pub async fn exists(&self, key: &str) -> Result<bool, BucketError> {
        self.buckets.exists(&self.id, legal(key)?).await
    }

    /// At most 1,000 keys, from the beginning or from where a page before it ended.
    pub async fn keys(&self, after: Option<u64>) -> Result<Page, BucketError> {
        self.buckets.keys(&self.id, after.unwrap_or_default(), PAGE).await
    }

    pub async fn increment(&self, key: &str, by: u64) -> Result<u64, BucketError> {
        self.buckets.increment(&self.id, legal(key)?, by, self.limits).await
    }
}

fn legal(key: &str) -> Result<&str, BucketError> {
    let is_legal = (1..=KEY).contains(&key.len()) && !key.chars().any(char::is_control);
    if is_legal { Ok(key) } else { Err(BucketError::Key) }
}
