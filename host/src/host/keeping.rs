//! From settings to what a broker keeps of the past.

use super::policies::exchange;
use crate::broker::{Keeping, Retention};
use crate::config::Settings;

/// What is kept of the past; `None` for nothing.
pub(super) fn keeping(settings: &Settings) -> Option<Keeping> {
    let history = &settings.history;
    history.enabled.then(|| Keeping {
        retention: Retention { age: history.age.as_duration(), size: history.size.as_bytes() },
        events: history.events.iter().map(|key| key.event().clone()).collect(),
        exchanges: history.exchanges.iter().map(exchange).collect(),
    })
}
