//! The lines that a plugin writes, as they arrive in the host's log.

use leveret::cases::Lines;
use tracing::Level;

/// A line and its level.
pub type Line = (Level, String);

/// Does something on this thread, and returns the lines that plugins wrote on it meanwhile.
pub fn of(something: impl FnOnce()) -> Vec<Line> {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), something);
    lines.take().into_iter().map(|line| (line.level.parse().expect("a level"), line.text)).collect()
}
