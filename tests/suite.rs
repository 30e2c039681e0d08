//! Every test that needs more than one part.

mod architecture;
mod catalog;
mod cli;
mod contract;
mod rabbitmq;
mod sandbox;
