//! Every test that needs more than one part.

mod catalog;
mod contract;
mod rabbitmq;
mod sandbox;
