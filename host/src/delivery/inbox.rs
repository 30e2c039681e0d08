//! Which messages a plugin has handled already: they are dropped, and counted as duplicates.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ledger::{Inbox, Window};
use crate::message::MessageId;
use crate::name::{PluginId, QueueName};

/// What is handled right now, so that two copies that arrive together are handled one after the other.
#[derive(Debug, Default)]
pub(super) struct Claims {
    claimed: Mutex<HashSet<(PluginId, MessageId)>>,
    released: Notify,
}

/// The right to handle a message. It lasts until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Arc<Claims>,
    key: (PluginId, MessageId),
}

impl Claims {
    /// Waits until no other copy of the message is handled by the plugin.
    pub async fn claim(self: &Arc<Self>, plugin: &PluginId, id: &MessageId) -> Claim {
        let key = (plugin.clone(), id.clone());
        loop {
            // Before the look, so that no release between the two is missed.
            let released = self.released.notified();
            if self.claimed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone()) {
                return Claim { claims: self.clone(), key };
            }
            released.await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.claimed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        self.claims.released.notify_waiters();
    }
}

/// Whether the plugin has handled a message before. A ledger that does not answer lets it through: to handle a message
/// twice is allowed, to drop one that was never handled is not.
pub(super) async fn is_duplicate(inbox: &dyn Inbox, plugin: &PluginId, id: &MessageId, window: Window) -> bool {
    match inbox.has_handled(plugin, id, window).await {
        Ok(handled) => handled,
        Err(error) => {
            tracing::warn!("whether this is a duplicate is not known, so it is handled: {error}");
            false
        }
    }
}

/// Remembers that the plugin has handled a message.
pub(super) async fn remember(inbox: &dyn Inbox, plugin: &PluginId, queue: &QueueName, id: &MessageId, window: Window) {
    if let Err(error) = inbox.handled(plugin, queue, id, window).await {
        tracing::warn!("a duplicate of this message would not be known: {error}");
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn i7_two_copies_of_one_message_are_handled_one_after_the_other() {
        let claims = Arc::new(Claims::default());
        let plugin = |name: &str| PluginId::new("pheidi".parse().expect("legal"), name.parse().expect("legal"));
        let (main, second, id) = (plugin("pheidi"), plugin("second"), MessageId::fresh());
        let first = claims.claim(&main, &id).await;
        let mut copy = Box::pin(claims.claim(&main, &id));
        assert!(copy.as_mut().now_or_never().is_none());
        drop((claims.claim(&second, &id).await, claims.claim(&main, &MessageId::fresh()).await));
        assert!(copy.as_mut().now_or_never().is_none());
        drop(first);
        drop(copy.await);
        assert_eq!(claims.claimed.lock().expect("not poisoned").len(), 0);
    }
}
