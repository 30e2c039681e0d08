//! What the plugin sees of the world, and what it can reach.

use crate::milliseconds;
use leveret_plugin::prelude::*;
use rand::TryRngCore;
use rand::rngs::OsRng;
use std::net::TcpStream;
use std::time::SystemTime;

pub fn seen() -> Value {
    let random: [u32; 4] = rand::random();
    let entropy: Result<Vec<u32>, _> = (0..4).map(|_| OsRng.try_next_u32()).collect();
    json!({ "now": milliseconds(SystemTime::now()), "random": random, "entropy": entropy.unwrap_or_default() })
}

pub fn reached() -> Value {
    json!({
        "file": std::fs::read("/etc/passwd").is_ok(),
        "environment": std::env::vars_os().next().is_some(),
        "network": TcpStream::connect("127.0.0.1:80").is_ok(),
    })
}
