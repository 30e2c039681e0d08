//! The patterns that people use RabbitMQ for, each as a test that reads like it.

mod competing;
mod duplicates;
mod durable;
mod ordered;
mod relay;
mod routing;

use leveret::message::MessageId;
use leveret_tests::broker::TestBroker;
use leveret_tests::guests;
use leveret_tests::host::TestHost;
use serde_json::{Value, json};

const PULLED: &str = "puppet.pulled";
const ECHO: &str = "puppet.echo.make";
