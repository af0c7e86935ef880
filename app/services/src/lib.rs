//! The application services: a gateway, and behind it travel content, customer messages, reminders,
//! recruitment and payments. With them come the traffic that makes them worth watching and the
//! switchboard that breaks them.
//!
//! Each service has its own telemetry and speaks to the others over HTTP only, so that each can
//! become a process of its own.

mod client;
mod content;
mod database;
mod failure;
mod fault;
mod feed;
mod gateway;
mod history;
mod launch;
mod messages;
mod payments;
mod problem;
mod recruitment;
mod reminders;
mod secret;
mod server;
mod setup;
mod signature;
mod sql;
mod stage;
mod statement;
mod telemetry;
mod traced;
mod traffic;

pub use database::{NoPostgresUrl, PostgresUrl};
pub use fault::{Fault, FaultError, FaultInForce, FaultKind, FaultSwitch};
pub use gateway::{CacheUrl, NoCacheUrl, PolicyError};
pub use history::history;
pub use launch::{
    Export, Launch, LaunchError, NoUpstreamUrl, Running, ServiceName, UnknownService, UpstreamUrl,
};
pub use secret::{SecretError, Secrets};
pub use telemetry::DEMO;
