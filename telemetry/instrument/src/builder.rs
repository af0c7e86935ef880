use std::sync::Arc;

use tokio::sync::mpsc;
use watchfire_schemas::{Batch, Clock, SystemClock};

use crate::distortion::Distortion;
use crate::otlp::Settings;
use crate::resource::Resource;
use crate::sink::Destination;
use crate::telemetry::Telemetry;
use crate::trace_context::random_id;

/// Where log lines go besides export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOutput {
    /// One JSON line a record on standard output.
    Stdout,
    /// One JSON line a record on standard error.
    Stderr,
    /// No lines.
    Nowhere,
}

/// Why a pipeline could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directive of [`Builder::filter`] or of `RUST_LOG`.
    #[error("the log filter does not parse: {0}")]
    Filter(String),
    /// What the environment says of export cannot be done.
    #[error("the exporter for {endpoint} could not be made: {reason}")]
    Exporter {
        /// Where to.
        endpoint: String,
        /// Why not.
        reason: String,
    },
    /// The system gave no thread.
    #[error("the thread {name} could not be started")]
    Thread {
        /// Which thread.
        name: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Describes a service's pipeline; [`Builder::start`] makes it run.
#[derive(Debug)]
pub struct Builder {
    pub(crate) resource: Resource,
    pub(crate) output: LogOutput,
    pub(crate) filter: Option<String>,
    collector: Option<mpsc::Sender<Batch>>,
    /// Stand in for environment variables of these names.
    variables: Vec<(String, String)>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) distortion: Option<Arc<dyn Distortion>>,
}

impl Builder {
    pub(crate) fn new(service: &str) -> Self {
        let mut resource = Resource::of(service);
        resource.set(Resource::INSTANCE, &random_id());
        Self {
            resource,
            output: LogOutput::Stdout,
            filter: None,
            collector: None,
            variables: Vec::new(),
            clock: Arc::new(SystemClock),
            distortion: None,
        }
    }

    /// `service.version`.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.resource.set(Resource::VERSION, version);
        self
    }

    /// `deployment.environment.name`.
    #[must_use]
    pub fn environment(mut self, name: &str) -> Self {
        self.resource.set(Resource::ENVIRONMENT, name);
        self
    }

    /// `service.instance.id`; a random one if not said.
    #[must_use]
    pub fn instance(mut self, id: &str) -> Self {
        self.resource.set(Resource::INSTANCE, id);
        self
    }

    /// Where log lines go; standard output if not said.
    #[must_use]
    pub fn log_output(mut self, output: LogOutput) -> Self {
        self.output = output;
        self
    }

    /// An `EnvFilter` directive for log records; `RUST_LOG` or `info` if not said.
    #[must_use]
    pub fn filter(mut self, directive: &str) -> Self {
        self.filter = Some(directive.to_owned());
        self
    }

    /// Hand batches to a collector in this process. Without it, `OTEL_EXPORTER_OTLP_ENDPOINT` decides.
    #[must_use]
    pub fn hand_over(mut self, collector: mpsc::Sender<Batch>) -> Self {
        self.collector = Some(collector);
        self
    }

    /// Stands in for OpenTelemetry's environment variable of this name, `OTEL_EXPORTER_OTLP_…`:
    /// for a service that has a configuration of its own.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the time comes from; the machine's clock if not said.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// What makes logs and spans wrong on their way out; nothing if not said.
    #[must_use]
    pub fn distortion(mut self, distortion: Arc<dyn Distortion>) -> Self {
        self.distortion = Some(distortion);
        self
    }

    /// Starts the pipeline. The subscriber is not global: see [`Telemetry::scope`] and [`Telemetry::install_global`].
    pub fn start(self) -> Result<Telemetry, StartError> {
        Telemetry::start(self)
    }

    /// Whether `OTEL_SDK_DISABLED` says that nothing is to be traced, measured or exported. What
    /// the service itself says in its log remains, as lines.
    pub(crate) fn is_disabled(&self) -> bool {
        let said = self.said("OTEL_SDK_DISABLED");
        said.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    fn said(&self, name: &str) -> Option<String> {
        let said = self.variables.iter().rev().find(|(said, _)| said == name);
        said.map(|(_, value)| value.clone())
            .or_else(|| std::env::var(name).ok())
    }

    pub(crate) fn destination(&mut self) -> Result<Destination, StartError> {
        if self.is_disabled() {
            return Ok(Destination::Nowhere);
        }
        if let Some(collector) = self.collector.take() {
            return Ok(Destination::Collector(collector));
        }
        let variable = |name: &str| self.said(name);
        Ok(
            Settings::read(&variable)?.map_or(Destination::Nowhere, |settings| {
                Destination::Otlp(Box::new(settings))
            }),
        )
    }

    /// The directive in force.
    pub(crate) fn directive(&self) -> String {
        self.filter
            .clone()
            .or_else(|| std::env::var("RUST_LOG").ok())
            .filter(|directive| !directive.trim().is_empty())
            .unwrap_or_else(|| "info".to_owned())
    }
}
