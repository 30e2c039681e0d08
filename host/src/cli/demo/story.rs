//! What happens in the demo.

use std::net::SocketAddr;
use std::path::Path;

/// One event and why it matters.
pub(super) struct Scene {
    pub title: &'static str,
    pub event: &'static str,
    pub payload: &'static str,
}

pub(super) const BEGINNING: &str = "\
Leveret turns events into tasks, and tasks that are performed into events, by plugins
dropped into a directory. This is the embedded broker with six sample plugins. What is
in the trees below was really made by WebAssembly components; the workers among them
ask services of the demo over HTTP, which is granted to them and nothing else is.
";

pub(super) const FIRST: &[Scene] = &[
    Scene {
        title: "A car was ordered. It is charged, its parts are reserved, and a receipt is mailed.",
        event: "order.placed",
        payload: r#"{"number":"EC-1879","customer":"Lewis Latimer","lines":[{"part":"battery-75","quantity":1},{"part":"wheel-19","quantity":4}]}"#,
    },
    Scene {
        title: "Another, by somebody who cannot pay: the parts are given back.",
        event: "order.placed",
        payload: r#"{"number":"EC-1880","customer":"Thomas Edison","lines":[{"part":"battery-75","quantity":1}]}"#,
    },
    Scene {
        title: "A payment of nothing: the plugin rejects it, and it is kept as a dead letter.",
        event: "org.payment.processed",
        payload: r#"{"organization":{"id":1,"name":"Runnable"},"amount":0,"currency":"usd","paymentMethodOwner":{"email":"grace@example.org"}}"#,
    },
    Scene {
        title: "Five minutes passed. Old images are to be removed; that task waits for a service to perform it.",
        event: "time.five-minutes.passed",
        payload: "{}",
    },
];

pub(super) const REPLACEMENT: &str = "Now a newer docker.wasm is moved over the old one, while the host runs.\n";

pub(super) const SECOND: &[Scene] = &[Scene {
    title: "Five minutes passed again. The new version also says how much disk to leave free.",
    event: "time.five-minutes.passed",
    payload: "{}",
}];

pub(super) const NEXT: &str = "\
What to try next:
  ./dev demo --keep                            the same, left running to play with
  target/debug/leveret check target/guests/pheidi.wasm
  target/debug/leveret up                      a host of your own, on ./plugins
  less guest-sdk/rust/README.md                your first plugin, in two minutes";

pub(super) fn keeping(address: &SocketAddr, plugins: &Path) -> String {
    let plugins = plugins.display();
    format!(
        "\
The host goes on; Ctrl-C ends it. In another terminal:
  export LEVERET_ADMIN_ADDRESS={address}
  target/debug/leveret status
  target/debug/leveret publish time.one-day.passed
  curl -i -H 'content-type: application/json' -d '{{}}' http://{address}/events/time.one-day.passed
  cp my-plugin.wasm {plugins}/"
    )
}
