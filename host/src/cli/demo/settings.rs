//! The demo's own settings: everything in one temporary directory, whatever the user's are, and what its workers are granted.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use serde_json::{Value, json};

use super::super::error::CliError;
use super::failed;
use crate::config::{BrokerUrl, PluginSettings, Settings};

/// Settings of a host whose workers reach these services and nothing else.
pub(super) fn within(home: &Path, settings: Settings, services: SocketAddr, keep: bool) -> Result<Settings, CliError> {
    let mut own = Settings { log: settings.log, admin: settings.admin, ..Settings::default() };
    own.plugins.directory = home.join("plugins");
    own.plugins.cache = home.join("cache");
    own.broker.url = BrokerUrl::Embedded;
    own.broker.embedded.file = home.join("broker.db");
    own.ledger.file = home.join("ledger.db");
    own.buckets.file = home.join("buckets.db");
    if !keep {
        own.admin.address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    }
    let key = home.join("api-key");
    std::fs::write(&key, "of the demo").map_err(failed)?;
    for (plugin, granted) in granted(services, &key) {
        let granted: PluginSettings = serde_json::from_value(granted).map_err(failed)?;
        own.plugin.insert(plugin.parse().map_err(failed)?, granted);
    }
    Ok(own)
}

/// As an operator would write it in `leveret.toml`.
fn granted(services: SocketAddr, key: &Path) -> [(&'static str, Value); 3] {
    let url = format!("http://{services}");
    let http = json!({ "allow": [{
        "host": services.ip().to_string(),
        "ports": [services.port()],
        "plain": true,
        "addresses": [format!("{}/32", services.ip())],
    }] });
    let mailer = json!({
        "settings": { "mail-url": format!("{url}/mails") },
        "grants": { "http": http, "keyvalue": { "buckets": ["sent"] }, "secrets": { "api-key": { "file": key } } },
    });
    let billing = json!({ "settings": { "billing-url": url }, "grants": { "http": http } });
    let stock = json!({ "ordering": "key", "grants": { "keyvalue": { "buckets": ["reservations"] } } });
    [("pheidi/mailer", mailer), ("billing", billing), ("warehouse/stock", stock)]
}
