//! Whether a connection that is up also answers.
//!
//! A network that swallows everything shows only after two heartbeats, and a server without memory or disk reads
//! nothing more of a connection that publishes. Neither ends the connection, and both must be seen sooner.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use lapin::options::BasicQosOptions;
use tokio::sync::watch;

use super::connection::Link;
use crate::broker::BrokerStatus;

/// The time between an answer and the next question.
const REST: Duration = Duration::from_secs(2);
/// How long an answer may take before the status says so.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks for a sign of life again and again, and keeps the status true. Dropped with the end of the connection.
pub(super) async fn watch(link: &Link, status: &watch::Sender<BrokerStatus>) -> Infallible {
    loop {
        if let Ok(channel) = link.channel().await {
            loop {
                // On a channel without consumers it changes nothing.
                let mut answer = pin!(channel.basic_qos(0, BasicQosOptions::default()));
                let in_time = tokio::time::timeout(PATIENCE, &mut answer).await;
                if in_time.is_err() {
                    let reason = "it does not answer: the network is cut, or it is out of memory or disk".to_owned();
                    tracing::warn!(reason, "RabbitMQ gives no sign of life");
                    status.send_replace(BrokerStatus::Down { reason });
                }
                let answered = match in_time {
                    Ok(answered) => answered,
                    Err(_) => answer.await,
                };
                if answered.is_err() {
                    break;
                }
                status.send_if_modified(|status| std::mem::replace(status, BrokerStatus::Ready) != BrokerStatus::Ready);
                tokio::time::sleep(REST).await;
            }
        }
        tokio::time::sleep(REST).await;
    }
}
