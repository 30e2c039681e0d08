//! RabbitMQ: the suite, each case in a virtual host of its own.

use leveret::broker::BrokerStatus;
use leveret::broker::rabbitmq::{Options, RabbitMqBroker};
use leveret_tests::rabbitmq::Node;

use super::*;

/// A virtual host of the shared server.
pub struct VirtualHost {
    url: String,
}

impl Bench for VirtualHost {
    async fn new() -> Self {
        // Starting the server blocks.
        let url = tokio::task::spawn_blocking(|| Node::shared().vhost("contract")).await.expect("a virtual host");
        Self { url }
    }

    async fn connect(&self) -> Arc<dyn Broker> {
        let broker = RabbitMqBroker::connect(&self.url, Options::default()).expect("a legal URL");
        let mut status = broker.status();
        soon("readiness", status.wait_for(|status| *status == BrokerStatus::Ready)).await.expect("a status");
        broker
    }

    async fn connect_without_history(&self) -> Arc<dyn Broker> {
        self.connect().await
    }
}

contract_for!(crate::contract::rabbitmq::VirtualHost);
