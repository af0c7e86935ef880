//! Routing as Alertmanager does it: from alerts to groups, and from groups to notifications.
#![expect(dead_code, reason = "being built")]

mod config;
mod inhibition;
mod interval;
mod matcher;
mod pattern;
mod route;

pub use config::AlertmanagerConfig;
