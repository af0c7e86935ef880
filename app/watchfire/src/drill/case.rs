//! Something that goes wrong, and the service that it is tried on.

use watchfire_services::{Fault, FaultKind};

/// The service that a simulated one calls, whose own telemetry nobody sees.
pub(super) const CALLED: &str = "stock";
/// How long a request takes that is slow.
const SLOW_MS: u64 = 2_000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    /// Its name, and its service's.
    pub name: &'static str,
    pub what: &'static str,
    /// Requests a second of each operation.
    pub rate: f64,
    pub operations: usize,
    /// The share of requests that fail as usual.
    pub errors: f64,
    /// Whether each request calls another service.
    pub calls: bool,
    /// What the switchboard would begin, all at once; of the service itself or of the one it calls.
    pub faults: Vec<Fault>,
    /// What no switch of a service brings about: how many times the usual requests come,
    pub traffic: f64,
    /// errors that are logged each second, with an exception, by no request,
    pub error_logs: f64,
    /// the share of log lines that are lost on their way.
    pub silent: f64,
    /// Seconds until all of it is fully there; 0 is at once.
    pub ramp: f64,
    /// Whether only the first operation is harmed.
    pub first_only: bool,
    /// Whether it harms nobody, so that nobody is to be woken by it.
    pub harmless: bool,
}

impl Case {
    /// A service with five requests a second, of which one in a hundred fails, and nothing wrong yet.
    pub(crate) fn new(name: &'static str, what: &'static str) -> Self {
        Self {
            name,
            what,
            rate: 5.0,
            operations: 1,
            errors: 0.01,
            calls: false,
            faults: Vec::new(),
            traffic: 1.0,
            error_logs: 0.0,
            silent: 0.0,
            ramp: 0.0,
            first_only: false,
            harmless: false,
        }
    }

    /// With as many requests a second of each operation.
    pub(super) fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    /// With another share of requests that fail as usual.
    pub(super) fn errors(mut self, share: f64) -> Self {
        self.errors = share;
        self
    }

    /// Whose harm grows for as many seconds.
    pub(super) fn ramp(mut self, seconds: f64) -> Self {
        self.ramp = seconds;
        self
    }

    /// With a fault that hits this share of the service.
    pub(super) fn hit(self, kind: FaultKind, share: f64) -> Self {
        let service = self.name;
        self.with(service, kind, share)
    }

    /// Whose requests each call another service.
    pub(super) fn calling(mut self) -> Self {
        self.calls = true;
        self
    }

    /// With a fault that hits this share of the service that this one calls.
    pub(super) fn hit_called(self, kind: FaultKind, share: f64) -> Self {
        self.calling().with(CALLED, kind, share)
    }

    fn with(mut self, service: &str, kind: FaultKind, share: f64) -> Self {
        let mut fault = Fault::new(service, kind).share(share);
        if kind == FaultKind::Latency {
            fault.delay_ms = Some(SLOW_MS);
        }
        self.faults.push(fault);
        self
    }

    /// The kinds of its faults; none where it comes from outside of services.
    pub(crate) fn kinds(&self) -> Vec<FaultKind> {
        self.faults.iter().map(|fault| fault.kind).collect()
    }

    /// Whether it begins with a deploy and ends with a roll-back.
    pub(super) fn deploys(&self) -> bool {
        self.kinds().contains(&FaultKind::BadDeploy)
    }
}
