//! Whose files are let in. What is verified is the bytes that were read, and these are what is compiled.
//!
//! A signature vouches for bytes, in whichever place they lie and for ever; a key that is bound to applications
//! vouches for them in the places of these only.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use minisign_verify::{Error, PublicKey, Signature};

use crate::name::{AppName, PluginId};
use crate::plugin::{Digest, Distrust, Refusal, Voucher};

/// The end of a signature's name, behind the whole name of its file.
const SIGNATURE: &str = ".minisig";
/// The largest signature that is read: minisign's own limit of a comment is 8 KiB.
const SIGNATURE_SIZE: u64 = 16 * 1024;

/// Whose files are let in.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// Everybody's.
    #[default]
    Any,
    /// Those whose SHA-256 is listed, or that one of these keys has signed.
    Only { digests: BTreeSet<Digest>, keys: Vec<TrustedKey> },
}

/// A key that may vouch for files.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// As minisign writes it.
    text: String,
    key: PublicKey,
    apps: Option<BTreeSet<AppName>>,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a public key of minisign: {0}")]
pub struct InvalidKey(String);

impl TrustedKey {
    /// Reads a key as `minisign -G` shows it or writes it into a file. It vouches for plugins of these applications
    /// only, or of all.
    pub fn new(text: &str, apps: Option<BTreeSet<AppName>>) -> Result<Self, InvalidKey> {
        let comment = |line: &&str| line.is_empty() || line.starts_with("untrusted comment:");
        let mut lines = text.lines().map(str::trim).skip_while(comment);
        let text = lines.next().unwrap_or_default().to_owned();
        let key = PublicKey::from_base64(&text).map_err(|error| InvalidKey(error.to_string()))?;
        Ok(Self { text, key, apps })
    }

    fn may_vouch_for(&self, app: &AppName) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.contains(app))
    }
}

impl Trust {
    /// Whether signatures beside the files are looked at.
    pub(super) fn reads_signatures(&self) -> bool {
        matches!(self, Self::Only { keys, .. } if !keys.is_empty())
    }

    /// Says who vouches for a file with these bytes, whose digest this is; `Ok(None)` where everybody's files are let in.
    pub(super) fn vouch(
        &self,
        file: &Path,
        id: &PluginId,
        bytes: &[u8],
        digest: Digest,
    ) -> Result<Option<Voucher>, Refusal> {
        let Self::Only { digests, keys } = self else { return Ok(None) };
        if digests.contains(&digest) {
            return Ok(Some(Voucher::Digest));
        }
        let signed = if keys.is_empty() { Err(Distrust::NotListed) } else { signed(keys, file, &id.app, bytes) };
        signed.map(Some).map_err(|why| Refusal::Untrusted { digest, why })
    }
}

/// Which key has signed it.
fn signed(keys: &[TrustedKey], file: &Path, app: &AppName, bytes: &[u8]) -> Result<Voucher, Distrust> {
    let file = signature_of(file);
    let text = read(&file)?;
    let no_signature = |error: Error| Distrust::NoSignature { file: file.clone(), reason: error.to_string() };
    let signature = Signature::decode(&text).map_err(no_signature)?;
    let mut why = Distrust::UnknownKey;
    for trusted in keys {
        let key = trusted.text.clone();
        match trusted.key.verify(bytes, &signature, false) {
            Ok(()) if trusted.may_vouch_for(app) => return Ok(Voucher::Key(key)),
            Ok(()) => why = Distrust::ForeignApp { key, app: app.clone() },
            Err(Error::UnexpectedKeyId) => {}
            Err(Error::UnexpectedAlgorithm | Error::UnsupportedLegacyMode) => why = Distrust::Legacy,
            Err(Error::InvalidSignature) => why = Distrust::Altered { key },
            Err(error) => why = no_signature(error),
        }
    }
    Err(why)
}

/// Where the signature of a file lies: `a.wasm.minisig` beside `a.wasm`.
pub(super) fn signature_of(file: &Path) -> PathBuf {
    let mut path = OsString::from(file);
    path.push(SIGNATURE);
    path.into()
}

/// A signature as text. What is no regular file is none: a pipe would never end.
fn read(file: &Path) -> Result<String, Distrust> {
    let unreadable = |reason: String| Distrust::Unreadable { file: file.to_owned(), reason };
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= SIGNATURE_SIZE => {}
        Ok(metadata) if metadata.is_file() => {
            return Err(unreadable(format!("it is {} bytes, and may be {SIGNATURE_SIZE}", metadata.len())));
        }
        Ok(_) => return Err(unreadable("it is not a regular file".into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Distrust::Unsigned(file.to_owned())),
        Err(error) => return Err(unreadable(error.to_string())),
    }
    let mut text = String::new();
    let read = File::open(file).and_then(|file| file.take(SIGNATURE_SIZE).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of minisign's own documentation, and signatures of "test" by its key.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const PREHASHED: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1556193335\tfile:test
y/rUw2y8/hOUYjZU71eHp/Wo1KZ40fGy2VJEDl34XMJM+TX48Ss/17u3IvIfbVR1FkZZSNCisQbuQY+bHwhEBg==
";
    const LEGACY: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==
";

    fn key(apps: Option<&[&str]>) -> TrustedKey {
        let apps = apps.map(|apps| apps.iter().map(|app| app.parse().expect("legal")).collect());
        TrustedKey::new(KEY, apps).expect("a key")
    }

    /// What is said of a file with these bytes and this signature, as the plugin `pheidi`.
    fn said(
        keys: Vec<TrustedKey>,
        digests: &[Digest],
        bytes: &[u8],
        signature: Option<&str>,
    ) -> Result<String, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pheidi.wasm");
        if let Some(signature) = signature {
            fs::write(signature_of(&file), signature).expect("written");
        }
        let app: AppName = "pheidi".parse().expect("legal");
        let id = PluginId::new(app, "pheidi".parse().expect("legal"));
        let trust = Trust::Only { digests: digests.iter().copied().collect(), keys };
        let vouched = trust.vouch(&file, &id, bytes, Digest::of(bytes)).map_err(|refusal| refusal.to_string())?;
        Ok(vouched.expect("not everybody's files are let in").to_string())
    }

    #[test]
    fn a_digest_that_is_listed_and_a_signature_by_a_key_vouch() {
        let bytes = b"test";
        assert_eq!(said(Vec::new(), &[Digest::of(bytes)], bytes, None).as_deref(), Ok("digest"));
        assert_eq!(said(vec![key(None)], &[], bytes, Some(PREHASHED)), Ok(format!("key {KEY}")));
        assert_eq!(said(vec![key(Some(&["docker", "pheidi"]))], &[], bytes, Some(PREHASHED)), Ok(format!("key {KEY}")));
    }

    #[test]
    fn whatever_else_is_beside_a_file_vouches_for_nothing() {
        /// Keys, the bytes of a file, its signature, and words of the reason.
        type Case<'c> = (Vec<TrustedKey>, &'c [u8], Option<&'c str>, &'c str);
        let altered = PREHASHED.replace("file:test", "file:toast");
        let keys = || vec![key(None)];
        let cases: [Case<'_>; 9] = [
            (Vec::new(), b"test", Some(PREHASHED), "not listed, and there are no keys"),
            (keys(), b"test", None, "there is no signature"),
            (keys(), b"Test", Some(PREHASHED), "not of these bytes"),
            (keys(), b"test", Some(&altered), "not of these bytes"),
            (keys(), b"test", Some(LEGACY), "not over its hash"),
            (keys(), b"test", Some("trust me"), "no signature of minisign"),
            (keys(), b"test", Some(""), "no signature of minisign"),
            (vec![key(Some(&["docker"]))], b"test", Some(PREHASHED), "may not vouch for plugins of pheidi"),
            (keys(), b"test", Some(&"x".repeat(20_000)), "20000 bytes"),
        ];
        for (keys, bytes, signature, words) in cases {
            let reason = said(keys, &[], bytes, signature).expect_err("refused");
            assert!(reason.contains(words) && reason.contains("`plugins.trust"), "{words}: {reason}");
        }
    }

    #[test]
    fn a_key_is_read_as_minisign_shows_it_and_as_it_writes_it() {
        let file = format!("untrusted comment: minisign public key E7620F1842B4E81F\n{KEY}\n");
        assert_eq!(TrustedKey::new(&file, None).expect("a key").text, KEY);
        for text in ["", "untrusted comment: x", "RWQf", &KEY.replace("RW", "XX")] {
            assert!(TrustedKey::new(text, None).is_err(), "{text:?}");
        }
    }
}
