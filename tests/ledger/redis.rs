//! Redis: the promises, and what only a server that goes away can show.

use std::net::TcpListener;

use leveret::ledger::RedisInbox;
use leveret_tests::redis::{Redis, free_port};
use leveret_tests::wait::until;

use super::*;

struct Server {
    inbox: RedisInbox,
    redis: Redis,
}

impl Bench for Server {
    const COUNTS: bool = false;

    async fn new() -> Self {
        let redis = start(free_port(), &[]).await;
        Self { inbox: RedisInbox::open(&redis.url()).expect("a legal URL"), redis }
    }

    fn inbox(&self) -> &dyn Inbox {
        &self.inbox
    }
}

inbox_for!(Server);

/// Starting a server blocks.
async fn start(port: u16, settings: &'static [&'static str]) -> Redis {
    tokio::task::spawn_blocking(move || Redis::start_with(port, settings)).await.expect("a server")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_host_knows_what_one_has_handled() {
    let bench = Server::new().await;
    let other = RedisInbox::open(&bench.redis.url()).expect("a legal URL");
    let id = MessageId::fresh();
    bench.inbox.handled(&plugin("pheidi"), &send(), &id, WINDOW).await.expect("recorded");
    bench.inbox.hold(&send(), &id, Some(held(1000))).await.expect("recorded");
    assert_eq!(other.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(true));
    assert_eq!(other.held(&send(), &id).await, Ok(Some(held(1000))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_any_length_is_taken() {
    let bench = Server::new().await;
    for time in [Duration::ZERO, Duration::MAX] {
        let window = Window { time, ..WINDOW };
        bench.inbox.handled(&plugin("pheidi"), &send(), &MessageId::fresh(), window).await.expect("recorded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_an_error_until_it_is_back() {
    let Server { inbox, redis } = Server::new().await;
    let id = MessageId::fresh();
    let handled = async || inbox.handled(&plugin("pheidi"), &send(), &id, WINDOW).await;
    handled().await.expect("recorded");
    let port = redis.port();
    tokio::task::spawn_blocking(move || drop(redis)).await.expect("killed");
    for _ in 0..3 {
        let error = handled().await.expect_err("it is away").to_string();
        assert!(error.contains(&format!("Redis at 127.0.0.1:{port}")), "{error}");
    }
    let _redis = start(port, &[]).await;
    until("an answer", async || handled().await.ok()).await;
    assert_eq!(inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_does_not_answer_is_an_error() {
    // The system takes connections for it, and nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("bound").port();
    let inbox = RedisInbox::open(&format!("redis://ada:secret@127.0.0.1:{port}")).expect("a legal URL");
    let error = inbox.has_handled(&plugin("pheidi"), &MessageId::fresh(), WINDOW).await.expect_err("nobody answers");
    assert!(error.to_string().contains("no answer within 1s"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_refused_is_not_repeated_and_tried_again() {
    let port = free_port();
    let redis = start(port, &["--requirepass", "right"]).await;
    let inbox = RedisInbox::open(&format!("redis://:secret@127.0.0.1:{port}")).expect("a legal URL");
    let id = MessageId::fresh();
    for _ in 0..2 {
        let error = inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await.expect_err("it is wrong").to_string();
        assert!(!error.contains("secret"), "{error}");
    }
    tokio::task::spawn_blocking(move || drop(redis)).await.expect("killed");
    let _redis = start(port, &["--requirepass", "secret"]).await;
    until("an answer", async || inbox.has_handled(&plugin("pheidi"), &id, WINDOW).await.ok()).await;
}
