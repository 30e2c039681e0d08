//! What the tests, the storm and the bench share.

pub mod broker;
pub mod dev;
pub mod guests;
pub mod host;
pub mod hostile;
pub mod http;
pub mod minisign;
pub mod process;
pub mod rabbitmq;
pub mod redis;
pub mod stage;
pub mod wait;
pub mod wat;
pub mod web;
