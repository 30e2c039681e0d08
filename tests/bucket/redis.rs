//! Redis: the promises, and what only a server that goes away can show.

use leveret::bucket::RedisBuckets;
use leveret_tests::redis::{Redis, free_port};

use super::*;

struct Server {
    buckets: Arc<RedisBuckets>,
    redis: Redis,
}

impl Bench for Server {
    async fn new() -> Self {
        // Starting a server blocks.
        let redis = tokio::task::spawn_blocking(|| Redis::start_at(free_port())).await.expect("a server");
        Self { buckets: Arc::new(RedisBuckets::open(&redis.url()).expect("a legal URL")), redis }
    }

    fn buckets(&self) -> Arc<dyn Buckets> {
        self.buckets.clone()
    }
}

buckets_for!(Server);

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_is_an_error() {
    let Server { buckets, redis } = Server::new().await;
    let id = BucketId { app: "pheidi".parse().expect("legal"), name: "sent".parse().expect("legal") };
    let bucket = Bucket { id, limits: LIMITS, buckets };
    bucket.set("a", b"one".into()).await.expect("written");
    let port = redis.port();
    tokio::task::spawn_blocking(move || drop(redis)).await.expect("killed");
    let error = bucket.get("a").await.expect_err("it is away").to_string();
    assert!(error.contains(&format!("Redis at 127.0.0.1:{port}")), "{error}");
}
