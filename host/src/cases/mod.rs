//! Cases: a plugin's behaviour as plain files, tried in the real sandbox with no broker.
//!
//! A case says what happens (an event, a dead letter, a probe) and what the plugin is expected to make of it. `case` reads
//! the files, `outcome` is what can come of one, `trial` runs the plugin, `difference` and `junit` tell how it went,
//! and `rewrite` puts what came into the file.

mod case;
mod difference;
mod find;
mod junit;
mod lines;
mod outcome;
mod rewrite;
mod trial;

pub use case::{Case, Given, Problem, schema};
pub use difference::{Difference, Side};
pub use find::{FindError, find};
pub use junit::junit;
pub use lines::{Line, Lines};
pub use outcome::{Outcome, Task, Words};
pub use rewrite::rewrite;
pub use trial::{Runner, Trial, Verdict};
