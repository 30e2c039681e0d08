//! The services in Node.js, as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use leveret_tests::rabbitmq::Node;
use leveret_tests::wait::soon;
use serde_json::Value;

/// A service in Node.js; it is killed when this is dropped.
pub struct Service {
    child: Child,
    output: Arc<Mutex<BufReader<ChildStdout>>>,
}

impl Service {
    /// Starts a program of `tests/ponos` on a vhost of the shared node.
    pub fn start(vhost: &str, arguments: &[&str]) -> Self {
        let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/ponos"));
        assert!(directory.join("node_modules/ponos").is_dir(), "Ponos is not installed: run ./dev setup");
        let mut child = Command::new("node")
            .args(arguments)
            .current_dir(directory)
            .env("RABBITMQ_HOSTNAME", "127.0.0.1")
            .env("RABBITMQ_PORT", Node::shared().port().to_string())
            .env("RABBITMQ_VHOST", vhost)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is not installed: run ./dev setup");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, output: Arc::new(Mutex::new(output)) }
    }

    /// Starts a worker, and waits until it listens.
    pub async fn worker(vhost: &str, arguments: &[&str]) -> Self {
        let worker = Self::start(vhost, &[&["worker.js"], arguments].concat());
        assert_eq!(worker.line().await, "ready\n");
        worker
    }

    /// The next line that it prints.
    async fn line(&self) -> String {
        let output = self.output.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            output.lock().expect("not poisoned").read_line(&mut line).map(|_| line)
        });
        soon("a line", read).await.expect("it does not panic").expect("UTF-8")
    }

    /// What it reports next.
    pub async fn report(&self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
