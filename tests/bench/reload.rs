//! How long a changed plugin takes to be live.

use leveret::config::Settings;

use super::figures::{Figures, median};
use leveret_tests::guests::{another_version, bytes};
use leveret_tests::stage::{Failure, Stage};

/// How often it is changed.
const ROUNDS: u32 = 20;

/// From the rename until the new version takes deliveries: noticed, read, compiled, described and swapped.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    let guest = bytes("pheidi");
    let stage = Stage::start(Settings::default()).await?;
    // The first is not counted: it also starts the subscription.
    stage.install(&another_version(&guest, &0.to_string())).await?;
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        rounds.push(stage.install(&another_version(&guest, &number.to_string())).await?.as_secs_f64() * 1000.0);
    }
    stage.stop().await;
    let size = another_version(&guest, &0.to_string()).len() / 1024;
    figures.add(
        "reload_p50_ms",
        median(&rounds),
        format!("a changed plugin of {size} KiB: rename to live, median of {ROUNDS}"),
    );
    figures.add("reload_max_ms", rounds.iter().copied().fold(0.0, f64::max), "the slowest of them");
    Ok(())
}
