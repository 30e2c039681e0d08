//! From settings to whose files are let in.

use std::fs;
use std::path::{Path, PathBuf};

use crate::catalog::{InvalidKey, Trust, TrustedKey};
use crate::config::{self, Settings, Stated};
use crate::plugin::Digest;

/// Why nobody can be trusted as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrust {
    #[error("`plugins.trust`: {} cannot be read: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error("`plugins.trust`: {place}: {reason}")]
    Key { place: String, reason: InvalidKey },
    #[error("`plugins.trust`: {}:{line}: this is not a line of `sha256sum`: 64 hexadecimal digits, then a name", file.display())]
    Digest { file: PathBuf, line: usize },
}

/// Whose files are let in. Reads the files that say so.
pub fn trust(settings: &Settings) -> Result<Trust, InvalidTrust> {
    let config::Trust::Only { digests, keys } = &settings.plugins.trust else { return Ok(Trust::Any) };
    let mut listed = Vec::new();
    for digest in digests {
        match digest {
            // What is loaded is a digest.
            Stated::Here(text) => listed.extend(Digest::read(text)),
            Stated::File(file) => listed.extend(sums(file)?),
        }
    }
    let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
    Ok(Trust::Only { digests: listed.into_iter().collect(), keys })
}

fn key(config::TrustedKey { key, apps }: &config::TrustedKey) -> Result<TrustedKey, InvalidTrust> {
    let (place, text) = match key {
        Stated::Here(text) => (text.clone(), text.clone()),
        Stated::File(file) => (file.display().to_string(), read(file)?),
    };
    let apps = apps.as_ref().map(|apps| apps.iter().map(|app| app.app().clone()).collect());
    TrustedKey::new(&text, apps).map_err(|reason| InvalidTrust::Key { place, reason })
}

/// What `sha256sum` wrote: a digest at the beginning of each line, with the name of its file behind it.
fn sums(file: &Path) -> Result<Vec<Digest>, InvalidTrust> {
    let text = read(file)?;
    let digest = |(index, line): (usize, &str)| {
        let read = line.split_whitespace().next().and_then(Digest::read);
        read.ok_or_else(|| InvalidTrust::Digest { file: file.to_owned(), line: index + 1 })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(digest).collect()
}

fn read(file: &Path) -> Result<String, InvalidTrust> {
    fs::read_to_string(file)
        .map_err(|error| InvalidTrust::Unreadable { file: file.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn what_is_listed_in_files_counts_like_what_is_listed_in_the_settings() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).expect("written");
            Stated::File(path)
        };
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let trust_in = |digests: Vec<Stated>, key: Stated| {
            let mut settings = Settings::default();
            let keys = vec![config::TrustedKey { key, apps: Some(vec!["pheidi".parse().expect("legal")]) }];
            settings.plugins.trust = config::Trust::Only { digests, keys };
            trust(&settings)
        };
        let sums = file("SHA256SUMS", &format!("{one}  pheidi.wasm\n{two} *docker.wasm\n\n"));
        let public = file("ci.pub", &format!("untrusted comment: minisign public key E7620F1842B4E81F\n{KEY}\n"));
        let read = trust_in(vec![sums, Stated::Here(one.to_string())], public).expect("legal");
        let Trust::Only { digests, keys } = read else { panic!("somebody is named") };
        assert_eq!((digests, keys.len()), ([one, two].into(), 1));

        let key = || Stated::Here(KEY.into());
        let bad = trust_in(vec![file("bad", &format!("{one}  a\nnonsense\n"))], key()).expect_err("illegal");
        assert!(bad.to_string().contains("bad:2"), "{bad}");
        let missing = trust_in(vec![Stated::File(directory.path().join("nowhere"))], key()).expect_err("illegal");
        assert!(missing.to_string().contains("nowhere cannot be read"), "{missing}");
        let no_key = trust_in(Vec::new(), file("bad.pub", "hello\n")).expect_err("illegal");
        assert!(no_key.to_string().contains("bad.pub"), "{no_key}");
    }
}
