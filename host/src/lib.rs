//! Leveret runs event handlers for RabbitMQ as sandboxed WebAssembly components.
//!
//! `ARCHITECTURE.md` has the map. In short: messages come from a [`broker`], the [`catalog`] knows which version of
//! which [`plugin`] is live, [`delivery`] brings the two together, and [`host`] puts it all together as the settings in
//! [`config`] say. [`project`] makes and builds plugins' sources, and [`cases`] runs plugins, without a broker, on what files
//! say.

#![forbid(unsafe_code)]

pub mod admin;
pub mod broker;
pub mod bucket;
pub mod cases;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dead;
pub mod delivery;
pub mod history;
pub mod host;
pub mod json;
pub mod ledger;
pub mod message;
pub mod name;
pub mod plugin;
pub mod private_file;
pub mod project;
pub mod rate;
pub mod redis;
pub mod schedule;
