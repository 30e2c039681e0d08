//! Every test that needs more than one part.

mod architecture;
mod bucket;
mod catalog;
#[path = "chaos/short.rs"]
mod chaos;
mod cli;
mod conformance;
mod contract;
#[path = "end-to-end/mod.rs"]
mod end_to_end;
mod grants;
mod ledger;
mod patterns;
mod rabbitmq;
mod sandbox;
