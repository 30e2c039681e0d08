//! A plugin's place names it: `<app>.wasm` or `<app>/<plugin>.wasm`. What the file says of itself never widens that.

use std::path::{Component, Path};

use crate::name::{NameError, PluginId};

/// The identity that a file has by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub id: PluginId,
}

impl Place {
    /// Reads a path below the plugins directory. `None` for what is no plugin at all: other endings, deeper folders,
    /// hidden files and those that editors and copying programs make for a moment.
    pub fn read(path: &Path) -> Option<Result<Self, NameError>> {
        let mut segments = Vec::new();
        for component in path.components() {
            let Component::Normal(segment) = component else { return None };
            // What is not UTF-8 is no legal name, and is reported as one that is not.
            segments.push(segment.to_string_lossy());
        }
        if segments.iter().any(|segment| segment.starts_with(['.', '#', '~'])) {
            return None;
        }
        let (app, plugin) = match &segments[..] {
            [file] => (file.strip_suffix(".wasm")?, file.strip_suffix(".wasm")?),
            [app, file] => (app.as_ref(), file.strip_suffix(".wasm")?),
            _ => return None,
        };
        Some(app.parse().and_then(|app| Ok(Self { id: PluginId::new(app, plugin.parse()?) })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<Result<String, NameError>> {
        Place::read(Path::new(path)).map(|place| place.map(|place| place.id.to_string()))
    }

    #[test]
    fn the_place_names_the_plugin() {
        assert_eq!(read("pheidi.wasm"), Some(Ok("pheidi".into())));
        assert_eq!(read("pheidi/receipts.wasm"), Some(Ok("pheidi/receipts".into())));
        assert_eq!(read("pheidi/pheidi.wasm"), Some(Ok("pheidi".into())));
    }

    #[test]
    fn what_editors_and_copies_leave_is_no_plugin() {
        for path in [
            "pheidi.wasm~",
            ".pheidi.wasm.swp",
            ".#pheidi.wasm",
            "#pheidi.wasm#",
            "4913",
            "pheidi.wasm.tmp",
            "README.md",
            "..data/pheidi.wasm",
            "a/b/c.wasm",
            "pheidi.wasm.part",
            "pheidi.wasm.minisig",
            ".wasm",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn an_illegal_name_is_reported_not_ignored() {
        for path in ["Pheidi.wasm", "phe idi.wasm", "leveret.wasm", "phei.di.wasm", "ünlock.wasm"] {
            assert!(matches!(read(path), Some(Err(_))), "{path}");
        }
    }
}
