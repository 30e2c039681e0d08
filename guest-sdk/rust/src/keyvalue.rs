//! Values that a worker keeps between tasks, where the operator grants it a bucket.
//!
//! A bucket is the application's: its plugins share it by its name, and no other application's can see it.
//!
//! ```toml
//! [plugin.pheidi.grants.keyvalue]
//! buckets = ["sent"]
//! ```
//!
//! ```
//! use leveret_plugin::keyvalue;
//! use leveret_plugin::prelude::*;
//!
//! #[perform("email.send")]
//! fn send(task: Assignment<Value>) -> Handled<Announcement> {
//!     let sent = keyvalue::open("sent")?;
//!     if !sent.exists(&task.id)? {
//!         // … send it …
//!         sent.increment("count", 1)?;
//!         sent.set(&task.id, "yes")?;
//!     }
//!     // Also if it was sent before: the host may have died before it announced that.
//!     Announcement::new("email.sent", &task.payload)
//! }
//!
//! # fn main() -> Handled<()> {
//! // In a test the buckets are there for as long as a closure runs.
//! use leveret_plugin::test::{perform, with_buckets};
//! let count = with_buckets(["sent"], || {
//!     perform::<send>(json!({}))?;
//!     perform::<send>(json!({}))?;
//!     Ok::<_, Failure>(keyvalue::open("sent")?.get("count")?)
//! })?;
//! assert_eq!(count, Some(b"1".to_vec()));
//! # Ok(())
//! # }
//! ```

#[cfg(target_family = "wasm")]
mod host;
#[cfg(not(target_family = "wasm"))]
mod native;

#[cfg(target_family = "wasm")]
use host as store;
#[cfg(not(target_family = "wasm"))]
use native as store;

use std::fmt;

/// An open bucket.
pub struct Bucket {
    opened: store::Opened,
    name: String,
}

/// Opens the bucket of this name: one of those that the operator grants.
///
/// A subscriber must not call it: a plugin that does and is no worker is refused, since subscribers are pure. In a test,
/// [`test::with_buckets`](crate::test::with_buckets) makes buckets.
pub fn open(name: &str) -> Result<Bucket, Error> {
    match store::open(name) {
        Ok(opened) => Ok(Bucket { opened, name: name.into() }),
        Err(cause) => Err(Error { bucket: name.into(), cause }),
    }
}

impl Bucket {
    /// The value under this key.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.told(self.opened.get(key))
    }

    /// Puts a value under this key, in place of what was there.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), Error> {
        self.told(self.opened.set(key, value.as_ref()))
    }

    /// Removes what is under this key, if anything is.
    pub fn delete(&self, key: &str) -> Result<(), Error> {
        self.told(self.opened.delete(key))
    }

    /// Whether there is a value under this key.
    pub fn exists(&self, key: &str) -> Result<bool, Error> {
        self.told(self.opened.exists(key))
    }

    /// Every key, in no particular order, fetched as they are needed.
    pub fn keys(&self) -> impl Iterator<Item = Result<String, Error>> {
        Keys { bucket: self, fetched: Vec::new().into_iter(), next: Some(None) }
    }

    /// Adds to the number under this key, which is 0 where nothing is, in one step that no other plugin can come between;
    /// returns the sum.
    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, Error> {
        self.told(self.opened.increment(key, delta))
    }

    fn told<T>(&self, result: Result<T, Cause>) -> Result<T, Error> {
        result.map_err(|cause| Error { bucket: self.name.clone(), cause })
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The keys of a bucket, page by page.
struct Keys<'a> {
    bucket: &'a Bucket,
    fetched: std::vec::IntoIter<String>,
    /// Where the next page begins; nothing after the last one.
    next: Option<Option<u64>>,
}

impl Iterator for Keys<'_> {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(key) = self.fetched.next() {
                return Some(Ok(key));
            }
            match self.bucket.told(self.bucket.opened.list_keys(self.next.take()?)) {
                Ok((keys, cursor)) => (self.fetched, self.next) = (keys.into_iter(), cursor.map(Some)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// Why a bucket cannot be used. By `?` it means retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The bucket's name.
    pub bucket: String,
    /// What went wrong.
    pub cause: Cause,
}

/// What went wrong with a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// There is none of this name.
    NoSuchBucket,
    /// It is not granted to the plugin.
    Denied,
    /// Anything else, such as a limit that was reached: the host's reason.
    Failed(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bucket, cause } = self;
        match cause {
            Cause::NoSuchBucket | Cause::Denied => write!(
                f,
                "the bucket {bucket:?} is not granted: the operator lists it under `buckets` in \
                 [plugin.NAME.grants.keyvalue] of leveret.toml"
            ),
            Cause::Failed(reason) => write!(f, "bucket {bucket:?}: {reason}"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::with_buckets;

    #[test]
    fn a_bucket_keeps_what_it_was_given() {
        with_buckets(["sent"], || {
            let bucket = open("sent")?;
            assert_eq!(bucket.get("a")?, None);
            bucket.set("a", "1")?;
            bucket.set("b", [0, 255])?;
            assert_eq!((bucket.get("a")?, bucket.get("b")?), (Some(b"1".to_vec()), Some(vec![0, 255])));
            assert_eq!(bucket.keys().collect::<Result<Vec<_>, _>>()?, ["a", "b"]);
            bucket.delete("a")?;
            bucket.delete("a")?;
            assert_eq!((bucket.exists("a")?, open("sent")?.exists("b")?), (false, true));
            Ok::<(), Error>(())
        })
        .expect("the bucket is there");
    }

    #[test]
    fn a_number_is_counted_up() {
        with_buckets(["sent"], || {
            let bucket = open("sent")?;
            assert_eq!((bucket.increment("n", 2)?, bucket.increment("n", 3)?), (2, 5));
            bucket.set("x", "ten")?;
            let error = bucket.increment("x", 1);
            assert!(matches!(error, Err(Error { cause: Cause::Failed(_), .. })), "{error:?}");
            Ok::<(), Error>(())
        })
        .expect("the bucket is there");
    }

    #[test]
    fn a_bucket_that_is_not_granted_says_who_can_grant_it() {
        let refused = with_buckets(["sent"], || open("other").map(drop).map_err(|error| error.to_string()));
        assert!(refused.is_err_and(|reason| reason.contains("grants.keyvalue") && reason.contains("\"other\"")));
        assert!(open("sent").is_err());
    }
}
