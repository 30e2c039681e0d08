//! From a core module to a component: what `wasm-tools component new` does, for the world that the module's exports make.

use std::fmt;

use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use super::embedded;
use super::error::BuildError;

/// Where each export of the contract begins, in the names that the canonical ABI gives them: `leveret:plugin/NAME@0.1.0#…`.
const PACKAGE: &str = "leveret:plugin/";
/// The contract and what it leans on, each after what it leans on itself.
const WIT: [&str; 6] = [
    "wit/deps/wasi-io",
    "wit/deps/wasi-clocks",
    "wit/deps/wasi-http",
    "wit/deps/wasi-keyvalue",
    "wit/deps/wasi-config",
    "wit",
];
/// What a plugin may import beside WASI's command line. Of these a component imports what its module does.
const IMPORTS: [&str; 6] = [
    "leveret:plugin/log@0.1.0",
    "wasi:config/store@0.2.0-rc.1",
    "wasi:http/types@0.2.12",
    "wasi:http/outgoing-handler@0.2.12",
    "wasi:keyvalue/store@0.2.0-draft",
    "wasi:keyvalue/atomics@0.2.0-draft",
];
/// What wit-bindgen and its like leave in a module: the world that it was made for.
const OWN_WORLD: &str = "component-type";

/// Makes a component of a core module, such as a compiler without components gives. The module exports the functions of the
/// contract under their names in the canonical ABI, and the component's world is made of those that are there. A module
/// that carries its own world keeps it. WASI preview 1 is adapted.
///
/// # Errors
/// If the module is none, exports nothing of the contract, or does not keep to it.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, BuildError> {
    let Exports { interfaces, has_own_world } = Exports::read(module)?;
    let mut module = module.to_vec();
    if !has_own_world {
        if interfaces.is_empty() {
            return Err(BuildError::Module(format!(
                "it exports nothing of `{PACKAGE}`, such as `{PACKAGE}manifest@0.1.0#describe`"
            )));
        }
        embed(&mut module, &interfaces).map_err(BuildError::Module)?;
    }
    encode(&module).map_err(BuildError::Module)
}

/// The whole chain of causes: the first says where, and the last what.
fn words(error: impl fmt::Display) -> String {
    format!("{error:#}")
}

/// What of the contract a module exports.
struct Exports {
    /// Each one once: `leveret:plugin/manifest@0.1.0`.
    interfaces: Vec<String>,
    has_own_world: bool,
}

impl Exports {
    fn read(module: &[u8]) -> Result<Self, BuildError> {
        let malformed = |error: wasmparser::BinaryReaderError| BuildError::Module(error.to_string());
        let mut found = Self { interfaces: Vec::new(), has_own_world: false };
        if !Parser::is_core_wasm(module) {
            return Err(BuildError::Module("it is no core module of WebAssembly".into()));
        }
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(malformed)? {
                Payload::ExportSection(exports) => {
                    for export in exports {
                        found.take(export.map_err(malformed)?.name);
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with(OWN_WORLD) => found.has_own_world = true,
                _ => {}
            }
        }
        Ok(found)
    }

    fn take(&mut self, export: &str) {
        let Some((interface, _)) = export.split_once('#').filter(|(name, _)| name.starts_with(PACKAGE)) else { return };
        if !self.interfaces.iter().any(|known| known == interface) {
            self.interfaces.push(interface.to_owned());
        }
    }
}

/// Writes into the module which world it is for.
fn embed(module: &mut Vec<u8>, interfaces: &[String]) -> Result<(), String> {
    let mut resolve = Resolve::default();
    for folder in WIT {
        let mut sources = SourceMap::new();
        for (name, text) in embedded::folder(folder).filter(|(name, _)| !name.contains('/')) {
            sources.push_str(&format!("{folder}/{name}"), String::from_utf8_lossy(text));
        }
        let group = sources.parse().map_err(|(_, error)| words(error))?;
        resolve.push_group(group).map_err(words)?;
    }
    let imports = IMPORTS.iter().map(|import| format!("    import {import};\n"));
    let exports = interfaces.iter().map(|interface| format!("    export {interface};\n"));
    let items: String = imports.chain(exports).collect();
    let world = format!("package leveret:built;\nworld plugin {{\n{items}}}\n");
    let package = resolve.push_source("built.wit", &world).map_err(words)?;
    let world = resolve.select_world(&[package], Some("plugin")).map_err(words)?;
    embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).map_err(words)
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let encoder = ComponentEncoder::default().validate(true).module(module).map_err(words)?;
    let adapted = encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER);
    adapted.map_err(words)?.encode().map_err(words)
}
