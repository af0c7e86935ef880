//! What can break, each in a service of its own: every kind of the switchboard, and what comes from
//! outside of services.

use watchfire_services::FaultKind::{
    BadDeploy, ClockSkew, DependencyDown, Errors, Latency, PoisonMessage, SchemaBreak, SlowLeak,
};

use super::case::Case;

pub(crate) fn catalogue() -> Vec<Case> {
    [
        failing(),
        growing(),
        slow(),
        calls(),
        parts(),
        traffic(),
        lasting(),
        workers(),
        lines(),
    ]
    .concat()
}

fn failing() -> Vec<Case> {
    vec![
        Case::new(
            "endpoint-down-5",
            "every request of an endpoint fails, 5 a second",
        )
        .hit(Errors, 1.0),
        Case::new(
            "endpoint-down-1",
            "every request of an endpoint fails, 1 a second",
        )
        .rate(1.0)
        .hit(Errors, 1.0),
        Case::new(
            "endpoint-down-rare",
            "every request of an endpoint fails, 1 in 20 seconds",
        )
        .rate(0.05)
        .errors(0.0)
        .hit(Errors, 1.0),
        Case::new("half-fails-5", "half of the requests fail, 5 a second").hit(Errors, 0.5),
        Case::new(
            "fifth-fails-10",
            "a fifth of the requests fails, 10 a second",
        )
        .rate(10.0)
        .hit(Errors, 0.2),
        Case::new(
            "tenth-fails-10",
            "a tenth of the requests fails, 10 a second",
        )
        .rate(10.0)
        .hit(Errors, 0.1),
        Case::new(
            "few-fail-20",
            "3 in 100 requests fail where 3 in 1000 did, 20 a second",
        )
        .rate(20.0)
        .errors(0.003)
        .hit(Errors, 0.03),
    ]
}

fn growing() -> Vec<Case> {
    vec![
        Case::new(
            "errors-ramp-2m",
            "failures rise to 60 % within 2 minutes, 5 a second",
        )
        .hit(Errors, 0.6)
        .ramp(120.0),
        Case::new(
            "errors-ramp-5m",
            "failures rise to 50 % within 5 minutes, 10 a second",
        )
        .rate(10.0)
        .hit(Errors, 0.5)
        .ramp(300.0),
        Case::new(
            "errors-ramp-10m",
            "failures rise to 100 % within 10 minutes, 10 a second",
        )
        .rate(10.0)
        .hit(Errors, 1.0)
        .ramp(600.0),
    ]
}

fn slow() -> Vec<Case> {
    vec![
        Case::new("slow-half", "half of the requests take 2 s, 10 a second")
            .rate(10.0)
            .hit(Latency, 0.5),
        Case::new("slow-tail", "15 in 100 requests take 2 s, 10 a second")
            .rate(10.0)
            .hit(Latency, 0.15),
        Case::new(
            "latency-drift-5m",
            "ever more requests take 2 s, 60 % after 5 minutes, 10 a second",
        )
        .rate(10.0)
        .hit(Latency, 0.6)
        .ramp(300.0),
    ]
}

fn calls() -> Vec<Case> {
    vec![
        Case::new(
            "dependency-down",
            "every call to another service fails, 5 a second",
        )
        .calling()
        .hit(DependencyDown, 1.0),
        Case::new(
            "dependency-flaky",
            "three in ten calls to another service fail, 5 a second",
        )
        .calling()
        .hit(DependencyDown, 0.3),
        Case::new(
            "dependency-slow",
            "every call to another service takes 2 s, 5 a second",
        )
        .hit_called(Latency, 1.0),
    ]
}

fn parts() -> Vec<Case> {
    vec![
        Case {
            operations: 5,
            first_only: true,
            ..Case::new(
                "one-of-five",
                "one of five endpoints fails, 3 a second each",
            )
            .rate(3.0)
            .hit(Errors, 1.0)
        },
        Case::new(
            "one-tenant",
            "the requests of one tenant fail, 8 in 100 of 15 a second",
        )
        .rate(15.0)
        .errors(0.005)
        .hit(Errors, 0.08),
    ]
}

fn traffic() -> Vec<Case> {
    vec![
        Case {
            traffic: 0.0,
            ..Case::new(
                "traffic-gone",
                "no request comes any more, 10 a second before",
            )
            .rate(10.0)
        },
        Case {
            traffic: 0.05,
            ..Case::new(
                "traffic-drop",
                "a twentieth of the requests still comes, 20 a second before",
            )
            .rate(20.0)
        },
        Case {
            traffic: 0.0,
            ..Case::new(
                "traffic-fade-5m",
                "requests fade away within 5 minutes, 20 a second before",
            )
            .rate(20.0)
            .ramp(300.0)
        },
    ]
}

fn lasting() -> Vec<Case> {
    vec![
        Case::new(
            "bad-deploy",
            "a deploy after which 3 in 10 requests fail, 5 a second",
        )
        .hit(BadDeploy, 0.3),
        Case {
            traffic: 4.0,
            ..Case::new(
                "retry-storm",
                "half of the requests fail and are retried: four times as many come",
            )
            .hit(Errors, 0.5)
        },
        Case::new(
            "slow-decay",
            "ever more requests are slow or fail, for 20 minutes, 5 a second",
        )
        .hit(Latency, 0.6)
        .hit(Errors, 0.4)
        .ramp(1200.0),
        leak(),
    ]
}

fn workers() -> Vec<Case> {
    vec![
        Case {
            error_logs: 2.0,
            ..Case::new(
                "worker-exceptions",
                "a background worker throws twice a second, no request fails",
            )
        },
        Case {
            error_logs: 0.1,
            ..Case::new(
                "worker-few",
                "a background worker throws every ten seconds, no request fails",
            )
        },
        Case::new(
            "poison-message",
            "a message that cannot be processed is tried three times and set aside",
        )
        .hit(PoisonMessage, 1.0),
    ]
}

fn lines() -> Vec<Case> {
    vec![
        Case {
            silent: 1.0,
            ..Case::new(
                "log-silence",
                "a service logs nothing any more, and answers as ever",
            )
        },
        Case::new(
            "schema-break",
            "one in three log lines breaks its contract, 5 a second",
        )
        .hit(SchemaBreak, 0.33),
        Case {
            harmless: true,
            ..Case::new(
                "clock-skew",
                "telemetry is dated 20 s ahead, and nobody is to be woken",
            )
            .hit(ClockSkew, 1.0)
        },
    ]
}

/// Each request is held up by what the ones before it left behind.
fn leak() -> Case {
    let what = "each request takes longer, by a millisecond for every second, 5 a second";
    let mut case = Case::new("slow-leak", what).hit(SlowLeak, 1.0);
    case.faults[0].delay_ms = Some(1);
    case
}

/// Those whose name holds one of `only`, or all.
pub(crate) fn chosen(only: &[String]) -> Vec<Case> {
    let wanted =
        |case: &Case| only.is_empty() || only.iter().any(|name| case.name.contains(&**name));
    let mut chosen = catalogue();
    chosen.retain(wanted);
    chosen
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use watchfire_services::FaultKind;

    use super::*;
    use crate::drill::harm::Harm;

    #[test]
    fn names_are_each_for_one_fault() {
        let cases = catalogue();
        let names: HashSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len());
        assert_eq!(chosen(&["endpoint-down".to_owned()]).len(), 3);
    }

    #[test]
    fn every_fault_harms() {
        for case in catalogue() {
            assert_ne!(Harm::of(&case, 600.0), Harm::NONE, "{}", case.name);
        }
    }

    #[test]
    fn every_kind_of_the_switchboard_is_drilled() {
        let drilled: BTreeSet<FaultKind> = catalogue().iter().flat_map(Case::kinds).collect();
        assert_eq!(drilled, BTreeSet::from(FaultKind::ALL));
    }
}
