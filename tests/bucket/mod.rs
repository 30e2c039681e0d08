//! What every place of buckets promises, each promise written once and shown for the file and for Redis.

mod file;
mod redis;

use std::sync::Arc;

use leveret::bucket::{Bucket, BucketError, BucketId, Buckets, Limits};

/// Buckets under test, with storage of their own.
trait Bench {
    /// A bench whose storage is empty.
    async fn new() -> Self;

    fn buckets(&self) -> Arc<dyn Buckets>;
}

/// Every case as a test of one bench.
macro_rules! buckets_for {
    ($bench:ty) => {
        buckets_for!($bench:
            what_is_set_is_there_until_it_is_deleted,
            any_bytes_are_kept_under_any_legal_key,
            i3_buckets_of_one_name_are_each_application_s_own,
            i8_a_bucket_holds_no_more_than_it_may,
            i8_what_shrinks_is_let_in_where_a_limit_was_lowered,
            keys_come_page_by_page_and_each_once,
            a_number_is_counted_up_in_one_step,
            what_is_no_number_is_not_counted_up,
            i8_a_count_keeps_to_the_limits,
        );
    };
    ($bench:ty: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                crate::bucket::$case(<$bench as crate::bucket::Bench>::new().await).await;
            }
        )+
    };
}
use buckets_for;

const LIMITS: Limits = Limits { size: 1 << 20, value: 1 << 18, count: 5_000 };

/// A bucket of an application.
fn bucket(bench: &impl Bench, app: &str, name: &str, limits: Limits) -> Bucket {
    let id = BucketId { app: app.parse().expect("legal"), name: name.parse().expect("legal") };
    Bucket { id, limits, buckets: bench.buckets() }
}

fn sent(bench: &impl Bench, limits: Limits) -> Bucket {
    bucket(bench, "pheidi", "sent", limits)
}

async fn what_is_set_is_there_until_it_is_deleted(bench: impl Bench) {
    let bucket = sent(&bench, LIMITS);
    assert_eq!(bucket.get("a").await, Ok(None));
    assert_eq!(bucket.exists("a").await, Ok(false));
    for value in [&b"one"[..], b"", b"two"] {
        bucket.set("a", value.into()).await.expect("written");
        assert_eq!(bucket.get("a").await, Ok(Some(value.into())));
        assert_eq!(bucket.exists("a").await, Ok(true));
    }
    for _ in 0..2 {
        bucket.delete("a").await.expect("deleted");
        assert_eq!(bucket.get("a").await, Ok(None));
    }
    assert_eq!(bucket.keys(None).await, Ok(Default::default()));
}

async fn any_bytes_are_kept_under_any_legal_key(bench: impl Bench) {
    let bucket = sent(&bench, LIMITS);
    let value: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let long = "x".repeat(255);
    let keys = ["a:b", "a b", "a'--", "%s", "*", "{x}", "\u{1F407}", "é", "e\u{301}", "A", "a", &long];
    for key in keys {
        bucket.set(key, key.into()).await.expect("written");
    }
    for key in keys {
        assert_eq!(bucket.get(key).await, Ok(Some(key.into())), "{key:?}");
    }
    bucket.set("a", value.clone()).await.expect("written");
    assert_eq!(bucket.get("a").await, Ok(Some(value)));
    for key in ["", "a\0", "a\n", "\u{7f}", &"x".repeat(256)] {
        assert_eq!(bucket.set(key, vec![]).await, Err(BucketError::Key), "{key:?}");
        assert_eq!(bucket.increment(key, 1).await, Err(BucketError::Key), "{key:?}");
    }
}

async fn i3_buckets_of_one_name_are_each_application_s_own(bench: impl Bench) {
    // Names that would meet if they were only joined.
    let buckets = [("pheidi", "sent"), ("docker", "sent"), ("pheidi", "sent-later"), ("pheidi-sent", "later")];
    for (app, name) in buckets {
        bucket(&bench, app, name, LIMITS).set("a", format!("{app} {name}").into()).await.expect("written");
    }
    for (app, name) in buckets {
        let bucket = bucket(&bench, app, name, LIMITS);
        assert_eq!(bucket.get("a").await, Ok(Some(format!("{app} {name}").into())));
        assert_eq!(bucket.keys(None).await.expect("a page").keys, ["a"]);
    }
}

async fn i8_a_bucket_holds_no_more_than_it_may(bench: impl Bench) {
    let bucket = sent(&bench, Limits { size: 20, value: 15, count: 3 });
    assert_eq!(bucket.set("a", vec![0; 16]).await, Err(BucketError::Value { size: 16, limit: 15 }));
    bucket.set("a", vec![0; 15]).await.expect("16 bytes");
    assert_eq!(bucket.set("b", vec![0; 4]).await, Err(BucketError::Full { limit: 20 }));
    bucket.set("b", vec![0; 3]).await.expect("20 bytes");
    assert_eq!(bucket.set("b", vec![0; 4]).await, Err(BucketError::Full { limit: 20 }));
    assert_eq!(bucket.get("b").await, Ok(Some(vec![0; 3])));
    // What is overwritten or deleted makes room.
    bucket.set("a", vec![0; 1]).await.expect("6 bytes");
    bucket.delete("b").await.expect("2 bytes");
    for key in ["c", "d"] {
        bucket.set(key, vec![]).await.expect("written");
    }
    assert_eq!(bucket.set("e", vec![]).await, Err(BucketError::Count { limit: 3 }));
    bucket.set("d", vec![0; 15]).await.expect("19 bytes");
}

async fn i8_what_shrinks_is_let_in_where_a_limit_was_lowered(bench: impl Bench) {
    for key in ["a", "b"] {
        sent(&bench, LIMITS).set(key, vec![0; 100]).await.expect("written");
    }
    let bucket = sent(&bench, Limits { size: 10, value: 100, count: 1 });
    bucket.set("a", vec![0; 99]).await.expect("less than before");
    assert_eq!(bucket.set("a", vec![0; 100]).await, Err(BucketError::Full { limit: 10 }));
    assert_eq!(bucket.set("c", vec![]).await, Err(BucketError::Count { limit: 1 }));
}

async fn keys_come_page_by_page_and_each_once(bench: impl Bench) {
    let bucket = sent(&bench, LIMITS);
    let keys: Vec<String> = (0..2_100).map(|number| format!("key {number}")).collect();
    let writing = keys.iter().map(|key| bucket.set(key, b"x".into()));
    for written in futures_util::future::join_all(writing).await {
        written.expect("written");
    }
    let (mut found, mut next, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = bucket.keys(next).await.expect("a page");
        assert!(page.keys.len() <= 1000);
        found.extend(page.keys);
        pages += 1;
        next = page.next;
        // What is written or deleted between two pages makes nothing else come twice, or not at all.
        bucket.delete(&found[0]).await.expect("deleted");
        bucket.set(&found[1], b"again".into()).await.expect("written");
        if next.is_none() {
            break;
        }
    }
    found.sort();
    let mut expected = keys;
    expected.sort();
    assert_eq!((found, pages), (expected, 3));
    assert_eq!(bucket.keys(Some(u64::MAX)).await, Ok(Default::default()));
}

async fn a_number_is_counted_up_in_one_step(bench: impl Bench) {
    let bucket = sent(&bench, LIMITS);
    let counting = (0..50).map(|_| bucket.increment("n", 2));
    let mut sums: Vec<u64> =
        futures_util::future::join_all(counting).await.into_iter().map(|sum| sum.expect("counted")).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=50).map(|number| number * 2).collect::<Vec<u64>>());
    assert_eq!(bucket.get("n").await, Ok(Some(b"100".into())));
    bucket.set("n", b"7".into()).await.expect("written");
    assert_eq!(bucket.increment("n", 0).await, Ok(7));
    bucket.set("n", b"9007199254740993".into()).await.expect("written");
    assert_eq!(bucket.increment("n", 2).await, Ok(9_007_199_254_740_995));
    assert_eq!(bucket.keys(None).await.expect("a page").keys, ["n"]);
}

async fn what_is_no_number_is_not_counted_up(bench: impl Bench) {
    let bucket = sent(&bench, LIMITS);
    for value in ["", "x", "-1", "01", " 1", "1.5", "+1"] {
        bucket.set("n", value.into()).await.expect("written");
        assert_eq!(bucket.increment("n", 1).await, Err(BucketError::NotANumber), "{value:?}");
        assert_eq!(bucket.get("n").await, Ok(Some(value.into())));
    }
    bucket.set("n", i64::MAX.to_string().into()).await.expect("written");
    assert_eq!(bucket.increment("n", 1).await, Err(BucketError::TooLarge));
    assert_eq!(bucket.increment("m", u64::MAX).await, Err(BucketError::TooLarge));
    assert_eq!(bucket.get("n").await, Ok(Some(i64::MAX.to_string().into())));
    assert_eq!(bucket.exists("m").await, Ok(false));
}

async fn i8_a_count_keeps_to_the_limits(bench: impl Bench) {
    let bucket = sent(&bench, Limits { size: 4, value: 4, count: 2 });
    assert_eq!(bucket.increment("a", 9).await, Ok(9));
    assert_eq!(bucket.increment("b", 9).await, Ok(9));
    assert_eq!(bucket.increment("b", 1).await, Err(BucketError::Full { limit: 4 }));
    assert_eq!(bucket.get("b").await, Ok(Some(b"9".into())));
    assert_eq!(bucket.increment("c", 1).await, Err(BucketError::Count { limit: 2 }));
    bucket.delete("a").await.expect("deleted");
    assert_eq!(bucket.increment("b", 91).await, Ok(100));
    assert_eq!(bucket.increment("c", 1).await, Err(BucketError::Full { limit: 4 }));
    assert_eq!(bucket.exists("c").await, Ok(false));
}
