//! What the tests, the storm and the bench share.

pub mod rabbitmq;
