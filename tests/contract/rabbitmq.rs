//! RabbitMQ: the suite, each case in a virtual host of its own.

use leveret::broker::rabbitmq::{Options, RabbitMqBroker};
use leveret::broker::{BrokerStatus, Keeping, Retention};
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
        let retention = Retention { age: Duration::from_secs(3600), size: 16 << 20 };
        let keeping = Keeping { retention, events: Vec::new(), exchanges: Vec::new() };
        self.connect_with(Options { history: Some(keeping), ..Options::default() }).await
    }

    async fn connect_without_history(&self) -> Arc<dyn Broker> {
        self.connect_with(Options::default()).await
    }
}

impl VirtualHost {
    async fn connect_with(&self, options: Options) -> Arc<dyn Broker> {
        let broker = RabbitMqBroker::connect(&self.url, options).expect("a legal URL");
        let mut status = broker.status();
        soon("readiness", status.wait_for(|status| *status == BrokerStatus::Ready)).await.expect("a status");
        broker
    }
}

contract_for!(crate::contract::rabbitmq::VirtualHost);
contract_for!(crate::contract::rabbitmq::VirtualHost, with a history);
