//! Turns in the lives of plugins' files, for whoever keeps a log of them.

use std::path::PathBuf;

use crate::message::Timestamp;
use crate::name::PluginId;
use crate::plugin::{Digest, Version, Voucher};

/// What became of a file at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    pub time: Timestamp,
    /// `None` where the file's place names no plugin.
    pub plugin: Option<PluginId>,
    pub file: PathBuf,
    pub became: Became,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Became {
    Live {
        version: Version,
        /// The version that was live in this host before it.
        instead: Option<Version>,
        /// Who vouches for it, where somebody must.
        voucher: Option<Voucher>,
    },
    Refused {
        /// `None` where the file was not read.
        digest: Option<Digest>,
        reason: String,
        /// The version that goes on.
        still_live: Option<Version>,
    },
    Gone {
        version: Version,
    },
}

/// Whoever must be told of every turn. It must not wait.
pub trait Observe: Send + Sync + 'static {
    fn turned(&self, turn: Turn);
}
