//! Headers as deep as a frame has room for, which lapin would read by recursion.

use std::io::{Read, Write};
use std::net::TcpStream;

use leveret::name::QueueName;
use leveret_tests::host::put;
use leveret_tests::process::Process;
use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::until;
use leveret_tests::{guests, http};

use super::*;

const PULLED: &str = "puppet.pulled";
/// The largest frame of RabbitMQ's by default, in bytes.
const FRAME: usize = 131_072;
/// As many channels as RabbitMQ allows by default.
const CHANNELS: u16 = 2047;
/// What a frame is besides its payload, in bytes.
const AROUND_PAYLOAD: usize = 8;

/// A publisher that writes its own bytes: no library would build such headers, nor fit them into a stack.
struct RawPublisher(TcpStream);

impl RawPublisher {
    fn connect(url: &str, port: u16) -> Self {
        let vhost = url.rsplit('/').next().expect("a vhost");
        let mut publisher = Self(TcpStream::connect(("127.0.0.1", port)).expect("the node"));
        publisher.0.write_all(b"AMQP\0\0\x09\x01").expect("written");
        publisher.await_method(10, 10);
        let response = b"\0guest\0guest";
        publisher.method(0, 10, 11, &[&[0; 4], &short("PLAIN")[..], &long(response), &short("en_US")].concat());
        publisher.await_method(10, 30);
        let frame = u32::try_from(FRAME).expect("it fits").to_be_bytes();
        publisher.method(0, 10, 31, &[&CHANNELS.to_be_bytes()[..], &frame, &[0, 0]].concat());
        publisher.method(0, 10, 40, &[&short(vhost)[..], &short(""), &[0]].concat());
        publisher.await_method(10, 41);
        publisher.method(1, 20, 10, &short(""));
        publisher.await_method(20, 11);
        publisher.method(1, 85, 10, &[0]);
        publisher.await_method(85, 11);
        publisher
    }

    /// Publishes with one header, and waits until RabbitMQ has the message.
    fn publish(&mut self, exchange: &str, id: &str, header: &[u8], body: &[u8]) {
        self.method(1, 60, 40, &[&[0, 0][..], &short(exchange), &short(""), &[0]].concat());
        let table = [&short("deep")[..], header].concat();
        // The properties that are there: headers, delivery-mode and message-id.
        let flags = (1u16 << 13 | 1 << 12 | 1 << 7).to_be_bytes();
        let (size, persistent) = (u64::try_from(body.len()).expect("it fits").to_be_bytes(), [2]);
        self.frame(2, 1, &[&[0, 60, 0, 0][..], &size, &flags, &long(&table), &persistent, &short(id)].concat());
        self.frame(3, 1, body);
        self.await_method(60, 80);
    }

    fn method(&mut self, channel: u16, class: u16, method: u16, arguments: &[u8]) {
        self.frame(1, channel, &[&class.to_be_bytes()[..], &method.to_be_bytes(), arguments].concat());
    }

    fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        assert!(payload.len() + AROUND_PAYLOAD <= FRAME, "{} bytes do not fit", payload.len());
        let bytes = [&[kind][..], &channel.to_be_bytes(), &long(payload), &[0xce]].concat();
        self.0.write_all(&bytes).expect("written");
    }

    /// Reads frames until this method comes.
    fn await_method(&mut self, class: u16, method: u16) {
        let wanted = [class.to_be_bytes(), method.to_be_bytes()].concat();
        loop {
            let mut head = [0; 7];
            self.0.read_exact(&mut head).expect("RabbitMQ answers");
            let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
            let mut rest = vec![0; usize::try_from(size).expect("it fits") + 1];
            self.0.read_exact(&mut rest).expect("RabbitMQ answers");
            // Methods of connection and channel that close it.
            assert!(!rest.starts_with(&[0, 10, 0, 50]) && !rest.starts_with(&[0, 20, 0, 40]), "{rest:?}");
            if head[0] == 1 && rest.starts_with(&wanted) {
                return;
            }
        }
    }
}

fn short(text: &str) -> Vec<u8> {
    [&[u8::try_from(text.len()).expect("it is short")], text.as_bytes()].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("it fits").to_be_bytes(), bytes].concat()
}

/// Values in each other as deep as there is room for: a start that repeats, and the type of what is inside.
fn nested(before: &[u8], room: usize) -> Vec<u8> {
    let step = before.len() + 4;
    let depth = room / step;
    let level = |level: usize| {
        let inside = u32::try_from((depth - 1 - level) * step).expect("it fits");
        [before, &inside.to_be_bytes()].concat()
    };
    // The outermost has no name of its own: the caller has written it.
    (0..depth).flat_map(level).collect()
}

/// What the other parts of the header's frame take, generously.
const BESIDES: usize = 100;

fn deep_list() -> Vec<u8> {
    nested(b"A", FRAME - BESIDES)
}

/// Tables whose only entry has an empty name.
fn deep_table() -> Vec<u8> {
    // Each is its type and length; what lies in one begins with the length of its name.
    let mut table = nested(b"\0F", FRAME - BESIDES);
    table.remove(0);
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_headers_as_deep_as_a_frame_has_room_for_do_not_end_the_host() {
    let node = Node::shared();
    let url = node.vhost("deep");
    let directory = tempfile::tempdir().expect("a temporary directory");
    put(&directory.path().join("plugins"), "puppet.wasm", &guests::bytes("puppet"));
    let mut process = Process::start_with(directory.path(), &[("LEVERET_BROKER_URL", url.clone())]);
    let emit = r#"{"do":"emit"}"#;
    until("the subscription", async || {
        let (status, answer) = http::publish(process.api(), PULLED, "the first", emit).await?;
        (status == 202 && answer["heard"] == true).then_some(())
    })
    .await;
    let mut publisher = RawPublisher::connect(&url, node.port());
    publisher.publish(PULLED, "a deep list", &deep_list(), emit.as_bytes());
    publisher.publish(PULLED, "a deep table", &deep_table(), emit.as_bytes());
    // Its dead letter is a copy, which the host writes and reads again.
    publisher.publish(PULLED, "a dead list", &deep_list(), br#"{"do":"reject","reason":"no"}"#);
    publisher.publish(PULLED, "the last", &nested(b"A", 5), emit.as_bytes());

    let counts = until("all five", async || {
        assert!(process.is_running(), "{}", process.log().join("\n"));
        let (_, status) = http::get(&format!("{}/status", process.api())).await?;
        let counts = status["deliveries"].clone();
        (counts["done"] == 4 && counts["dead"] == 1).then_some(counts)
    })
    .await;
    assert_eq!((&counts["returned"], &counts["retried"]), (&0.into(), &0.into()), "{counts}");
    let broker = connected(&url).await;
    let dead = QueueName::dead(&"puppet".parse().expect("a legal name"));
    assert_eq!(broker.depth(&dead).await, Ok(Some(1)));
    assert_eq!(broker.depth(&QueueName::task(&task("puppet.echo.make"))).await, Ok(Some(4)));
}
