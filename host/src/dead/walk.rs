//! The dead letters of one application, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::Letter;
use crate::broker::{Acknowledge, Broker, BrokerError, Browse, Received};
use crate::name::{AppName, QueueName};

/// How often, and for how long each time, to look whether letters are back in their queue.
const LOOKS: u32 = 40;
const LOOK: Duration = Duration::from_millis(50);

/// A walk along the letters that an application has at its beginning.
///
/// What is walked past is out of the queue until the walk ends. Nothing of it stays in memory but what gives it back:
/// the broker client's delivery tag, some tens of bytes a letter.
pub(super) struct Walk {
    broker: Arc<dyn Broker>,
    app: AppName,
    queue: QueueName,
    browse: Box<dyn Browse>,
    /// Letters ahead. One that comes meanwhile is not walked to: a letter that is retried and dies again would be
    /// retried for ever.
    ahead: u64,
    /// Letters that are out and go back at the end.
    out: u64,
}

impl Walk {
    pub async fn begin(broker: &Arc<dyn Broker>, app: &AppName) -> Result<Self, BrokerError> {
        let queue = QueueName::dead(app);
        let ahead = broker.depth(&queue).await?.unwrap_or_default();
        let browse = broker.browse(&queue).await?;
        Ok(Self { broker: broker.clone(), app: app.clone(), queue, browse, ahead, out: 0 })
    }

    /// The next letter. Dropped, it goes back when the walk ends; see also [`Walk::settled`].
    pub async fn next(&mut self) -> Result<Option<(Letter, Box<dyn Acknowledge>)>, BrokerError> {
        if self.ahead == 0 {
            return Ok(None);
        }
        let Some(Received { message, receipt, .. }) = self.browse.next().await? else {
            self.ahead = 0;
            return Ok(None);
        };
        self.ahead -= 1;
        self.out += 1;
        Ok(Some((Letter::new(self.app.clone(), message), receipt)))
    }

    /// Says that a letter of this walk was acknowledged, and does not go back.
    pub fn settled(&mut self) {
        self.out -= 1;
    }

    /// Ends the walk, and waits until what was walked past is back, as far as the broker says so: the next walk is to
    /// see it.
    pub async fn end(self) {
        let Self { broker, queue, browse, out, ahead, .. } = self;
        let expected = if out == 0 { 0 } else { ahead + out };
        drop(browse);
        for _ in 0..LOOKS {
            match broker.depth(&queue).await {
                Ok(depth) if depth.unwrap_or_default() >= expected => return,
                Ok(_) => tokio::time::sleep(LOOK).await,
                // A broker that is away gives back by itself whatever was out.
                Err(_) => return,
            }
        }
    }
}
