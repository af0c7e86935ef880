//! The application services.

mod launch;

pub use launch::{Export, Fault, FaultKind, FaultSwitch, Launch, LaunchError, Running, history};
