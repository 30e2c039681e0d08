//! Over `wasi:keyvalue`.

use super::Cause;
use crate::bindings::grants::wasi::keyvalue::atomics;
use crate::bindings::grants::wasi::keyvalue::store::{self, Error};

pub struct Opened(store::Bucket);

pub fn open(name: &str) -> Result<Opened, Cause> {
    Ok(Opened(store::open(name)?))
}

impl Opened {
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Cause> {
        Ok(self.0.get(key)?)
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Cause> {
        Ok(self.0.set(key, value)?)
    }

    pub fn delete(&self, key: &str) -> Result<(), Cause> {
        Ok(self.0.delete(key)?)
    }

    pub fn exists(&self, key: &str) -> Result<bool, Cause> {
        Ok(self.0.exists(key)?)
    }

    pub fn list_keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Cause> {
        let page = self.0.list_keys(cursor)?;
        Ok((page.keys, page.cursor))
    }

    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, Cause> {
        Ok(atomics::increment(&self.0, key, delta)?)
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        match error {
            Error::NoSuchStore => Cause::NoSuchBucket,
            Error::AccessDenied => Cause::Denied,
            Error::Other(reason) => Cause::Failed(reason),
        }
    }
}
