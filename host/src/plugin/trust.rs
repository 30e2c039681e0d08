//! Who vouches for a plugin's file, or why nobody does, in words. Who may is the catalog's to say.

use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::name::AppName;

/// What a file was let in by, where not everybody's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voucher {
    /// Its SHA-256 is listed.
    Digest,
    /// A signature by this public key, as minisign writes it.
    Key(String),
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest => f.write_str("digest"),
            Self::Key(key) => write!(f, "key {key}"),
        }
    }
}

impl Serialize for Voucher {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Why nobody vouches for a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("its SHA-256 is not listed, and there are no keys")]
    NotListed,
    #[error("its SHA-256 is not listed, and there is no signature {} beside it", .0.display())]
    Unsigned(PathBuf),
    #[error("its signature {} could not be read: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error("{} is no signature of minisign: {reason}", file.display())]
    NoSignature { file: PathBuf, reason: String },
    #[error("its signature is over the file itself and not over its hash, as minisign made them before 0.10")]
    Legacy,
    #[error("its signature is by a key that is not listed")]
    UnknownKey,
    #[error("its signature is by the key {key}, which may not vouch for plugins of {app}")]
    ForeignApp { key: String, app: AppName },
    #[error(
        "its signature by the key {key} is not of these bytes: the file or the signature was altered, or one of them is \
         of another version"
    )]
    Altered { key: String },
}
