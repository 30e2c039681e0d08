//! The pipeline: received → admitted → invoked → settled.
//!
//! `dispatch` keeps one listener for each subscription of what is live, `subscription` listens, `pipeline` takes one
//! message all the way. It knows the broker and the plugins only as traits, so its tests run with neither, under
//! paused time.

mod admit;
mod backoff;
mod breaker;
mod dispatch;
mod emit;
#[cfg(test)]
mod fake;
mod inbox;
mod journal;
mod order;
mod pipeline;
mod policy;
mod rate;
mod settle;
mod subscription;
#[cfg(test)]
mod tests;
mod trace_context;

pub use admit::{NotAdmitted, admit};
pub use backoff::{Backoff, InvalidBackoff};
pub use breaker::{InvalidTrip, Ratio, Trip};
pub use dispatch::{Dispatch, SubscriptionStatus, Workings};
pub use journal::{Counts, Emitted, Journal, Observe, Record};
pub use order::{OrderKey, Ordering};
pub use policy::{Policies, Policy};
pub use settle::Settlement;
pub use subscription::ListenerState;
