//! What `ARCHITECTURE.md` says of the source tree, read from the source tree.

mod contract;
mod documents;
mod languages;
mod source;

use source::Source;

/// A module of the host, what it may import, and what of that is none of its business all the same.
struct Layer {
    module: &'static str,
    may: &'static [&'static str],
    but_not: &'static [&'static str],
}

/// The adapters are chosen by `host` alone; everyone else knows the ports.
const ADAPTERS: [&str; 12] = [
    "bucket::file",
    "bucket::redis",
    "bucket::FileBuckets",
    "bucket::RedisBuckets",
    "broker::embedded",
    "broker::rabbitmq",
    "ledger::file",
    "ledger::memory",
    "ledger::redis",
    "ledger::Ledger",
    "ledger::MemoryInbox",
    "ledger::RedisInbox",
];

/// Imports run one way, from the end of this list to its beginning.
const LAYERS: &[Layer] = &[
    Layer { module: "name", may: &[], but_not: &[] },
    Layer { module: "json", may: &[], but_not: &[] },
    Layer { module: "message", may: &["name"], but_not: &[] },
    Layer { module: "schedule", may: &["message", "name"], but_not: &[] },
    Layer { module: "config", may: &["schedule", "name"], but_not: &[] },
    Layer { module: "project", may: &["name"], but_not: &[] },
    Layer { module: "private_file", may: &[], but_not: &[] },
    Layer { module: "rate", may: &[], but_not: &[] },
    Layer { module: "broker", may: &["private_file", "message", "name"], but_not: &[] },
    Layer { module: "history", may: &["broker", "rate", "message", "name"], but_not: &ADAPTERS },
    Layer { module: "redis", may: &[], but_not: &[] },
    Layer { module: "bucket", may: &["redis", "private_file", "name"], but_not: &[] },
    Layer { module: "ledger", may: &["redis", "private_file", "message", "name"], but_not: &[] },
    Layer { module: "plugin", may: &["bucket", "schedule", "message", "name"], but_not: &ADAPTERS },
    Layer { module: "catalog", may: &["plugin", "message", "name"], but_not: &[] },
    Layer { module: "clock", may: &["broker", "schedule", "message", "name"], but_not: &ADAPTERS },
    Layer { module: "dead", may: &["broker", "message", "name"], but_not: &ADAPTERS },
    Layer {
        module: "delivery",
        may: &["broker", "ledger", "plugin", "rate", "message", "name"],
        // Only their traits, so that the pipeline is tested with neither a broker nor wasm. An inbox in memory will do
        // for that.
        but_not: &[
            "broker::embedded",
            "broker::rabbitmq",
            "ledger::file",
            "ledger::redis",
            "ledger::Ledger",
            "ledger::RedisInbox",
            "plugin::Sandbox",
            "plugin::Compiled",
        ],
    },
    Layer {
        module: "cases",
        // The way to the sandbox that an event takes, without what is on both sides of it.
        may: &[
            "delivery::admit",
            "delivery::NotAdmitted",
            "dead",
            "catalog",
            "plugin",
            "config",
            "json",
            "message",
            "name",
        ],
        but_not: &ADAPTERS,
    },
    Layer {
        module: "admin",
        may: &["clock", "dead", "history", "delivery", "catalog", "broker", "ledger", "plugin", "message", "name"],
        but_not: &ADAPTERS,
    },
    Layer {
        module: "host",
        may: &[
            "admin", "clock", "dead", "history", "delivery", "catalog", "broker", "bucket", "ledger", "plugin",
            "redis", "rate", "config", "schedule", "message", "name",
        ],
        but_not: &[],
    },
    Layer {
        module: "cli",
        may: &[
            "host", "cases", "admin", "clock", "dead", "history", "delivery", "catalog", "broker", "ledger", "plugin",
            "project", "config", "schedule", "json", "message", "name",
        ],
        but_not: &ADAPTERS,
    },
    Layer { module: "main", may: &["cli"], but_not: &[] },
];

/// Libraries that few parts of the host are the doors to, so that others can take their place.
const DOORS: &[(&str, &[&str])] = &[
    ("axum", &["admin", "cli/demo/services.rs"]),
    ("clap", &["cli"]),
    ("croner", &["schedule"]),
    ("http", &["plugin/grant"]),
    ("http_body_util", &["plugin/grant"]),
    ("hyper_rustls", &["plugin/grant"]),
    ("hyper_util", &["plugin/grant"]),
    ("indicatif", &["cli"]),
    ("ipnet", &["config/grant.rs", "plugin/grant"]),
    ("jiff", &["plugin/deferral.rs", "schedule"]),
    ("jsonschema", &["plugin"]),
    ("async_rs", &["broker/rabbitmq/stream.rs"]),
    ("lapin", &["broker/rabbitmq"]),
    ("minisign_verify", &["catalog/trust.rs"]),
    ("notify", &["catalog", "cli/dev"]),
    ("prometheus_client", &["admin"]),
    ("rayon", &["plugin/background.rs"]),
    ("redis", &["redis.rs", "ledger/redis", "bucket/redis"]),
    ("rusqlite", &["broker/embedded", "bucket/file", "ledger/file"]),
    ("rustix", &["plugin/background.rs"]),
    ("similar", &["cases"]),
    ("tower_service", &["plugin/grant"]),
    ("tracing_subscriber", &["cli"]),
    ("ureq", &["cli"]),
    ("wasi_preview1_component_adapter_provider", &["project"]),
    ("wasmparser", &["plugin/weigh.rs", "project"]),
    ("wasmtime", &["plugin"]),
    ("wasmtime_wasi", &["plugin"]),
    ("wasmtime_wasi_config", &["plugin"]),
    ("wasmtime_wasi_http", &["plugin"]),
    ("wit_component", &["project"]),
    ("wit_parser", &["project"]),
];

/// The most lines that a person is asked to read in one piece.
const LONGEST: usize = 500;

#[test]
fn imports_run_one_way() {
    let mut violations = Vec::new();
    for source in Source::all("host/src") {
        let module = source.module();
        if module == "lib" {
            continue;
        }
        let Some(layer) = LAYERS.iter().find(|layer| layer.module == module) else {
            violations.push(format!("{}: `{module}` has no layer yet; give it one here", source.path));
            continue;
        };
        let allowed = |import: &str| {
            let within = |path: &str| import == path || import.starts_with(&format!("{path}::"));
            within(module)
                || layer.may.iter().any(|path| within(path)) && !layer.but_not.iter().any(|path| within(path))
        };
        for (line, import) in source.imports() {
            if !allowed(&import) {
                violations.push(format!("{}:{line}: `{module}` must not know `{import}`", source.path));
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn the_adapters_of_the_broker_do_not_know_each_other() {
    let foreign = |source: Source| {
        let other = match source.path.strip_prefix("host/src/broker/") {
            Some(path) if path.starts_with("embedded/") => "rabbitmq",
            Some(path) if path.starts_with("rabbitmq/") => "embedded",
            _ => return Vec::new(),
        };
        source.places(|line| source::has_word(line, other))
    };
    let violations: Vec<String> = Source::all("host/src/broker").into_iter().flat_map(foreign).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn libraries_stay_behind_their_doors() {
    let mut violations = Vec::new();
    for source in Source::all("host/src") {
        for &(library, doors) in DOORS {
            if !doors.iter().any(|door| source.path.starts_with(&format!("host/src/{door}"))) {
                violations.extend(source.places(|line| source::has_path(line, library)));
            }
        }
    }
    assert!(violations.is_empty(), "these go around a door:\n{}", violations.join("\n"));
}

#[test]
fn only_generated_bindings_are_unsafe() {
    const GENERATED: &str = "guest-sdk/rust/src/bindings.rs";
    // In two parts, so that this line is no find.
    const KEYWORD: &str = concat!("un", "safe");
    let folders = ["host", "guest-sdk", "plugins", "tests"];
    let sources = folders.into_iter().flat_map(Source::all).filter(|source| source.path != GENERATED);
    let violations: Vec<String> =
        sources.flat_map(|source| source.places(|line| source::has_word(line, KEYWORD))).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[test]
fn no_file_of_the_host_is_too_long_to_read() {
    let long = Source::all("host/src").into_iter().filter(|source| source.text.lines().count() > LONGEST);
    let violations: Vec<String> = long.map(|source| format!("{}: longer than {LONGEST} lines", source.path)).collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}
