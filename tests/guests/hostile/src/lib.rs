//! A plugin that reaches for whatever it can, as the payload of `thing.happened` tells it to: for the sandbox suite. Its
//! report lists what it reached, which must be nothing.

#![forbid(unsafe_code)]

use std::fmt::Debug;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io, process, thread};

use leveret_plugin::prelude::*;

const REPORT: &str = "report.make";

/// One instruction: `{"do": "files"}`.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Instruction {
    Files,
    Environment,
    Sockets,
    /// Ask for the addresses of hosts.
    Names,
    /// Find out the real time, or how long anything takes.
    Clock,
    Processes,
    Sleep,
    Exit,
    Print,
    /// Write what a terminal takes for orders, and what looks like a line of the host's.
    Steer,
    /// Emit as much as is allowed.
    Emit,
    EmitMore,
    Header {
        name: String,
    },
    Task {
        name: String,
    },
    /// Emit a task whose name is longer than a name may be.
    Long,
}

#[subscribe("thing.happened")]
fn reach(event: Event<Instruction>) -> Handled {
    match event.payload {
        Instruction::Files => report([
            reached("read", fs::read("/etc/passwd")),
            reached("read here", fs::read("leveret.toml")),
            reached("read itself", fs::read("hostile.wasm")),
            reached("read up", fs::read("../../../../etc/passwd")),
            reached("memory", fs::read("/proc/self/environ")),
            reached("list", fs::read_dir("/").map(Iterator::count)),
            reached("list here", fs::read_dir(".").map(Iterator::count)),
            reached("write", fs::write("plugins/other.wasm", "x")),
            reached("remove", fs::remove_file("broker.db")),
            reached("temporary", fs::write("/tmp/x", "x")),
        ]),
        Instruction::Environment => report([
            env::vars().next().map(|(name, _)| format!("variable {name}")),
            env::args().next().map(|argument| format!("argument {argument}")),
            env::var_os("PATH").map(|_| "PATH".to_owned()),
            env::var_os("HOME").map(|_| "HOME".to_owned()),
            reached(
                "input",
                io::stdin().lines().next().transpose().and_then(|line| line.ok_or(io::ErrorKind::Other.into())),
            ),
        ]),
        Instruction::Sockets => {
            let [loopback, metadata, public] = [([127, 0, 0, 1], 5672), ([169, 254, 169, 254], 80), ([1, 1, 1, 1], 53)];
            report([
                reached("connect to the broker", TcpStream::connect(SocketAddr::from(loopback))),
                reached("connect to metadata", TcpStream::connect(SocketAddr::from(metadata))),
                reached("connect", TcpStream::connect(SocketAddr::from(public))),
                reached("listen", TcpListener::bind("0.0.0.0:0")),
                reached("bind", UdpSocket::bind("0.0.0.0:0")),
                reached("connect by IPv6", TcpStream::connect("[::1]:5672")),
            ])
        }
        Instruction::Names => report(
            ["localhost", "metadata.google.internal", "example.org"]
                .map(|name| reached(name, (name, 80).to_socket_addrs().map(Iterator::count))),
        ),
        Instruction::Clock => {
            let (begun, started) = (SystemTime::now(), Instant::now());
            let busy: u64 = (0..2_000_000).fold(0, |sum, turn| std::hint::black_box(sum ^ turn));
            let moved = SystemTime::now() != begun || !started.elapsed().is_zero();
            report([(moved && busy != 1).then(|| "a clock that runs".to_owned())])
        }
        Instruction::Processes => report([
            reached("a thread", thread::Builder::new().spawn(|| ())),
            reached("a process", process::Command::new("/bin/sh").spawn()),
        ]),
        Instruction::Sleep => {
            thread::sleep(Duration::from_secs(3600));
            Err(reject("an hour has passed"))
        }
        Instruction::Exit => process::exit(0),
        Instruction::Print => loop {
            println!("{}", "x".repeat(4096));
            eprintln!("{}", "x".repeat(4096));
        },
        Instruction::Steer => {
            println!("\x1b]0;mine\x07\x1b[2J\r\n2026-01-01T00:00:00Z ERROR leveret: forged");
            log::info!("\x1b[31mred\nERROR leveret: forged");
            report::<0>([])
        }
        Instruction::Emit => emit(1000),
        Instruction::EmitMore => emit(1001),
        Instruction::Header { name } => Ok(vec![Task::new(REPORT, &json!({}))?.header(name, "1")]),
        Instruction::Task { name } => Ok(vec![Task::new(name, &json!({}))?]),
        Instruction::Long => Ok(vec![Task::new(format!("report.{}", "x".repeat(300)), &json!({}))?]),
    }
}

/// What was reached, in words; `None` if it was not.
fn reached<T: Debug>(what: &str, result: io::Result<T>) -> Option<String> {
    result.ok().map(|found| format!("{what}: {found:?}"))
}

fn report<const N: usize>(reached: [Option<String>; N]) -> Handled {
    let reached: Vec<String> = reached.into_iter().flatten().collect();
    Ok(vec![Task::new(REPORT, &json!({ "reached": reached }))?])
}

/// Tasks of 4,000 bytes: a thousand of them are nearly as much as may be emitted.
fn emit(number: usize) -> Handled {
    let task = Task::new(REPORT, &json!({ "reached": [], "padding": "x".repeat(3900) }))?;
    Ok(vec![task; number])
}

leveret_plugin::plugin! {
    version: "1",
    subscribers: [reach],
    emits: ["report.make"],
}
