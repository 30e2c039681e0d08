//! Buckets in memory, for tests.

use super::Cause;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The values of one bucket.
pub type Values = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

pub struct Opened(Values);

pub fn open(name: &str) -> Result<Opened, Cause> {
    crate::test::bucket(name).map(Opened).ok_or(Cause::NoSuchBucket)
}

impl Opened {
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Cause> {
        Ok(self.0.borrow().get(key).cloned())
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), Cause> {
        self.0.borrow_mut().insert(key.into(), value.into());
        Ok(())
    }

    pub fn delete(&self, key: &str) -> Result<(), Cause> {
        self.0.borrow_mut().remove(key);
        Ok(())
    }

    pub fn exists(&self, key: &str) -> Result<bool, Cause> {
        Ok(self.0.borrow().contains_key(key))
    }

    /// One key a page, so that a test sees that pages are put together.
    pub fn list_keys(&self, cursor: Option<u64>) -> Result<(Vec<String>, Option<u64>), Cause> {
        let (values, page) = (self.0.borrow(), cursor.unwrap_or_default());
        let keys = values.keys().skip(usize::try_from(page).unwrap_or(usize::MAX)).take(1).cloned().collect();
        Ok((keys, (page + 1 < values.len() as u64).then_some(page + 1)))
    }

    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, Cause> {
        let present = match self.get(key)? {
            None => 0,
            Some(value) => std::str::from_utf8(&value)
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .ok_or_else(|| Cause::Failed(format!("the value under {key:?} is not a number")))?,
        };
        let sum = present
            .checked_add(delta)
            .ok_or_else(|| Cause::Failed(format!("the number under {key:?} would be too large")))?;
        self.set(key, sum.to_string().as_bytes())?;
        Ok(sum)
    }
}
