//! Topic, direct and headers subscriptions: a service that knows nothing of Leveret publishes to an exchange of its own,
//! and a plugin hears what is meant for it and nothing else.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use leveret::config::{EventKey, Exchange, PluginKey, PluginSettings, SubscriptionSettings};
use leveret_tests::wait::soon;

use super::*;

const EXCHANGE: &str = "payments";

/// A service, its exchange, and a host whose puppet subscribes to some of it.
struct Stage {
    host: TestHost,
    channel: Channel,
    _connection: Connection,
}

impl Stage {
    async fn start(kind: ExchangeKind, exchange: Value) -> Self {
        let broker = TestBroker::rabbitmq().await;
        let TestBroker::RabbitMq(url) = &broker else { panic!("it is RabbitMQ") };
        let connection = Connection::connect(url, ConnectionProperties::default()).await.expect("a connection");
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(EXCHANGE.into(), kind, durable, FieldTable::default()).await.expect("declared");
        let host = TestHost::start_with(&broker, |settings| {
            // One at a time, so that what must not come would be handled before what must.
            settings.delivery.prefetch = NonZeroU16::MIN;
            let exchange: Exchange = serde_json::from_value(exchange).expect("legal");
            let own = SubscriptionSettings { exchange: Some(exchange), ..SubscriptionSettings::default() };
            let event: EventKey = PULLED.parse().expect("legal");
            let plugin = PluginSettings { subscription: [(event, own)].into(), ..PluginSettings::default() };
            settings.plugin.insert("puppet".parse::<PluginKey>().expect("legal"), plugin);
        })
        .await;
        host.install("puppet.wasm", &guests::bytes("puppet")).await;
        soon("the host", host.host.ready()).await;
        Self { host, channel, _connection: connection }
    }

    async fn publish(&self, id: &str, key: &str, headers: &[(&str, &str)]) {
        let text = |value: &str| AMQPValue::LongString(value.into());
        let headers: BTreeMap<_, _> = headers.iter().map(|(name, value)| ((*name).into(), text(value))).collect();
        let properties = BasicProperties::default().with_message_id(id.into()).with_headers(FieldTable::from(headers));
        let (options, body) = (BasicPublishOptions::default(), json!({ "do": "emit" }).to_string());
        let sent = self.channel.basic_publish(EXCHANGE.into(), key.into(), options, body.as_bytes(), properties).await;
        let confirmed = sent.expect("published").await.expect("RabbitMQ lets it pass");
        assert!(confirmed.is_ack(), "{id}: {confirmed:?}");
    }

    /// Whether this message is handled, and no other was before it.
    async fn hears_only(mut self, id: &str) {
        let id = MessageId::from_wire(id).expect("a legal id");
        self.host.record(&id).await;
        let heard: Vec<MessageId> = self.host.all_records().into_iter().map(|record| record.id).collect();
        assert_eq!(heard, [id]);
        self.host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_subscription_hears_the_keys_that_fit_its_pattern() {
    let exchange = json!({ "name": EXCHANGE, "type": "topic", "keys": ["payment.*.processed"] });
    let stage = Stage::start(ExchangeKind::Topic, exchange).await;
    stage.publish("refused", "payment.eu.refused", &[]).await;
    stage.publish("too-deep", "payment.eu.west.processed", &[]).await;
    stage.publish("processed", "payment.eu.processed", &[]).await;
    stage.hears_only("processed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_subscription_hears_its_own_keys() {
    let exchange = json!({ "name": EXCHANGE, "type": "direct", "keys": ["eu", "us"] });
    let stage = Stage::start(ExchangeKind::Direct, exchange).await;
    stage.publish("asia", "asia", &[]).await;
    stage.publish("us", "us", &[]).await;
    stage.hears_only("us").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headers_subscription_hears_messages_with_all_its_headers() {
    let headers = json!({ "tier": "gold", "region": "eu" });
    let exchange = json!({ "name": EXCHANGE, "type": "headers", "match": "all", "headers": headers });
    let stage = Stage::start(ExchangeKind::Headers, exchange).await;
    stage.publish("gold", "", &[("tier", "gold")]).await;
    stage.publish("gold-eu", "", &[("tier", "gold"), ("region", "eu")]).await;
    stage.hears_only("gold-eu").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_headers_subscription_may_hear_messages_with_any_of_its_headers() {
    let headers = json!({ "tier": "gold", "region": "eu" });
    let exchange = json!({ "name": EXCHANGE, "type": "headers", "match": "any", "headers": headers });
    let stage = Stage::start(ExchangeKind::Headers, exchange).await;
    stage.publish("silver-us", "", &[("tier", "silver"), ("region", "us")]).await;
    stage.publish("silver-eu", "", &[("tier", "silver"), ("region", "eu")]).await;
    stage.hears_only("silver-eu").await;
}
