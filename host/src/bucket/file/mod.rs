//! Buckets in one file of this host. What is written is forced to the disk before the call returns
//! (`synchronous = FULL`). Hosts on one machine may share the file.

mod open;
mod store;

use std::path::Path;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

pub use self::open::OpenError;
use super::{BucketError, BucketId, Buckets, Limits, Page};

/// How many calls may wait for the file. Further callers wait for room.
const ROOM: usize = 1024;

type Order = Box<dyn FnOnce(&mut Connection) + Send>;

/// The buckets of one file. A thread of its own works on it, until this is dropped.
#[derive(Debug)]
pub struct FileBuckets {
    orders: mpsc::Sender<Order>,
}

impl FileBuckets {
    /// Opens the file, and makes it, with its directory, if it is missing. Blocks while it reads the file.
    ///
    /// # Errors
    /// The file cannot be made or opened, has a newer format, or holds something else.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        // Absolute, since SQLite gives a meaning of its own to some relative paths, such as ":memory:".
        let path = std::path::absolute(path).map_err(|source| OpenError::Create { path: path.into(), source })?;
        let mut connection = open::open(&path)?;
        let (orders, mut received) = mpsc::channel::<Order>(ROOM);
        let work = move || {
            while let Some(order) = received.blocking_recv() {
                order(&mut connection);
            }
            if let Err((_, error)) = connection.close() {
                tracing::warn!(%error, "the file of buckets did not close cleanly; it mends itself when opened");
            }
        };
        std::thread::Builder::new().name("buckets".into()).spawn(work).map_err(OpenError::Thread)?;
        Ok(Self { orders })
    }

    async fn ask<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Connection) -> rusqlite::Result<Result<T, BucketError>> + Send + 'static,
    ) -> Result<T, BucketError> {
        let away = |reason: &str| BucketError::Away(reason.to_owned());
        let (reply, answer) = oneshot::channel();
        let order: Order = Box::new(move |connection| {
            let done = act(connection).unwrap_or_else(|error| Err(away(&error.to_string())));
            // Whoever asked may have stopped waiting; what was asked is done all the same.
            let _ = reply.send(done);
        });
        self.orders.send(order).await.map_err(|_| away("the file is closed"))?;
        answer.await.unwrap_or_else(|_| Err(away("the file is closed")))
    }
}

#[async_trait]
impl Buckets for FileBuckets {
    async fn get(&self, bucket: &BucketId, key: &str) -> Result<Option<Vec<u8>>, BucketError> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.ask(move |file| store::get(file, &bucket, &key).map(Ok)).await
    }

    async fn set(&self, bucket: &BucketId, key: &str, value: Vec<u8>, limits: Limits) -> Result<(), BucketError> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.ask(move |file| store::set(file, &bucket, &key, &value, limits)).await
    }

    async fn delete(&self, bucket: &BucketId, key: &str) -> Result<(), BucketError> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.ask(move |file| store::delete(file, &bucket, &key).map(Ok)).await
    }

    async fn exists(&self, bucket: &BucketId, key: &str) -> Result<bool, BucketError> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.ask(move |file| store::exists(file, &bucket, &key).map(Ok)).await
    }

    async fn keys(&self, bucket: &BucketId, after: u64, count: usize) -> Result<Page, BucketError> {
        let bucket = bucket.clone();
        self.ask(move |file| store::keys(file, &bucket, after, count).map(Ok)).await
    }

    async fn increment(&self, bucket: &BucketId, key: &str, by: u64, limits: Limits) -> Result<u64, BucketError> {
        let (bucket, key) = (bucket.clone(), key.to_owned());
        self.ask(move |file| store::increment(file, &bucket, &key, by, limits)).await
    }
}
