//! One TID from the first event to the last task, wherever it was written, and one where it was not.

use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use super::*;

/// Publishes the puppet's event as neither Ponos nor Leveret does.
async fn publish_raw(channel: &Channel, body: Value, properties: BasicProperties) {
    let (options, body) = (BasicPublishOptions::default(), body.to_string());
    let sent = channel.basic_publish(PULLED.into(), "".into(), options, body.as_bytes(), properties).await;
    sent.expect("published").await.expect("RabbitMQ lets it pass");
}

fn with_tid(tid: Value) -> Value {
    let mut body = part(1);
    body["tid"] = tid;
    body
}

fn header(tid: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("tid".into(), AMQPValue::LongString(tid.into()));
    BasicProperties::default().with_headers(headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tid_reaches_ponos_from_wherever_it_was_written() {
    let stage = Stage::start("emit 0/1", |_| ()).await;
    let connection = Connection::connect(&stage.url, ConnectionProperties::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let none = BasicProperties::default;
    for (body, properties, expected) in [
        (with_tid(json!("in-body")), none(), "in-body"),
        (part(1), header("in-header"), "in-header"),
        (part(1), none().with_correlation_id("in-property".into()), "in-property"),
        // Where Ponos looks, since both sides must mean the same one.
        (with_tid(json!("in-body-first")), header("other").with_correlation_id("another".into()), "in-body-first"),
        // Ponos refuses such a TID, where the task has a schema.
        (with_tid(json!({ "no": "text" })), header("instead"), "instead"),
    ] {
        publish_raw(&channel, body, properties).await;
        stage.performed(&Tid::from_wire(expected).expect("a legal TID")).await;
    }
    stage.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_ponos_without_a_tid_gets_one_that_ponos_sees() {
    let mut stage = Stage::start("emit 0/1", |_| ()).await;
    let publisher = Service::start(vhost(&stage.url), &["publish.js", PULLED, &part(1).to_string(), "--without-tid"]);
    assert_eq!(publisher.report().await["tid"], Value::Null);
    let record = until("the record", async || stage.host.all_records().pop()).await;
    stage.performed(&record.tid).await;
    stage.host.stop().await;
}
