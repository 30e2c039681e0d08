//! The whole way: an event comes in, a plugin handles it, and what it made is at the broker.
//!
//! Cases that hold for both brokers take one, and `on_each_broker!` makes a test for each.

macro_rules! on_each_broker {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$case(leveret_tests::broker::TestBroker::embedded()).await;
                }
            )+
        }

        mod rabbitmq {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$case(leveret_tests::broker::TestBroker::rabbitmq().await).await;
                }
            )+
        }
    };
}

mod absent;
mod author;
mod bad;
mod clock;
mod flow;
mod history;
mod ingress;
mod late_comer;
mod log;
mod metrics;
mod poison;
mod ponos;
mod power;
mod raw;
mod saga;
mod statistics;
mod swap;
mod work;

use leveret::message::{Maker, MessageId};
use leveret::name::PluginId;
use serde_json::{Value, json};

const PULLED: &str = "puppet.pulled";
const ECHO: &str = "puppet.echo.make";
const PAID: &str = "org.payment.processed";
const SEND: &str = "pheidi.email.send";

/// The main plugin of an application.
fn plugin(app: &str) -> PluginId {
    PluginId::new(app.parse().expect("a legal name"), app.parse().expect("a legal name"))
}

/// The id of the first task that an application's main plugin makes of an event.
fn derived(event: &MessageId, app: &str) -> MessageId {
    MessageId::derived(event, &plugin(app), Maker::Handler, 0)
}

/// A payment that pheidi writes a receipt for; one of nothing is rejected.
fn payment(amount: u64) -> Value {
    json!({
        "organization": { "id": 1, "name": "Runnable", "users": [{ "email": "ada@example.org" }] },
        "amount": amount,
        "currency": "usd",
        "paymentMethodOwner": { "email": "grace@example.org", "githubId": 7 },
    })
}
