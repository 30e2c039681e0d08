//! A Redis for tests: private, on loopback, and gone when the test process is, however that ends.
//!
//! As with a RabbitMQ node, a small shell script holds it: at the end of its input it kills the server and removes its
//! files.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// The longest that a server may take to start, on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Waits for the end of its input, even while the server starts.
const KEEPER: &str = r#"
redis-server --bind 127.0.0.1 --port "$PORT" --dir "$DIRECTORY" --save '' --appendonly no "$@" >"$DIRECTORY/output" 2>&1 &
server=$!
while read -r order; do :; done
kill -9 "$server" 2>/dev/null
wait
rm -rf "$DIRECTORY"
"#;

/// A Redis of its own; dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    keeper: Child,
}

impl Redis {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// If Redis is not installed or does not start.
    pub fn start() -> Self {
        Self::start_at(free_port())
    }

    /// Starts a server on a port where there was one before.
    pub fn start_at(port: u16) -> Self {
        Self::start_with(port, &[])
    }

    /// Starts a server with further settings, as on the command line.
    pub fn start_with(port: u16, settings: &[&str]) -> Self {
        let directory = tempfile::Builder::new().prefix("leveret-redis-").tempdir().expect("a directory").keep();
        let keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .args(settings)
            .env("PORT", port.to_string())
            .env("DIRECTORY", &directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for the test process only; this one has to clean up after it.
            .process_group(0)
            .spawn()
            .expect("every system has sh");
        let redis = Self { port, keeper };
        let begun = Instant::now();
        while !redis.answers() {
            let said = || std::fs::read_to_string(directory.join("output")).unwrap_or_default();
            assert!(
                begun.elapsed() < START_LIMIT,
                "redis-server does not start, or is not installed (./dev test installs it): {}",
                said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Whether it answers, be it with a refusal.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let mut answer = [0; 1];
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("not zero");
        stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        // Nothing can be done about a keeper that does not end well.
        let _ = self.keeper.wait();
    }
}

/// A port below those that systems hand out by themselves, and below those of the RabbitMQ nodes: while a server is
/// down, nobody else must get its port.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 1000).expect("below 1000") * 9;
    loop {
        let port = 11_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 9_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
