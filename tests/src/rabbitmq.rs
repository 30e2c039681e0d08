//! A RabbitMQ node for tests: private, on loopback, and gone when the test process is, however that ends.
//!
//! The node runs under a small shell script that reads orders from a pipe. The test process holds the other end, so the
//! script reads the pipe's end even after `kill -9` of the test process, and then kills the node and removes its files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::guests;

/// Where RabbitMQ's own scripts are, below the root of Debian's packages. The ones in `/usr/sbin` insist on a certain user.
const PROGRAMS: &str = "usr/lib/rabbitmq/bin";
/// Where the programs of Erlang are, among them `epmd`.
const ERLANG: &str = "usr/lib/erlang/bin";
/// Says which version the tests run on: see [`Version::chosen`].
const CHOICE: &str = "TESTED_RABBITMQ";
/// The longest that a node may take to start, on a machine that is busy with other tests.
const START_LIMIT: Duration = Duration::from_secs(180);
/// How large a message may be, in bytes: as 3.10 lets it be by default. 4.x refuses more than 16 MiB.
const MESSAGE_LIMIT: u64 = 134_217_728;
/// `guest:guest`, which every node has and lets in from loopback.
const CREDENTIALS: &str = "Basic Z3Vlc3Q6Z3Vlc3Q=";

/// Obeys `start`, `stop` (in order), `kill` (at once), `alarm`, `calm` and any line of `rabbitmqctl`, as a shell reads it, and
/// answers a line once it is done. Cleans up at the end of its
/// input, even while the node starts: its processes are a group of their own. `epmd` obeys only once the node is no longer
/// known to it.
const KEEPER: &str = r#"
end() { [ -s "$RABBITMQ_PID_FILE" ] && kill "-$1" "$(cat "$RABBITMQ_PID_FILE")" 2>/dev/null; wait; rm -f "$RABBITMQ_PID_FILE"; }
while read -r order; do
    case "$order" in
        start)
            rm -f "$HOME/log/node.log"
            setsid "$PROGRAMS/rabbitmq-server" >"$HOME/log/output" 2>&1 </dev/null &
            group=$! ;;
        stop) end TERM ;;
        kill) end KILL ;;
        alarm) "$PROGRAMS/rabbitmqctl" set_vm_memory_high_watermark 0.000001 >"$HOME/log/control" 2>&1 </dev/null ;;
        calm) "$PROGRAMS/rabbitmqctl" set_vm_memory_high_watermark absolute 1GB >"$HOME/log/control" 2>&1 </dev/null ;;
        rabbitmqctl\ *) eval "\"\$PROGRAMS\"/$order" >"$HOME/log/control" 2>&1 </dev/null || { echo failed; continue; } ;;
    esac
    echo done
done
[ -n "${group-}" ] && kill -s KILL -- "-$group" 2>/dev/null
end KILL
for try in 1 2 3 4 5 6 7 8 9 10; do
    epmd -port "$ERL_EPMD_PORT" -kill 2>/dev/null | grep -q Killed && break
    sleep 0.2
done
rm -rf "$HOME"
"#;

/// Whose programs a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The system's own; 3.10 on Debian 12.
    System,
    /// The newest 4.x, which `./dev setup` unpacks.
    Four,
}

impl Version {
    /// What the environment variable `TESTED_RABBITMQ` asks for: `4`, or `3` for the system's, which it is too where
    /// the variable is not set.
    ///
    /// # Panics
    /// If it asks for anything else.
    pub fn chosen() -> Self {
        match std::env::var(CHOICE).as_deref() {
            Err(_) | Ok("3") => Self::System,
            Ok("4") => Self::Four,
            Ok(other) => panic!("{CHOICE} is {other:?}; it can be 3 or 4"),
        }
    }

    fn root(self) -> PathBuf {
        match self {
            Self::System => "/".into(),
            Self::Four => guests::target().join("tools/rabbitmq-4"),
        }
    }

    /// Where programs are looked for: first of all in the Erlang that belongs to it.
    fn path(self) -> OsString {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let directories = std::iter::once(self.root().join(ERLANG)).chain(std::env::split_paths(&inherited));
        std::env::join_paths(directories).expect("neither has a colon in it")
    }
}

/// A RabbitMQ node of its own. Its methods block; call them from a test on tokio's multi-thread runtime where something
/// else must go on meanwhile.
#[derive(Debug)]
pub struct Node {
    version: Version,
    directory: PathBuf,
    port: u16,
    management_port: u16,
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    process: Child,
}

impl Node {
    /// The node that all tests of this process share; each takes a [`Node::vhost`] of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Node> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a node of the chosen version, which the caller may stop and kill.
    ///
    /// # Panics
    /// If RabbitMQ is not installed or does not start.
    pub fn start() -> Self {
        Self::start_version(Version::chosen())
    }

    /// Starts a node of this version; see [`Node::start`].
    pub fn start_version(version: Version) -> Self {
        Self::start_limited(version, MESSAGE_LIMIT)
    }

    /// Starts a node of this version that takes messages of this many bytes at the most; see [`Node::start`].
    pub fn start_limited(version: Version, message_limit: u64) -> Self {
        let programs = version.root().join(PROGRAMS);
        assert!(
            programs.join("rabbitmq-server").exists(),
            "there is no rabbitmq-server in {}: run ./dev setup, which sees to it",
            programs.display()
        );
        let directory = tempfile::Builder::new().prefix("leveret-rabbitmq-").tempdir().expect("a directory").keep();
        let [port, distribution, management_port, epmd] = free_ports();
        let log = directory.join("log");
        fs::create_dir(&log).expect("a directory for logs");
        fs::write(directory.join("plugins"), "[rabbitmq_management].").expect("the list of plugins");
        fs::write(directory.join("rabbitmq.conf"), configuration(port, management_port, message_limit))
            .expect("the configuration");
        let path = |name: &str| directory.join(name).into_os_string();
        let environment = BTreeMap::from([
            ("PROGRAMS", programs.into_os_string()),
            ("PATH", version.path()),
            ("HOME", directory.clone().into_os_string()),
            ("ERL_EPMD_PORT", epmd.to_string().into()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODENAME", format!("leveret{port}@localhost").into()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".into()),
            ("RABBITMQ_NODE_PORT", port.to_string().into()),
            ("RABBITMQ_DIST_PORT", distribution.to_string().into()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2".into()),
            ("RABBITMQ_MNESIA_BASE", path("data")),
            ("RABBITMQ_LOG_BASE", log.clone().into_os_string()),
            ("RABBITMQ_LOGS", log.join("node.log").into_os_string()),
            ("RABBITMQ_PID_FILE", path("pid")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".into()),
            ("RABBITMQ_CONFIG_FILE", path("rabbitmq")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", path("generated")),
            ("RABBITMQ_SCHEMA_DIR", path("schema")),
        ]);
        let mut process = Command::new("sh")
            .args(["-c", KEEPER])
            .envs(environment)
            // Where a node that fails leaves its crash dump.
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the terminal is for the test process only; this one has to clean up after it.
            .process_group(0)
            .spawn()
            .expect("every system has sh");
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("it is piped"));
        let keeper = Mutex::new(Keeper { orders, answers, process });
        let node = Self { version, directory, port, management_port, keeper };
        node.start_again();
        node
    }

    /// The port for AMQP, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new vhost, as an AMQP URL. The name is only a hint.
    pub fn vhost(&self, hint: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{hint}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.put(&format!("vhosts/{name}"), serde_json::json!({}));
        let everything = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.put(&format!("permissions/{name}/guest"), everything);
        format!("amqp://guest:guest@127.0.0.1:{}/{name}", self.port)
    }

    /// Stops the node in order.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Ends the node as a loss of power would.
    pub fn kill(&self) {
        self.order("kill");
    }

    /// Starts the node after [`Node::stop`] or [`Node::kill`], and waits until it serves.
    pub fn start_again(&self) {
        self.order("start");
        let log = self.directory.join("log/node.log");
        let begun = Instant::now();
        while !fs::read_to_string(&log).unwrap_or_default().contains("Server startup complete") {
            assert!(begun.elapsed() < START_LIMIT, "RabbitMQ does not start: {}", self.last_words());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Makes the node believe that it has too little memory, or enough again. Nobody may publish meanwhile.
    pub fn memory_alarm(&self, is: bool) {
        self.order(if is { "alarm" } else { "calm" });
    }

    /// Does what a command line of `rabbitmqctl set_policy` says, as an operator's shell reads it. The unpacked 4.x cannot
    /// run it, and is told by HTTP.
    ///
    /// # Panics
    /// If the words are not `--vhost`, a vhost, `--apply-to`, what, a name, a pattern and a definition.
    pub fn set_policy(&self, command: &str) {
        let arguments = command.strip_prefix("rabbitmqctl set_policy ").expect("it sets a policy");
        assert!(!command.contains('\n'), "{command}");
        if self.version == Version::System {
            return self.order(command);
        }
        let words = Command::new("sh").args(["-c", &format!("printf '%s\\n' {arguments}")]).output();
        let words = String::from_utf8(words.expect("every system has sh").stdout).expect("UTF-8");
        let words: Vec<_> = words.lines().collect();
        let ["--vhost", vhost, "--apply-to", what, name, pattern, definition] = words[..] else { panic!("{words:?}") };
        let definition: serde_json::Value = serde_json::from_str(definition).expect("JSON");
        let policy = serde_json::json!({ "pattern": pattern, "definition": definition, "apply-to": what });
        self.put(&format!("policies/{}/{name}", encode(vhost)), policy);
    }

    /// The URL of a vhost for a new user with these rights, each a pattern of names.
    pub fn user(&self, url: &str, name: &str, [configure, write, read]: [&str; 3]) -> String {
        self.put(&format!("users/{name}"), serde_json::json!({ "password": "secret", "tags": "" }));
        let rights = serde_json::json!({ "configure": configure, "write": write, "read": read });
        self.put(&format!("permissions/{}/{name}", vhost_of(url)), rights);
        url.replace("guest:guest", &format!("{name}:secret"))
    }

    /// Closes every connection to a vhost, once there is one. Says how many there were.
    pub fn close_connections(&self, url: &str) -> usize {
        let begun = Instant::now();
        loop {
            let connections = self.get(&format!("vhosts/{}/connections", vhost_of(url)));
            let names: Vec<_> =
                connections.as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()).collect();
            let closed = names.iter().filter(|name| self.delete(&format!("connections/{}", encode(name)))).count();
            if closed > 0 {
                return closed;
            }
            assert!(begun.elapsed() < START_LIMIT, "nobody connects");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Deletes a queue with all that is in it.
    pub fn delete_queue(&self, url: &str, queue: &str) {
        assert!(self.delete(&format!("queues/{}/{queue}", vhost_of(url))), "there is no queue {queue}");
    }

    /// What RabbitMQ's management says at a path below `/api`.
    pub fn get(&self, path: &str) -> serde_json::Value {
        let mut response =
            self.agent().get(self.url(path)).header("authorization", CREDENTIALS).call().expect("an answer");
        response.body_mut().read_json().expect("JSON")
    }

    fn put(&self, path: &str, body: serde_json::Value) {
        let request = self.agent().put(self.url(path)).header("authorization", CREDENTIALS);
        let response = request.send_json(body).expect("an answer");
        assert!(response.status().is_success(), "PUT {path}: {}", response.status());
    }

    fn delete(&self, path: &str) -> bool {
        let request = self.agent().delete(self.url(path)).header("authorization", CREDENTIALS);
        request.call().expect("an answer").status().is_success()
    }

    fn agent(&self) -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).build().into()
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/{path}", self.management_port)
    }

    fn order(&self, order: &str) {
        // A test that panicked during an order has made its point; the node is still of use to the others.
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = keeper.orders.as_mut().expect("only taken on drop");
        writeln!(orders, "{order}").expect("the keeper reads until the pipe is closed");
        let mut answer = String::new();
        keeper.answers.read_line(&mut answer).expect("the keeper answers every order");
        assert_eq!(answer, "done\n", "the keeper of the RabbitMQ node has ended");
    }

    fn last_words(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.directory.join("log").join(name)).unwrap_or_default();
        let words = read("output") + &read("node.log");
        let lines: Vec<_> = words.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let keeper = self.keeper.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(keeper.orders.take());
        // Nothing can be done about a keeper that does not end well.
        let _ = keeper.process.wait();
    }
}

fn configuration(port: u16, management_port: u16, message_limit: u64) -> String {
    format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management_port}\n\
         vm_memory_high_watermark.absolute = 1GB\n\
         disk_free_limit.absolute = 50MB\n\
         max_message_size = {message_limit}\n\
         log.file.level = info\n"
    )
}

/// Ports below those that systems hand out by themselves: while a node is down, nobody else must get its port.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 1000).expect("below 1000") * 11;
    // Held until all are found, so that all differ.
    let mut held = Vec::new();
    while held.len() < COUNT {
        let port = 20_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            held.push((port, listener));
        }
    }
    std::array::from_fn(|index| held[index].0)
}

fn vhost_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Percent-encodes all that is not a letter or a digit.
fn encode(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}
