//! What an operator grants a plugin of the world, and how it is had: a clock, randomness, requests, buckets, secrets.
//!
//! Every plugin is linked against all of it. What it gets is decided call by call: `perform` has the plugin's grants, and so
//! have a worker's recovery and probe; everything else has [`Grants::default`], which is nothing.

mod addresses;
mod failure;
mod http;
mod keyvalue;
mod request;
mod resolver;
mod secrets;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use http::{Allow, HostPattern, HttpGrant, HttpLimits};
pub(super) use keyvalue::add_to_linker as add_keyvalue_to_linker;
pub(super) use request::Requests;
pub use request::{Http, NoRoots};
pub use secrets::Secrets;

use super::refusal::Import;
use crate::bucket::{Bucket, BucketId, Buckets, Limits};
use crate::name::{BucketName, PluginId};

/// What one plugin is granted. Cheap to clone, since each of its calls has it.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    pub scope: Scope,
    /// A clock that runs.
    pub clock: bool,
    /// Randomness of the system.
    pub randomness: bool,
    pub http: Option<Http>,
    pub keyvalue: Option<KeyValue>,
    pub secrets: Secrets,
}

/// Who has something, and where nothing is to be had whatever the operator says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scope {
    /// Whatever is pure: `describe`, and all that comes of events.
    #[default]
    Pure,
    /// A worker that is tried on cases: it may import everything, and nothing of it works.
    Cases,
    /// This plugin's calls.
    Plugin(PluginId),
}

impl Scope {
    /// Whose it is; the error says why it is nobody's.
    fn plugin(&self, what: &str) -> Result<&PluginId, String> {
        match self {
            Self::Pure => {
                Err(format!("{what} here: only a worker's `perform`, `recover` and `healthy` have what is granted"))
            }
            Self::Cases => Err(format!("{what} where a plugin is tried on cases")),
            Self::Plugin(plugin) => Ok(plugin),
        }
    }
}

/// The buckets of its application that a plugin may open, and how much each may hold.
#[derive(Debug, Clone)]
pub struct KeyValue {
    pub names: Arc<BTreeSet<BucketName>>,
    pub limits: Limits,
    /// `None` where no bucket opens, whatever is granted.
    pub buckets: Option<Arc<dyn Buckets>>,
}

impl Grants {
    /// Nothing, for a plugin that could be granted something.
    pub fn none(plugin: PluginId) -> Self {
        Self { scope: Scope::Plugin(plugin), ..Self::default() }
    }

    /// Nothing, for a plugin that is tried on cases.
    pub fn of_cases() -> Self {
        Self { scope: Scope::Cases, ..Self::default() }
    }

    /// A bucket that is granted; the error says what would grant it.
    fn bucket(&self, name: &str) -> Result<Bucket, String> {
        let plugin = self.scope.plugin("no bucket opens")?;
        let granted = self
            .keyvalue
            .as_ref()
            .and_then(|granted| Some((granted, granted.names.iter().find(|granted| granted.as_str() == name)?)));
        let Some((granted, name)) = granted else {
            let table = table(plugin);
            return Err(format!("the bucket {name:?} is not granted: list it in `buckets` of [{table}.keyvalue]"));
        };
        let buckets =
            granted.buckets.clone().ok_or_else(|| format!("the bucket {name:?} is granted, and none opens here"))?;
        let id = BucketId { app: plugin.app.clone(), name: name.clone() };
        Ok(Bucket { id, limits: granted.limits, buckets })
    }

    /// Those of a worker's imports that are not granted to it.
    pub(super) fn missing(&self, imports: &[String], plugin: &PluginId) -> Vec<Import> {
        let lines = |name: &str| match () {
            () if is_http(name) && self.http.is_none() => Some("http] allow = [{ host = \"api.example\" }]"),
            () if is_keyvalue(name) && self.keyvalue.is_none() => Some("keyvalue] buckets = [\"sent\"]"),
            () => None,
        };
        let import = |name: &String| {
            let reason = format!("it is granted in leveret.toml, as by: [{}.{}", table(plugin), lines(name)?);
            Some(Import { name: name.clone(), reason })
        };
        if self.scope == Scope::Cases { Vec::new() } else { imports.iter().filter_map(import).collect() }
    }

    /// What is granted, by name; for people.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        names.extend(self.clock.then(|| "clock".to_owned()));
        names.extend(self.randomness.then(|| "randomness".to_owned()));
        let hosts = self.http.iter().flat_map(|http| &http.grant.allow);
        names.extend(hosts.map(|allow| format!("http {}", allow.host)));
        let buckets = self.keyvalue.iter().flat_map(|granted| granted.names.iter());
        names.extend(buckets.map(|bucket| format!("bucket {bucket}")));
        names.extend(self.secrets.names().map(|secret| format!("secret {secret}")));
        names
    }
}

/// Whether an import is of outbound HTTP.
pub(super) fn is_http(import: &str) -> bool {
    ["wasi:http/types@", "wasi:http/outgoing-handler@"].iter().any(|name| import.starts_with(name))
}

/// Whether an import is of buckets.
pub(super) fn is_keyvalue(import: &str) -> bool {
    ["wasi:keyvalue/store@", "wasi:keyvalue/atomics@"].iter().any(|name| import.starts_with(name))
}

/// Where leveret.toml has a plugin's grants.
fn table(plugin: &PluginId) -> String {
    if plugin.is_main() { format!("plugin.{plugin}.grants") } else { format!("plugin.\"{plugin}\".grants") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_is_not_granted_is_named_with_the_lines_that_grant_it() {
        let plugin: PluginId = "pheidi/receipts".parse().expect("legal");
        let imports = ["wasi:http/types@0.2.12", "wasi:keyvalue/store@0.2.0-draft", "wasi:io/poll@0.2.12"];
        let missing = Grants::none(plugin.clone()).missing(&imports.map(String::from), &plugin);
        let reasons: Vec<&str> = missing.iter().map(|import| import.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                r#"it is granted in leveret.toml, as by: [plugin."pheidi/receipts".grants.http] allow = [{ host = "api.example" }]"#,
                r#"it is granted in leveret.toml, as by: [plugin."pheidi/receipts".grants.keyvalue] buckets = ["sent"]"#,
            ]
        );
    }

    #[test]
    fn a_bucket_opens_only_where_it_is_granted() {
        let none = Grants::none("pheidi".parse().expect("legal"));
        let reason = none.bucket("sent").expect_err("not granted");
        assert!(reason.contains("[plugin.pheidi.grants.keyvalue]"), "{reason}");
        let reason = Grants::default().bucket("sent").expect_err("never granted");
        assert!(reason.contains("`perform`"), "{reason}");
        let reason = Grants::of_cases().bucket("sent").expect_err("never opened");
        assert!(reason.contains("cases"), "{reason}");
    }
}
