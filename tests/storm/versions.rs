//! The plugin's versions, one after the other, and what goes wrong between them.

use std::time::Duration;

use leveret::catalog::PluginState;
use leveret::plugin::Version;

use super::plan::Hazard;
use leveret_tests::guests::another_version;
use leveret_tests::stage::{Failure, Stage};

/// How long a broken file may take to be refused.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look whether it is.
const LOOK: Duration = Duration::from_millis(10);

/// Puts one version after the other in place.
pub struct Versions<'s> {
    stage: &'s Stage,
    guest: Vec<u8>,
    number: u32,
}

impl<'s> Versions<'s> {
    /// No version is in place yet.
    pub fn new(stage: &'s Stage, guest: Vec<u8>) -> Self {
        Self { stage, guest, number: 0 }
    }

    /// Puts the first version in place.
    pub async fn first(&mut self) -> Result<Duration, Failure> {
        self.next(None).await
    }

    /// Puts the next version in place, after the hazard, and waits until it is live. Says how long that took.
    pub async fn next(&mut self, hazard: Option<Hazard>) -> Result<Duration, Failure> {
        match hazard {
            Some(Hazard::Broken) => self.break_file().await?,
            Some(Hazard::Removed) => self.stage.remove().await?,
            None => {}
        }
        self.number += 1;
        self.stage.install(&another_version(&self.guest, &self.number.to_string())).await
    }

    /// Puts a broken file in place and waits until it is refused.
    async fn break_file(&self) -> Result<(), Failure> {
        let before = self.version();
        // It begins like a component and ends in the middle.
        let mut file = another_version(&self.guest, &self.number.to_string());
        file.truncate(file.len() / 2);
        let placed = self.stage.place(&file)?;
        while !self.is_refused() {
            if placed.elapsed() > PATIENCE {
                return Err("a broken file is not refused".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        match self.version() == before {
            true => Ok(()),
            false => Err("a broken file changed what is live".into()),
        }
    }

    fn is_refused(&self) -> bool {
        let status = self.stage.host.catalog.status();
        status.iter().any(|plugin| matches!(plugin.state, PluginState::Refused { still_live: Some(_), .. }))
    }

    fn version(&self) -> Option<Version> {
        self.stage.live().map(|live| live.version.clone())
    }
}
