//! The settings that an operator gives a plugin: texts by name, read through `wasi:config/store`.

use std::fmt;
use std::sync::Arc;

use wasmtime_wasi_config::{WasiConfig, WasiConfigVariables};

/// One plugin's settings. Cheap to clone, since each delivery's store has them.
#[derive(Clone, Default)]
pub struct PluginSettings(Arc<WasiConfigVariables>);

impl PluginSettings {
    pub(super) fn view(&self) -> WasiConfig<'_> {
        WasiConfig::new(&self.0)
    }
}

impl FromIterator<(String, String)> for PluginSettings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(settings: I) -> Self {
        Self(Arc::new(settings.into_iter().collect()))
    }
}

impl fmt::Debug for PluginSettings {
    /// Says nothing of what is in it, since that is between the operator and the plugin.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PluginSettings")
    }
}
