//! The listener of a subscription that begins in the past: first it has what a story hands out, then the queue itself.

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::broker::{Condition, Listener, Received, Source};

/// The listener's side.
pub(super) struct BackfillListener {
    arrivals: mpsc::Receiver<Received>,
    condition: watch::Receiver<Condition>,
    stop: CancellationToken,
    stopped: CancellationToken,
    /// Comes after the last of the arrivals.
    handed_over: Option<oneshot::Receiver<Box<dyn Listener>>>,
    queue: Option<Box<dyn Listener>>,
}

/// The story's side.
pub(super) struct Ends {
    /// `None` once nothing more comes this way.
    pub arrivals: Option<mpsc::Sender<Received>>,
    pub condition: watch::Sender<Condition>,
    /// The listener wants no more.
    pub stop: CancellationToken,
    /// Cancelled once nothing more is fetched.
    pub stopped: CancellationToken,
    pub hand_over: oneshot::Sender<Box<dyn Listener>>,
}

impl BackfillListener {
    pub fn new(source: &Source) -> (Self, Ends) {
        let (sender, arrivals) = mpsc::channel(source.prefetch.get().into());
        let reason = "it is finding out how far it has come through the past".to_owned();
        let (told, condition) = watch::channel(Condition::Interrupted { reason });
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (hand_over, handed_over) = oneshot::channel();
        let ends =
            Ends { arrivals: Some(sender), condition: told, stop: stop.clone(), stopped: stopped.clone(), hand_over };
        (Self { arrivals, condition, stop, stopped, handed_over: Some(handed_over), queue: None }, ends)
    }
}

#[async_trait]
impl Listener for BackfillListener {
    async fn next(&mut self) -> Option<Received> {
        if let Some(received) = self.arrivals.recv().await {
            return Some(received);
        }
        if let Some(handed_over) = &mut self.handed_over {
            // Kept until it has answered, since this may be dropped while it waits.
            self.queue = handed_over.await.ok();
            self.handed_over = None;
        }
        self.queue.as_mut()?.next().await
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.stopped.cancelled().await;
        if let Some(queue) = self.handed_over.take().and_then(|mut queue| queue.try_recv().ok()) {
            self.queue = Some(queue);
        }
        if let Some(queue) = &mut self.queue {
            queue.stop().await;
        }
    }

    fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }
}

impl Drop for BackfillListener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
