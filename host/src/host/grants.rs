//! From settings to what plugins are granted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StartError;
use crate::bucket::{Buckets, FileBuckets, Limits, RedisBuckets};
use crate::config::{self, PluginSettings, Secret, Settings};
use crate::name::PluginId;
use crate::plugin::Grants;
use crate::plugin::grant::{Allow, HostPattern, Http, HttpGrant, HttpLimits, KeyValue, Secrets};

/// The largest secret, in bytes.
const SECRET: u64 = 64 * 1024;

/// Why a secret is not to be had. None of it says what is in it.
#[derive(Debug, thiserror::Error)]
#[error("`plugin.{plugin:?}.grants.secrets.{name}`: {reason}")]
pub struct SecretError {
    plugin: String,
    name: String,
    reason: SecretReason,
}

/// What is wrong with where a secret is.
#[derive(Debug, thiserror::Error)]
pub enum SecretReason {
    #[error("the environment variable {0} is not set")]
    Unset(String),
    #[error("the environment variable {0} is not UTF-8")]
    Variable(String),
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{} is larger than 64 KiB", .0.display())]
    TooLarge(PathBuf),
    #[error("{} is not UTF-8", .0.display())]
    NotText(PathBuf),
    #[error("it is empty")]
    Empty,
}

/// What plugins are granted, and the means to it: secrets are read, and buckets opened if any plugin may open one.
pub(super) fn open(settings: &Settings) -> Result<BTreeMap<PluginId, Grants>, StartError> {
    let mut buckets = None;
    let mut opened = || -> Result<Arc<dyn Buckets>, StartError> {
        let there = match &buckets {
            Some(buckets) => Arc::clone(buckets),
            None => open_buckets(settings)?,
        };
        buckets = Some(there.clone());
        Ok(there)
    };
    let mut grants = BTreeMap::new();
    for (key, own) in &settings.plugin {
        let plugin = key.plugin();
        let http = http(plugin, own).map(Http::new).transpose()?;
        let keyvalue =
            keyvalue(own).map(|granted| Ok::<_, StartError>(KeyValue { buckets: Some(opened()?), ..granted }));
        let secrets = secrets(plugin, own)?;
        let granted = Grants { http, keyvalue: keyvalue.transpose()?, secrets, ..plain(plugin, own) };
        grants.insert(plugin.clone(), granted);
    }
    Ok(grants)
}

/// What plugins are granted, by name only: no request is sent, no bucket opens, no secret is read.
pub(super) fn named(settings: &Settings) -> BTreeMap<PluginId, Grants> {
    let named = |plugin: &PluginId, own: &PluginSettings| Grants {
        http: http(plugin, own).map(Http::unsent),
        keyvalue: keyvalue(own),
        secrets: Secrets::untold(own.grants.secrets.keys().cloned()),
        ..plain(plugin, own)
    };
    settings.plugin.iter().map(|(key, own)| (key.plugin().clone(), named(key.plugin(), own))).collect()
}

fn plain(plugin: &PluginId, own: &PluginSettings) -> Grants {
    let config::Grants { clock, randomness, .. } = own.grants;
    Grants { clock, randomness, ..Grants::none(plugin.clone()) }
}

fn http(plugin: &PluginId, own: &PluginSettings) -> Option<HttpGrant> {
    let granted = &own.grants.http;
    let limits = HttpLimits {
        connect: granted.connect_limit.as_duration(),
        time: granted.time_limit.as_duration(),
        request: granted.request_limit.as_bytes(),
        response: granted.response_limit.as_bytes(),
        concurrency: granted.concurrency.get(),
    };
    let allow = granted.allow.iter().map(allow).collect();
    (!granted.allow.is_empty()).then(|| HttpGrant { plugin: plugin.clone(), allow, limits })
}

fn allow(allow: &config::Allow) -> Allow {
    Allow {
        host: match &allow.host {
            config::HostPattern::Name(name) => HostPattern::Name(name.clone()),
            config::HostPattern::Below(name) => HostPattern::Below(name.clone()),
            config::HostPattern::Address(address) => HostPattern::Address(*address),
        },
        ports: allow.ports.iter().map(|port| port.get()).collect(),
        methods: allow.methods.iter().map(|method| method.as_str().to_owned()).collect(),
        plain: allow.plain,
        addresses: allow.addresses.iter().map(|network| network.get()).collect(),
    }
}

fn keyvalue(own: &PluginSettings) -> Option<KeyValue> {
    let granted = &own.grants.keyvalue;
    let limits = Limits {
        size: granted.size.as_bytes(),
        value: granted.value_limit.as_bytes(),
        count: granted.count.get().into(),
    };
    let names = Arc::new(granted.buckets.iter().map(|bucket| bucket.name().clone()).collect());
    (!granted.buckets.is_empty()).then_some(KeyValue { names, limits, buckets: None })
}

fn open_buckets(settings: &Settings) -> Result<Arc<dyn Buckets>, StartError> {
    match settings.buckets.redis.secret_url() {
        Some(url) => Ok(Arc::new(RedisBuckets::open(url).map_err(StartError::RedisBuckets)?)),
        None => Ok(Arc::new(FileBuckets::open(&settings.buckets.file)?)),
    }
}

fn secrets(plugin: &PluginId, own: &PluginSettings) -> Result<Secrets, SecretError> {
    let named = own.grants.secrets.iter().map(|(name, secret)| match read(secret) {
        Ok(value) => Ok((name.clone(), value)),
        Err(reason) => Err(SecretError { plugin: plugin.to_string(), name: name.clone(), reason }),
    });
    let settings = own.settings.iter().map(|(name, setting)| (name.clone(), setting.to_string()));
    Ok(Secrets::new(named.collect::<Result<_, _>>()?, settings))
}

fn read(secret: &Secret) -> Result<String, SecretReason> {
    let value = match (&secret.env, &secret.file) {
        (Some(variable), _) => std::env::var(variable).map_err(|error| match error {
            std::env::VarError::NotPresent => SecretReason::Unset(variable.clone()),
            std::env::VarError::NotUnicode(_) => SecretReason::Variable(variable.clone()),
        })?,
        (None, Some(path)) => read_file(path)?,
        // The settings that are loaded have one of the two.
        (None, None) => String::new(),
    };
    if value.is_empty() { Err(SecretReason::Empty) } else { Ok(value) }
}

fn read_file(path: &Path) -> Result<String, SecretReason> {
    use std::io::Read as _;
    let unreadable = |source| SecretReason::Unreadable { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(SECRET + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SECRET {
        return Err(SecretReason::TooLarge(path.into()));
    }
    let mut text = String::from_utf8(bytes).map_err(|_| SecretReason::NotText(path.into()))?;
    // As an editor, or `echo`, leaves it.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(bytes: &[u8]) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("written");
        read(&Secret { env: None, file: Some(file.path().into()) }).map_err(|reason| reason.to_string())
    }

    #[test]
    fn a_secret_is_a_file_without_the_break_at_its_end() {
        for (bytes, expected) in [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("a\r\n", "a"), ("a\n\n", "a\n")] {
            assert_eq!(from_file(bytes.as_bytes()), Ok(expected.to_owned()));
        }
        for bytes in [&b""[..], b"\n", b"hunter2\xff", &[b'h'; 70_000]] {
            let reason = from_file(bytes).expect_err("it is none");
            assert!(!reason.contains("hunter") && !reason.contains("hhh"), "{reason}");
        }
    }

    #[test]
    fn a_secret_that_is_not_there_is_named_by_its_key() {
        let text = "[plugin.\"pheidi/receipts\".grants.secrets]\napi-key = { env = \"PHEIDI_NO_SUCH_KEY\" }";
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        let settings = config::load(Some(file.path()), std::iter::empty()).expect("legal");
        let error = open(&settings).expect_err("it is not set").to_string();
        let expected = "`plugin.\"pheidi/receipts\".grants.secrets.api-key`: the environment variable PHEIDI_NO_SUCH_KEY is not set";
        assert_eq!(error, expected);
    }
}
