//! Every test that needs more than one part.

mod architecture;
mod catalog;
mod cli;
mod contract;
#[path = "end-to-end/mod.rs"]
mod end_to_end;
mod patterns;
mod rabbitmq;
mod sandbox;
