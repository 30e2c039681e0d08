//! What a worker may use of the world. Nothing, unless it stands here.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::grant::{Bucket, HostPattern, Method, Network};
use crate::config::redis_url::RedisUrl;
use crate::config::value::{Size, Time};

/// What a worker may use of the world while it performs a task, recovers or answers a probe. `on-event` and `describe`
/// never see any of it. What is not here is not granted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Grants {
    /// Whether the clock runs. Otherwise it stands at the task's time.
    pub clock: bool,
    /// Whether randomness is the system's. Otherwise it is seeded from the task's id and attempt.
    pub randomness: bool,
    /// Secrets by name, which the plugin reads as it reads its settings: `api-key = { env = "MAIL_API_KEY" }`. They are
    /// read once, at the start, and are never shown.
    pub secrets: BTreeMap<String, Secret>,
    /// Outbound HTTP.
    pub http: HttpGrant,
    /// Values that outlive a task.
    pub keyvalue: KeyValueGrant,
}

/// Where a secret is: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(extend("writeOnly" = true, "examples" = ["{ env = \"MAIL_API_KEY\" }"]))]
pub struct Secret {
    /// The environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file that holds it: at most 64 KiB of UTF-8. One line break at its end is not part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// Outbound HTTP, each request on a connection of its own. A redirect is handed to the plugin: to follow it is another
/// request, which is checked as every other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HttpGrant {
    /// The longest that a connection may take to be there: name, TCP and TLS. The plugin may ask for less.
    pub connect_limit: Time,
    /// The longest that a request may take, until the last byte of its answer is read.
    pub time_limit: Time,
    /// The largest body of a request.
    pub request_limit: Size,
    /// The largest body of an answer.
    pub response_limit: Size,
    /// How many requests of the plugin may be under way at one time on this host. Further ones wait, within their time
    /// limit.
    pub concurrency: NonZeroU16,
    /// Which requests are let out; none unless listed: `[[plugin.NAME.grants.http.allow]]`. `host` is a name, an IP address
    /// or, as `*.mail.example`, whatever is below a name. `ports` are those of the scheme unless listed, `methods` are all.
    /// `plain = true` allows `http://` beside `https://`. `addresses` are the networks that the host may be in though they
    /// are not public, such as `["10.1.0.0/16", "127.0.0.1"]`: loopback, private, link-local and other special addresses are
    /// refused otherwise, whatever a name resolves to.
    pub allow: Vec<Allow>,
}

impl Default for HttpGrant {
    fn default() -> Self {
        Self {
            connect_limit: Time::seconds(2),
            time_limit: Time::seconds(10),
            request_limit: Size::mebibytes(1),
            response_limit: Size::mebibytes(4),
            concurrency: NonZeroU16::new(16).expect("16 is not 0"),
            allow: Vec::new(),
        }
    }
}

/// Requests that are let out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allow {
    /// The host: a name, an IP address, or `*.` before a name for every name below it.
    pub host: HostPattern,
    /// The ports; those of the scheme if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<NonZeroU16>,
    /// The methods, in upper case; all of them if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Whether `http://` is allowed too.
    #[serde(default)]
    pub plain: bool,
    /// Networks that are not public and that the host may be in nevertheless.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Network>,
}

/// Values that outlive a task, in buckets of the plugin's application: its plugins share a bucket by name, and no other
/// application's sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct KeyValueGrant {
    /// The names of buckets that the plugin may open, such as `["sent"]`.
    pub buckets: Vec<Bucket>,
    /// How much a bucket may hold: its keys and values together.
    pub size: Size,
    /// The largest value.
    pub value_limit: Size,
    /// How many keys a bucket may hold.
    pub count: NonZeroU32,
}

impl Default for KeyValueGrant {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            size: Size::mebibytes(16),
            value_limit: Size::mebibytes(1),
            count: NonZeroU32::new(100_000).expect("100,000 is not 0"),
        }
    }
}

/// Where the values are that plugins keep in buckets. Nothing is opened or connected to unless a bucket is granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Buckets {
    /// The one file that holds them, where they are not in Redis. What is written is on the disk before the plugin goes on.
    pub file: PathBuf,
    /// A Redis that holds them for all hosts, as a `redis://` URL. Empty for none: then they are in this host's file. They
    /// are as durable as that Redis is set to be.
    pub redis: RedisUrl,
}

impl Default for Buckets {
    fn default() -> Self {
        Self { file: ".leveret/buckets.db".into(), redis: RedisUrl::default() }
    }
}
