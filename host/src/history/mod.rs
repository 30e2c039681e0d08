//! What is done with the past: a subscription that comes later is given it.

mod backfill;

pub use backfill::{BackfillOptions, Backfilling};
