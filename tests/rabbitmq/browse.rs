//! Browsing what strangers put into a queue.

use lapin::types::{AMQPValue, FieldTable};
use leveret::message::Subject;
use leveret::name::{AppName, QueueName};
use leveret_tests::rabbitmq::Node;

use super::*;

fn event(name: &str) -> Subject {
    Subject::Event(name.parse().expect("a legal event name"))
}

#[tokio::test]
async fn whatever_a_stranger_put_there_comes_out_with_a_subject() {
    let url = Node::shared().vhost("strange");
    let broker = connected(&url).await;
    let app: AppName = "pheidi".parse().expect("a legal application name");
    broker.declare(&leveret::broker::Wanted::Dead(app.clone())).await.expect("declared");
    let stranger = Stranger::connect(&url).await;
    let kind = |value: AMQPValue| {
        let mut headers = FieldTable::default();
        headers.insert("x-leveret-kind".into(), value);
        BasicProperties::default().with_headers(headers)
    };
    let text = |text: &str| AMQPValue::LongString(text.into());
    let bare = BasicProperties::default;
    let cases = [
        (bare(), event("unknown.message")),
        (bare().with_type("user.authorized".into()), event("user.authorized")),
        (bare().with_type("not a name \u{0}".into()), event("unknown.message")),
        (bare().with_type("x".repeat(255).into()), event("unknown.message")),
        (kind(text("task")).with_type("pheidi.email.send".into()), Subject::Task(task("pheidi.email.send"))),
        (kind(text("event")).with_type("pheidi.email.sent".into()), event("pheidi.email.sent")),
        (kind(text("task")).with_type("Not.a.task".into()), event("unknown.message")),
        (kind(text("neither")).with_type("user.authorized".into()), event("user.authorized")),
        (kind(AMQPValue::FieldArray(vec![text("task")].into())), event("unknown.message")),
        (kind(AMQPValue::LongString(vec![0xff].into())), event("unknown.message")),
    ];
    for (properties, _) in &cases {
        stranger.publish(QueueName::dead(&app).as_str(), properties.clone(), b"\xff").await;
    }
    let mut browse = broker.browse(&QueueName::dead(&app)).await.expect("browses");
    for (properties, subject) in cases {
        let received = soon("a message", async {
            loop {
                // Published without a confirmation, so it may be on its way still.
                if let Some(received) = browse.next().await.expect("an answer") {
                    return received;
                }
            }
        });
        let message = acknowledge(received.await).await;
        assert_eq!((message.subject, message.body.as_ref()), (subject, b"\xff".as_slice()), "{properties:?}");
    }
}

#[tokio::test]
async fn a_task_of_a_service_without_headers_is_known_by_its_queue() {
    let url = Node::shared().vhost("by-queue");
    let broker = connected(&url).await;
    let queue = QueueName::task(&task("pheidi.email.send"));
    broker.declare(&leveret::broker::Wanted::Task(task("pheidi.email.send"))).await.expect("declared");
    Stranger::connect(&url).await.publish(queue.as_str(), BasicProperties::default(), b"{}").await;
    while broker.depth(&queue).await != Ok(Some(1)) {}
    let mut browse = broker.browse(&queue).await.expect("browses");
    let received = browse.next().await.expect("an answer").expect("a message");
    assert_eq!(acknowledge(received).await.subject, Subject::Task(task("pheidi.email.send")));
}
