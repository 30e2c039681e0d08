//! The plugins that `./dev setup` builds for the tests: the samples, and the puppet that does what it is told.

use std::path::PathBuf;

/// The file of a built plugin: `pheidi`, `docker`, `docker-next`, `warehouse`, `relay` or `puppet`.
///
/// # Panics
/// If it was not built.
pub fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()));
    let path = target.join("guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "the plugin {name} was not built: run ./dev setup");
    path
}

/// The bytes of a built plugin; see [`path`].
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("it is a file")
}

/// Another version of a component: the same code with a text at its end that nobody reads, and so another SHA-256.
pub fn another_version(component: &[u8], text: &str) -> Vec<u8> {
    const CUSTOM_SECTION: u8 = 0;
    const NAME: &[u8] = b"\x07version";
    let size = u8::try_from(NAME.len() + text.len()).expect("a short text");
    // One byte is a whole LEB128 number as long as it is below 128.
    assert!(size < 128, "a shorter text, please");
    [component, &[CUSTOM_SECTION, size], NAME, text.as_bytes()].concat()
}
