//! The file: the promises, and what only a file can show.

use leveret::bucket::FileBuckets;
use tempfile::TempDir;

use super::*;

struct File {
    buckets: Arc<FileBuckets>,
    directory: TempDir,
}

impl File {
    fn open(directory: &TempDir) -> Arc<FileBuckets> {
        Arc::new(FileBuckets::open(&directory.path().join("buckets.db")).expect("opens"))
    }
}

impl Bench for File {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { buckets: Self::open(&directory), directory }
    }

    fn buckets(&self) -> Arc<dyn Buckets> {
        self.buckets.clone()
    }
}

buckets_for!(File);

#[tokio::test]
async fn what_is_written_is_there_for_the_next_host_and_the_one_beside() {
    let bench = File::new().await;
    sent(&bench, LIMITS).set("a", b"one".into()).await.expect("written");
    let beside = File { buckets: File::open(&bench.directory), directory: tempfile::tempdir().expect("a directory") };
    assert_eq!(sent(&beside, LIMITS).get("a").await, Ok(Some(b"one".into())));
    sent(&beside, LIMITS).set("a", b"two".into()).await.expect("written");
    assert_eq!(sent(&bench, LIMITS).get("a").await, Ok(Some(b"two".into())));
    let File { buckets, directory } = bench;
    drop((buckets, beside));
    let next = File { buckets: File::open(&directory), directory };
    assert_eq!(sent(&next, LIMITS).get("a").await, Ok(Some(b"two".into())));
}
