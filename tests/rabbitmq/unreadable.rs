//! A message that lapin cannot read: a property of it is not UTF-8, which AMQP forbids and RabbitMQ lets through.

use lapin::BasicProperties;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use leveret::broker::{BrokerError, Condition, Wanted};
use leveret_tests::rabbitmq::Node;

const UNREADABLE: &str = "unreadable.part.reserve";
const OTHER: &str = "other.part.reserve";
/// Becomes bytes that are not UTF-8 on its way.
pub(super) const MARK: &[u8] = b"<no-UTF-8>";

/// Passes one connection on to a node, and spoils each mark on the way there.
pub(super) async fn spoiling_proxy(node: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.expect("the client");
        let server = TcpStream::connect(("127.0.0.1", node)).await.expect("the node");
        let ((from_client, mut to_client), (mut from_server, to_server)) = (client.into_split(), server.into_split());
        let back = tokio::io::copy(&mut from_server, &mut to_client);
        // Either side may end it at any moment.
        let _ = tokio::join!(spoil(from_client, to_server), back);
    });
    port
}

async fn spoil(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut bytes = vec![0; 65536];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        while let Some(at) = bytes[..read].windows(MARK.len()).position(|window| window == MARK) {
            bytes[at..at + MARK.len()].fill(0xff);
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_message_that_cannot_be_read_holds_up_its_own_queue_only() {
    let node = Node::shared();
    let url = node.vhost("unreadable");
    let broker = connected(&url).await;
    let mut unreadable = broker.listen(tasks_of(UNREADABLE, 10)).await.expect("subscribed");
    let mut other = broker.listen(tasks_of(OTHER, 10)).await.expect("subscribed");

    let port = spoiling_proxy(node.port()).await;
    let stranger = Stranger::connect(&url.replace(&node.port().to_string(), &port.to_string())).await;
    let mark = std::str::from_utf8(MARK).expect("it is ASCII");
    stranger.publish(UNREADABLE, BasicProperties::default().with_message_id(mark.into()), b"{}").await;

    for _ in 0..20 {
        let sent = outgoing(OTHER, "{}");
        broker.publish(vec![sent.clone()]).await.expect("published");
        // The connection may have been lost between the message and its acknowledgement, once.
        let received = next(&mut other).await;
        assert_eq!(received.message.id, sent.message.id);
        if received.receipt.acknowledge().await.is_err() {
            let again = acknowledge(next(&mut other).await).await;
            assert_eq!(again.id, sent.message.id);
        }
    }

    let told =
        |condition: &Condition| matches!(condition, Condition::Interrupted { reason } if reason.contains("UTF-8"));
    let mut condition = unreadable.condition();
    soon("the condition", condition.wait_for(told)).await.expect("it listens");
    let consuming = |condition: &Condition| *condition == Condition::Consuming;
    soon("the other's", other.condition().wait_for(consuming)).await.expect("it listens");

    node.delete_queue(&url, UNREADABLE);
    let sent = outgoing(UNREADABLE, "{}");
    let taken = async {
        loop {
            // Until the listener has made its queue again, there may be two of them, of which one goes.
            let _ = broker.publish(vec![sent.clone()]).await;
            if let Ok(Some(received)) = tokio::time::timeout(Duration::from_secs(2), unreadable.next()).await {
                return acknowledge(received).await;
            }
        }
    };
    let taken = tokio::time::timeout(PATIENCE, taken).await.expect("it listens again in time");
    assert_eq!(taken.id, sent.message.id);
    soon("the end", condition.wait_for(consuming)).await.expect("it listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_message_that_cannot_be_read_ends_the_browse_that_meets_it_only() {
    let node = Node::shared();
    let url = node.vhost("unreadable-browse");
    let broker = connected(&url).await;
    let mut other = broker.listen(tasks_of(OTHER, 10)).await.expect("subscribed");
    let queue = tasks_of(UNREADABLE, 1).queue;
    broker.declare(&Wanted::Task(task(UNREADABLE))).await.expect("declared");
    let port = spoiling_proxy(node.port()).await;
    let stranger = Stranger::connect(&url.replace(&node.port().to_string(), &port.to_string())).await;
    let mark = std::str::from_utf8(MARK).expect("it is ASCII");
    stranger.publish(UNREADABLE, BasicProperties::default().with_message_id(mark.into()), b"{}").await;
    while broker.depth(&queue).await != Ok(Some(1)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut browse = broker.browse(&queue).await.expect("browses");
    match browse.next().await {
        Err(BrokerError::Refused(words)) => assert!(words.contains("UTF-8") && words.contains(UNREADABLE), "{words}"),
        other => panic!("{other:?}"),
    }
    assert_eq!((broker.reconnects(), other.condition().borrow().clone()), (0, Condition::Consuming));
    let sent = outgoing(OTHER, "{}");
    broker.publish(vec![sent.clone()]).await.expect("published");
    assert_eq!(acknowledge(next(&mut other).await).await.id, sent.message.id);
}
