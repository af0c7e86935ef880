//! What a service embeds: logs under contract, traces, histograms, export.
//!
//! ```no_run
//! # fn main() -> Result<(), watchfire_telemetry::StartError> {
//! let telemetry = watchfire_telemetry::Telemetry::service("payments").version("1.4.2").start()?;
//! telemetry.install_global();
//! let app: axum::Router = axum::Router::new().layer(telemetry.http_layer());
//! # drop(app);
//! telemetry.shutdown();
//! # Ok(())
//! # }
//! ```
//!
//! Emitting never blocks, fails or panics: a queue that is full drops what comes and counts it in
//! `watchfire_telemetry_dropped_total{signal, reason}`. What the exporters themselves say never
//! enters the pipeline.

#![warn(missing_docs)]

mod builder;
mod client_call;
mod database_call;
mod distortion;
mod dropped;
mod exposition;
mod fact_span;
mod filter;
mod http_layer;
mod log_layer;
mod log_writer;
mod otlp;
mod panics;
mod pipeline;
mod process_metrics;
mod registry_snapshot;
mod resource;
mod runtime_metrics;
mod scoped;
mod signed_query;
mod sink;
mod span_data;
mod span_maker;
mod span_queue;
mod telemetry;
mod trace_context;

pub use builder::{Builder, LogOutput, StartError};
pub use client_call::ClientCall;
pub use database_call::{DatabaseCall, DatabaseServer, DatabaseSpan};
pub use distortion::Distortion;
pub use dropped::{DropReason, Signal};
pub use exposition::{metrics_response, openmetrics_text, prometheus_text};
pub use fact_span::{note_session, note_user};
pub use http_layer::{
    Answering, HTTP_DURATION_BUCKETS, HTTP_TARGET, HttpLayer, HttpService, RequestId, Unlogged,
};
pub use process_metrics::register_process_metrics;
pub use runtime_metrics::register_runtime_metrics;
pub use telemetry::Telemetry;
pub use trace_context::{TraceExemplar, current_trace_id};
