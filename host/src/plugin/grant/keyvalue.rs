//! `wasi:keyvalue` over the buckets that are granted. Whether one is granted is looked at with each call and not only as it
//! is opened, since what a guest has open may outlive a call.

use wasmtime::component::{HasSelf, Linker, Resource};

use crate::bucket::{Bucket, BucketError};
use crate::plugin::instance::State;

wasmtime::component::bindgen!({
    path: "../wit/deps/wasi-keyvalue",
    world: "wasi:keyvalue/imports",
    imports: { default: async | trappable },
    with: { "wasi:keyvalue/store.bucket": Opened },
});

use self::wasi::keyvalue::store::{Error, KeyResponse};
use self::wasi::keyvalue::{atomics, store};

/// A bucket that the guest has open, by its name.
pub struct Opened(String);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

pub(in crate::plugin) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    store::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    atomics::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

impl State {
    /// What the guest has open, if it is granted now.
    fn opened(&mut self, opened: &Resource<Opened>) -> Answer<Bucket> {
        let Opened(name) = self.resources.get(opened)?;
        Ok(self.grants.bucket(name).map_err(Error::Other))
    }
}

fn told(error: BucketError) -> Error {
    Error::Other(error.to_string())
}

impl store::Host for State {
    async fn open(&mut self, identifier: String) -> Answer<Resource<Opened>> {
        match self.grants.bucket(&identifier) {
            Ok(_) => Ok(Ok(self.resources.push(Opened(identifier))?)),
            Err(reason) => {
                self.requests.refused(&reason);
                Ok(Err(Error::Other(reason)))
            }
        }
    }
}

impl store::HostBucket for State {
    async fn get(&mut self, opened: Resource<Opened>, key: String) -> Answer<Option<Vec<u8>>> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => bucket.get(&key).await.map_err(told),
            Err(error) => Err(error),
        })
    }

    async fn set(&mut self, opened: Resource<Opened>, key: String, value: Vec<u8>) -> Answer<()> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => bucket.set(&key, value).await.map_err(told),
            Err(error) => Err(error),
        })
    }

    async fn delete(&mut self, opened: Resource<Opened>, key: String) -> Answer<()> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => bucket.delete(&key).await.map_err(told),
            Err(error) => Err(error),
        })
    }

    async fn exists(&mut self, opened: Resource<Opened>, key: String) -> Answer<bool> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => bucket.exists(&key).await.map_err(told),
            Err(error) => Err(error),
        })
    }

    async fn list_keys(&mut self, opened: Resource<Opened>, cursor: Option<u64>) -> Answer<KeyResponse> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => {
                let page = bucket.keys(cursor).await;
                page.map(|page| KeyResponse { keys: page.keys, cursor: page.next }).map_err(told)
            }
            Err(error) => Err(error),
        })
    }

    async fn drop(&mut self, opened: Resource<Opened>) -> wasmtime::Result<()> {
        self.resources.delete(opened)?;
        Ok(())
    }
}

impl atomics::Host for State {
    async fn increment(&mut self, opened: Resource<Opened>, key: String, delta: u64) -> Answer<u64> {
        Ok(match self.opened(&opened)? {
            Ok(bucket) => bucket.increment(&key, delta).await.map_err(told),
            Err(error) => Err(error),
        })
    }
}
