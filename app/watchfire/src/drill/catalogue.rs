//! What can break, each with a service of its own that it breaks in.

/// What is wrong with requests while a fault is fully there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Harm {
    /// The share that fails.
    pub fails: f64,
    /// The share that takes [`Harm::SLOW_SECONDS`].
    pub slow: f64,
    /// How many times the usual requests come.
    pub traffic: f64,
    /// The share of calls to another service that fail; the requests that made them fail too.
    pub calls_fail: f64,
    /// The share of calls to another service that take [`Harm::SLOW_SECONDS`].
    pub calls_slow: f64,
    /// Errors that are logged each second, with an exception, by no request.
    pub error_logs: f64,
    /// The share of log lines that are lost.
    pub silent: f64,
    /// The share of log lines that break their contract.
    pub broken: f64,
}

impl Harm {
    pub(crate) const SLOW_SECONDS: f64 = 2.0;
    pub(crate) const NONE: Self = Self {
        fails: 0.0,
        slow: 0.0,
        traffic: 1.0,
        calls_fail: 0.0,
        calls_slow: 0.0,
        error_logs: 0.0,
        silent: 0.0,
        broken: 0.0,
    };

    /// A part of it: between nothing and all.
    pub(crate) fn part(self, part: f64) -> Self {
        Self {
            fails: self.fails * part,
            slow: self.slow * part,
            traffic: 1.0 + (self.traffic - 1.0) * part,
            calls_fail: self.calls_fail * part,
            calls_slow: self.calls_slow * part,
            error_logs: self.error_logs * part,
            silent: self.silent * part,
            broken: self.broken * part,
        }
    }
}

/// A fault, and the service that it is tried on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fault {
    pub name: &'static str,
    pub what: &'static str,
    /// Requests a second of each operation.
    pub rate: f64,
    pub operations: usize,
    /// The share of requests that fail as usual.
    pub errors: f64,
    /// Whether each request calls another service.
    pub calls: bool,
    pub harm: Harm,
    /// Seconds until the harm is fully there; 0 is at once.
    pub ramp: f64,
    /// Whether only the first operation is harmed.
    pub first_only: bool,
    /// Whether a deploy is told when it begins.
    pub deploy: bool,
}

const STEP: Fault = Fault {
    name: "",
    what: "",
    rate: 5.0,
    operations: 1,
    errors: 0.01,
    calls: false,
    harm: Harm::NONE,
    ramp: 0.0,
    first_only: false,
    deploy: false,
};

const fn fails(share: f64) -> Harm {
    Harm {
        fails: share,
        ..Harm::NONE
    }
}

const fn slow(share: f64) -> Harm {
    Harm {
        slow: share,
        ..Harm::NONE
    }
}

pub(crate) const CATALOGUE: [Fault; 28] = [
    Fault {
        name: "endpoint-down-5",
        what: "every request of an endpoint fails, 5 a second",
        harm: fails(1.0),
        ..STEP
    },
    Fault {
        name: "endpoint-down-1",
        what: "every request of an endpoint fails, 1 a second",
        rate: 1.0,
        harm: fails(1.0),
        ..STEP
    },
    Fault {
        name: "endpoint-down-rare",
        what: "every request of an endpoint fails, 1 in 20 seconds",
        rate: 0.05,
        errors: 0.0,
        harm: fails(1.0),
        ..STEP
    },
    Fault {
        name: "half-fails-5",
        what: "half of the requests fail, 5 a second",
        harm: fails(0.5),
        ..STEP
    },
    Fault {
        name: "fifth-fails-10",
        what: "a fifth of the requests fails, 10 a second",
        rate: 10.0,
        harm: fails(0.2),
        ..STEP
    },
    Fault {
        name: "tenth-fails-10",
        what: "a tenth of the requests fails, 10 a second",
        rate: 10.0,
        harm: fails(0.1),
        ..STEP
    },
    Fault {
        name: "few-fail-20",
        what: "3 in 100 requests fail where 3 in 1000 did, 20 a second",
        rate: 20.0,
        errors: 0.003,
        harm: fails(0.03),
        ..STEP
    },
    Fault {
        name: "errors-ramp-2m",
        what: "failures rise to 60 % within 2 minutes, 5 a second",
        harm: fails(0.6),
        ramp: 120.0,
        ..STEP
    },
    Fault {
        name: "errors-ramp-5m",
        what: "failures rise to 50 % within 5 minutes, 10 a second",
        rate: 10.0,
        harm: fails(0.5),
        ramp: 300.0,
        ..STEP
    },
    Fault {
        name: "errors-ramp-10m",
        what: "failures rise to 100 % within 10 minutes, 10 a second",
        rate: 10.0,
        harm: fails(1.0),
        ramp: 600.0,
        ..STEP
    },
    Fault {
        name: "slow-half",
        what: "half of the requests take 2 s, 10 a second",
        rate: 10.0,
        harm: slow(0.5),
        ..STEP
    },
    Fault {
        name: "slow-tail",
        what: "15 in 100 requests take 2 s, 10 a second",
        rate: 10.0,
        harm: slow(0.15),
        ..STEP
    },
    Fault {
        name: "latency-drift-5m",
        what: "ever more requests take 2 s, 60 % after 5 minutes, 10 a second",
        rate: 10.0,
        harm: slow(0.6),
        ramp: 300.0,
        ..STEP
    },
    Fault {
        name: "dependency-down",
        what: "every call to another service fails, 5 a second",
        calls: true,
        harm: Harm {
            calls_fail: 1.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "dependency-flaky",
        what: "three in ten calls to another service fail, 5 a second",
        calls: true,
        harm: Harm {
            calls_fail: 0.3,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "dependency-slow",
        what: "every call to another service takes 2 s, 5 a second",
        calls: true,
        harm: Harm {
            calls_slow: 1.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "one-of-five",
        what: "one of five endpoints fails, 3 a second each",
        rate: 3.0,
        operations: 5,
        harm: fails(1.0),
        first_only: true,
        ..STEP
    },
    Fault {
        name: "one-tenant",
        what: "the requests of one tenant fail, 8 in 100 of 15 a second",
        rate: 15.0,
        errors: 0.005,
        harm: fails(0.08),
        ..STEP
    },
    Fault {
        name: "traffic-gone",
        what: "no request comes any more, 10 a second before",
        rate: 10.0,
        harm: Harm {
            traffic: 0.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "traffic-drop",
        what: "a twentieth of the requests still comes, 20 a second before",
        rate: 20.0,
        harm: Harm {
            traffic: 0.05,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "traffic-fade-5m",
        what: "requests fade away within 5 minutes, 20 a second before",
        rate: 20.0,
        harm: Harm {
            traffic: 0.0,
            ..Harm::NONE
        },
        ramp: 300.0,
        ..STEP
    },
    Fault {
        name: "bad-deploy",
        what: "a deploy after which 3 in 10 requests fail, 5 a second",
        harm: fails(0.3),
        deploy: true,
        ..STEP
    },
    Fault {
        name: "retry-storm",
        what: "half of the requests fail and are retried: four times as many come",
        harm: Harm {
            fails: 0.5,
            traffic: 4.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "slow-leak",
        what: "ever more requests are slow or fail, for 20 minutes, 5 a second",
        harm: Harm {
            slow: 0.6,
            fails: 0.4,
            ..Harm::NONE
        },
        ramp: 1200.0,
        ..STEP
    },
    Fault {
        name: "worker-exceptions",
        what: "a background worker throws twice a second, no request fails",
        harm: Harm {
            error_logs: 2.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "worker-few",
        what: "a background worker throws every ten seconds, no request fails",
        harm: Harm {
            error_logs: 0.1,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "log-silence",
        what: "a service logs nothing any more, and answers as ever",
        harm: Harm {
            silent: 1.0,
            ..Harm::NONE
        },
        ..STEP
    },
    Fault {
        name: "schema-break",
        what: "one in three log lines breaks its contract, 5 a second",
        harm: Harm {
            broken: 0.33,
            ..Harm::NONE
        },
        ..STEP
    },
];

/// Those whose name holds one of `only`, or all.
pub(crate) fn chosen(only: &[String]) -> Vec<Fault> {
    let wanted =
        |fault: &&Fault| only.is_empty() || only.iter().any(|name| fault.name.contains(&**name));
    CATALOGUE.iter().filter(wanted).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_each_for_one_fault() {
        let names: HashSet<&str> = CATALOGUE.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        assert_eq!(chosen(&["endpoint-down".to_owned()]).len(), 3);
    }

    #[test]
    fn every_fault_harms() {
        for fault in CATALOGUE {
            assert_ne!(fault.harm, Harm::NONE, "{}", fault.name);
            assert_eq!(fault.harm.part(0.0), Harm::NONE, "{}", fault.name);
        }
    }
}
