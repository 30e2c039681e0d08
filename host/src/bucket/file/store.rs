//! What is done to the file, each in one transaction.

use rusqlite::{Connection, OptionalExtension as _, Result, Transaction, TransactionBehavior};

use crate::bucket::{BucketError, BucketId, Limits, Page};

const OF_BUCKET: &str = "bucket = (SELECT number FROM bucket WHERE app = ?1 AND name = ?2)";

pub(super) fn get(file: &Connection, bucket: &BucketId, key: &str) -> Result<Option<Vec<u8>>> {
    let mut query = file.prepare_cached(&format!("SELECT value FROM entry WHERE {OF_BUCKET} AND key = ?3"))?;
    query.query_row((bucket.app.as_str(), bucket.name.as_str(), key), |row| row.get(0)).optional()
}

pub(super) fn exists(file: &Connection, bucket: &BucketId, key: &str) -> Result<bool> {
    file.prepare_cached(&format!("SELECT 1 FROM entry WHERE {OF_BUCKET} AND key = ?3"))?.exists((
        bucket.app.as_str(),
        bucket.name.as_str(),
        key,
    ))
}

pub(super) fn keys(file: &Connection, bucket: &BucketId, after: u64, count: usize) -> Result<Page> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let mut query = file.prepare_cached(&format!(
        "SELECT number, key FROM entry WHERE {OF_BUCKET} AND number > ?3 ORDER BY number LIMIT ?4"
    ))?;
    // One more than asked for tells whether there are more.
    let parameters = (bucket.app.as_str(), bucket.name.as_str(), after, count as i64 + 1);
    let rows = query.query_map(parameters, |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))?;
    let mut rows: Vec<(i64, String)> = rows.collect::<Result<_>>()?;
    let more = rows.len() > count;
    rows.truncate(count);
    let next = rows.last().filter(|_| more).map(|(number, _)| number.unsigned_abs());
    Ok(Page { keys: rows.into_iter().map(|(_, key)| key).collect(), next })
}

pub(super) fn set(
    file: &mut Connection,
    bucket: &BucketId,
    key: &str,
    value: &[u8],
    limits: Limits,
) -> Result<std::result::Result<(), BucketError>> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let written = put(&transaction, bucket, key, value, limits)?;
    // What was refused is rolled back as the transaction is dropped.
    if written.is_ok() {
        transaction.commit()?;
    }
    Ok(written)
}

pub(super) fn delete(file: &mut Connection, bucket: &BucketId, key: &str) -> Result<()> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let held = held(&transaction, bucket)?;
    if let Some(old) = length(&transaction, held.number, key)? {
        transaction.prepare_cached("DELETE FROM entry WHERE bucket = ?1 AND key = ?2")?.execute((held.number, key))?;
        count(&transaction, Held { keys: held.keys - 1, size: held.size - old - key.len() as i64, ..held })?;
    }
    transaction.commit()
}

pub(super) fn increment(
    file: &mut Connection,
    bucket: &BucketId,
    key: &str,
    by: u64,
    limits: Limits,
) -> Result<std::result::Result<u64, BucketError>> {
    let transaction = file.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let old = match get(&transaction, bucket, key)?.as_deref().map_or(Some(0), number) {
        Some(old) => old,
        None => return Ok(Err(BucketError::NotANumber)),
    };
    let Some(new) = old.checked_add(by).filter(|new| i64::try_from(*new).is_ok()) else {
        return Ok(Err(BucketError::TooLarge));
    };
    let written = put(&transaction, bucket, key, new.to_string().as_bytes(), limits)?;
    if written.is_ok() {
        transaction.commit()?;
    }
    Ok(written.map(|()| new))
}

/// A number as `increment` writes it.
fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A bucket, and how much is in it.
#[derive(Clone, Copy)]
struct Held {
    number: i64,
    keys: i64,
    size: i64,
}

/// Makes the bucket if it is not there.
fn held(transaction: &Transaction<'_>, bucket: &BucketId) -> Result<Held> {
    let names = (bucket.app.as_str(), bucket.name.as_str());
    transaction
        .prepare_cached("INSERT INTO bucket (app, name, keys, size) VALUES (?1, ?2, 0, 0) ON CONFLICT DO NOTHING")?
        .execute(names)?;
    transaction
        .prepare_cached("SELECT number, keys, size FROM bucket WHERE app = ?1 AND name = ?2")?
        .query_row(names, |row| Ok(Held { number: row.get(0)?, keys: row.get(1)?, size: row.get(2)? }))
}

fn count(transaction: &Transaction<'_>, held: Held) -> Result<()> {
    let Held { number, keys, size } = held;
    transaction
        .prepare_cached("UPDATE bucket SET keys = ?2, size = ?3 WHERE number = ?1")?
        .execute((number, keys, size))?;
    Ok(())
}

/// How long a value is, if there is one.
fn length(transaction: &Transaction<'_>, bucket: i64, key: &str) -> Result<Option<i64>> {
    transaction
        .prepare_cached("SELECT length(value) FROM entry WHERE bucket = ?1 AND key = ?2")?
        .query_row((bucket, key), |row| row.get(0))
        .optional()
}

/// Writes a value within the limits. One that takes no more room than the one before is always let in.
fn put(
    transaction: &Transaction<'_>,
    bucket: &BucketId,
    key: &str,
    value: &[u8],
    limits: Limits,
) -> Result<std::result::Result<(), BucketError>> {
    let before = held(transaction, bucket)?;
    let old = length(transaction, before.number, key)?;
    let (new_keys, new_bytes) = if old.is_some() { (0, 0) } else { (1, key.len() as i64) };
    let growth = value.len() as i64 + new_bytes - old.unwrap_or_default();
    let after = Held { keys: before.keys + new_keys, size: before.size + growth, ..before };
    if new_keys > 0 && after.keys.unsigned_abs() > limits.count {
        return Ok(Err(BucketError::Count { limit: limits.count }));
    }
    if growth > 0 && after.size.unsigned_abs() > limits.size {
        return Ok(Err(BucketError::Full { limit: limits.size }));
    }
    transaction
        .prepare_cached(
            "INSERT INTO entry (bucket, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (bucket, key) DO UPDATE SET value = excluded.value",
        )?
        .execute((before.number, key, value))?;
    count(transaction, after)?;
    Ok(Ok(()))
}
