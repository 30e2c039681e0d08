//! Telling whether a listener gets messages at the moment.

use std::time::Duration;

use tokio::sync::watch;

use crate::broker::Condition;

/// How long a new subscription goes on after a message that cannot be read ended the one before, until the message is
/// taken to be gone: it would be the first to come again.
const PROBATION: Duration = Duration::from_secs(1);

/// Says how a subscription is doing.
pub(super) struct Teller {
    condition: watch::Sender<Condition>,
    in_doubt: bool,
}

impl Teller {
    /// For a subscription that is set up.
    pub(super) fn new() -> (Self, watch::Receiver<Condition>) {
        let (condition, receiver) = watch::channel(Condition::Consuming);
        (Self { condition, in_doubt: false }, receiver)
    }

    pub(super) fn interrupted(&self, reason: String) {
        self.tell(Condition::Interrupted { reason });
    }

    /// Interrupted in a way that comes again by itself.
    pub(super) fn interrupted_in_doubt(&mut self, reason: String) {
        self.in_doubt = true;
        self.interrupted(reason);
    }

    /// How long a new subscription has to go on before it is said to be consuming.
    pub(super) fn probation(&self) -> Duration {
        if self.in_doubt { PROBATION } else { Duration::ZERO }
    }

    pub(super) fn consuming(&mut self) {
        self.in_doubt = false;
        self.tell(Condition::Consuming);
    }

    fn tell(&self, new: Condition) {
        self.condition.send_if_modified(|condition| {
            let changed = *condition != new;
            *condition = new;
            changed
        });
    }
}
