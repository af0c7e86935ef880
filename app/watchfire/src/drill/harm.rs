//! What is wrong with a simulated service in one second: to its telemetry, faults do what the
//! switchboard does to a service that runs.

use std::time::Duration;

use watchfire_services::{Fault, FaultKind};

use super::case::{CALLED, Case};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Harm {
    /// The share of requests that fails.
    pub fails: f64,
    /// The share that takes [`Harm::slow_seconds`].
    pub slow: f64,
    pub slow_seconds: f64,
    /// The share that takes so many seconds longer.
    pub held_up: (f64, f64),
    /// How many times the usual requests come.
    pub traffic: f64,
    /// The share of calls to another service that fail; the requests that made them fail too.
    pub calls_fail: f64,
    /// The share of calls to another service that take [`Harm::slow_seconds`].
    pub calls_slow: f64,
    /// Errors that are logged each second, with an exception, by no request.
    pub error_logs: f64,
    /// The share of log lines that are lost.
    pub silent: f64,
    /// The share of log lines that break their contract.
    pub broken: f64,
    /// Whether a message comes that nobody can process.
    pub poison: bool,
    /// How far ahead the clock is by which telemetry is dated, in seconds.
    pub ahead: i64,
}

impl Harm {
    pub(crate) const NONE: Self = Self {
        fails: 0.0,
        slow: 0.0,
        slow_seconds: 0.0,
        held_up: (0.0, 0.0),
        traffic: 1.0,
        calls_fail: 0.0,
        calls_slow: 0.0,
        error_logs: 0.0,
        silent: 0.0,
        broken: 0.0,
        poison: false,
        ahead: 0,
    };

    /// When a case has lasted for so many seconds.
    pub(crate) fn of(case: &Case, lasted: f64) -> Self {
        let part = if case.ramp > 0.0 {
            (lasted / case.ramp).min(1.0)
        } else {
            1.0
        };
        let mut harm = Self {
            traffic: 1.0 + (case.traffic - 1.0) * part,
            error_logs: case.error_logs * part,
            silent: case.silent * part,
            ..Self::NONE
        };
        for fault in &case.faults {
            harm.add(fault, part, lasted);
        }
        harm
    }

    fn add(&mut self, fault: &Fault, part: f64, lasted: f64) {
        let share = fault.share * part;
        match fault.kind {
            FaultKind::Errors | FaultKind::BadDeploy => self.fails = share,
            FaultKind::Latency => {
                let slow = if fault.service == CALLED {
                    &mut self.calls_slow
                } else {
                    &mut self.slow
                };
                *slow = share;
                self.slow_seconds = fault.delay().as_secs_f64();
            }
            FaultKind::DependencyDown => self.calls_fail = share,
            FaultKind::SlowLeak => {
                let lasted = Duration::from_secs_f64(lasted);
                self.held_up = (fault.share, fault.held_up_after(lasted).as_secs_f64());
            }
            FaultKind::PoisonMessage => self.poison = true,
            FaultKind::SchemaBreak => self.broken = share,
            FaultKind::ClockSkew => self.ahead = fault.offset(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm_grows_with_its_ramp_and_a_leak_by_itself() {
        let case = Case::new("x", "").hit(FaultKind::Errors, 0.6).ramp(120.0);
        let fails = |lasted| Harm::of(&case, lasted).fails;
        assert!((fails(30.0) - 0.15).abs() < 1e-9);
        assert!((fails(500.0) - 0.6).abs() < 1e-9);
        let case = Case::new("x", "").hit(FaultKind::SlowLeak, 1.0);
        let (share, at_first) = Harm::of(&case, 10.0).held_up;
        let (_, later) = Harm::of(&case, 20.0).held_up;
        assert!(share > 0.9 && at_first > 0.0 && (later / at_first - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_fault_of_the_called_service_harms_calls() {
        let case = Case::new("x", "").hit_called(FaultKind::Latency, 1.0);
        let harm = Harm::of(&case, 1.0);
        assert!(harm.slow < 1e-9 && harm.calls_slow > 0.9 && harm.slow_seconds > 1.9);
    }
}
