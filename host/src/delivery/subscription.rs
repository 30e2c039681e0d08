//! One subscription's listener: it starts, delivers, and stops without losing what it fetched.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pipeline::Pipeline;
use crate::broker::{Listener, Source};

/// The wait between two tries to listen to a queue that the broker does not let us listen to.
const PAUSE: Duration = Duration::from_secs(1);

/// Listens until it is told to stop, then waits for its deliveries in flight.
pub(super) async fn run(pipeline: Arc<Pipeline>, source: Source, stop: CancellationToken) {
    let Some(mut listener) = stop.run_until_cancelled(listen(&pipeline, &source)).await else { return };
    pipeline.set_listening(true);
    let in_flight = TaskTracker::new();
    while let Some(Some(received)) = stop.run_until_cancelled(listener.next()).await {
        let pipeline = pipeline.clone();
        in_flight.spawn(async move { pipeline.deliver(received).await });
    }
    pipeline.set_listening(false);
    listener.stop().await;
    while let Some(received) = listener.next().await {
        pipeline.hand_back(received).await;
    }
    in_flight.close();
    in_flight.wait().await;
}

/// Tries until the broker lets us listen.
async fn listen(pipeline: &Pipeline, source: &Source) -> Box<dyn Listener> {
    loop {
        match pipeline.broker.listen(source.clone()).await {
            Ok(listener) => return listener,
            Err(error) => tracing::warn!(queue = %source.queue, "not listening, tried again: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
