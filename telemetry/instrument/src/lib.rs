//! What a service embeds: logs under contract, traces, histograms, export.

mod telemetry;

pub use telemetry::{Builder, HttpLayer, LogOutput, StartError, Telemetry};
