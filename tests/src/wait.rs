//! Waiting for what is sure to come. The time-outs only keep a defect from hanging the tests; nothing is asserted by
//! them.

use std::future::Future;
use std::time::Duration;

/// Long enough for anything that comes at all, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two looks at a state that tells nobody when it changes.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits for a future.
///
/// # Panics
/// If it does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}

/// Looks again and again until there is something to see.
///
/// # Panics
/// If there never is.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    soon(what, async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
    .await
}
