#![forbid(unsafe_code)]
pub mod broker;
pub mod delivery;
pub mod message;
pub mod name;
pub mod plugin;
