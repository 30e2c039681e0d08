//! The pipeline: received → admitted → invoked → settled.
//!
//! `dispatch` keeps one listener for each subscription of what is live, `subscription` listens, `pipeline` takes one
//! message all the way. It knows the broker and the plugins only as traits, so its tests run with neither, under
//! paused time.

mod admit;
mod backoff;
mod dispatch;
mod emit;
#[cfg(test)]
mod fake;
mod journal;
mod pipeline;
mod policy;
mod settle;
mod subscription;
#[cfg(test)]
mod tests;

pub use backoff::{Backoff, InvalidBackoff};
pub use dispatch::{Dispatch, SubscriptionStatus};
pub use journal::{Counts, Emitted, Journal, Record};
pub use policy::{Policies, Policy};
pub use settle::Settlement;
