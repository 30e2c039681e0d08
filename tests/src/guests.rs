//! The plugins that `./dev setup` builds for the tests: the samples, and the puppet that does what it is told.

use std::ffi::OsString;
use std::path::PathBuf;

/// The file of a built plugin: `pheidi`, `docker`, `docker-next`, `warehouse`, `statistics`, `relay`, `puppet`, `laborer`, `errand` or `errand-two`.
///
/// # Panics
/// If it was not built.
pub fn path(name: &str) -> PathBuf {
    let path = target().join("guests").join(name).with_extension("wasm");
    assert!(path.is_file(), "the plugin {name} was not built: run ./dev setup");
    path
}

/// Where `./dev setup` puts what it builds and fetches.
pub fn target() -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()))
}

/// Why `./dev setup` left out a language, if it did: its toolchain is not there.
pub fn skipped(language: &str) -> Option<String> {
    std::fs::read_to_string(target().join("conformance").join(language).with_extension("skipped")).ok()
}

/// What `leveret build` needs in its environment to find the compilers that `./dev setup` installs.
///
/// # Panics
/// If the path of programs is none.
pub fn toolchains() -> Vec<(&'static str, OsString)> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = std::iter::once(target().join("tools/zig/bin")).chain(std::env::split_paths(&path));
    vec![("PATH", std::env::join_paths(programs).expect("no path has a colon in it"))]
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

/// What the puppet's probe may be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Fine,
    /// Say that it is not healthy, and what its clock shows.
    Sick,
    /// Never answer.
    Loop,
    Trap,
}

/// The puppet with another probe: a plugin without state answers by what is in its file.
///
/// # Panics
/// If the file is not the puppet's.
pub fn puppet_with(health: Health) -> Vec<u8> {
    const WORD: &[u8] = b"puppet-health=";
    let mut puppet = bytes("puppet");
    let state = match health {
        Health::Fine => b"fine",
        Health::Sick => b"sick",
        Health::Loop => b"loop",
        Health::Trap => b"trap",
    };
    let places: Vec<usize> =
        (0..puppet.len()).filter(|&at| puppet[at..].starts_with(&[WORD, b"fine"].concat())).collect();
    let [at] = places[..] else { panic!("the puppet's health stands at {places:?}") };
    puppet[at + WORD.len()..][..state.len()].copy_from_slice(state);
    puppet
}

/// The puppet's file with another role in it; see `tests/guests/puppet/src/role.rs`.
///
/// # Panics
/// If there is no room for a role in the file, or not enough.
pub fn puppet_as(role: &str) -> Vec<u8> {
    const BEFORE: &[u8] = b"puppet role: ";
    const ROOM: usize = 27;
    let mut file = bytes("puppet");
    let mut places = (0..file.len()).filter(|&at| file[at..].starts_with(BEFORE));
    let place = places.next().expect("the puppet has a role: run ./dev setup") + BEFORE.len();
    assert!(places.next().is_none() && role.len() <= ROOM, "no room for the role {role:?}");
    file[place..place + ROOM].copy_from_slice(format!("{role:ROOM$}").as_bytes());
    file
}
