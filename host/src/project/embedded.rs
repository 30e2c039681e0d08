//! What the binary carries: the SDKs, their templates, and the contract. See `build.rs`.

/// Each file, by its path in the repository.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Every file of a folder, with its path within it.
pub(super) fn folder(folder: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    FILES.iter().filter_map(move |(path, bytes)| {
        let within = path.strip_prefix(folder)?.strip_prefix('/')?;
        Some((within, *bytes))
    })
}
