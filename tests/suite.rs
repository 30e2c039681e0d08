//! Every test that needs more than one part.

mod contract;
mod rabbitmq;
