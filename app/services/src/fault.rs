//! The switchboard of faults: what can be made to fail, in which service, and how the services' own
//! code asks whether it is to fail now.

mod admin;
mod afflicted;
mod distorted;
mod leak;
mod measure;
mod met;
mod switch;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub(crate) use afflicted::{Extent, afflict, aimed_at};
pub(crate) use met::Faults;
pub(crate) use switch::Deploy;
pub use switch::{FaultInForce, FaultSwitch};

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A share of the requests fails with an exception; of content's, those of one route.
    Errors,
    /// A share of the requests becomes slow; of content's, those of one route.
    Latency,
    /// The service's database cannot be reached; of the gateway's, the cache that it shares.
    DependencyDown,
    /// Every request leaves memory and an open file behind, and waits longer than the one before.
    SlowLeak,
    /// A change that throws on a share of its input; it ends by a roll-back. Both are change events.
    BadDeploy,
    /// One message fails its consumer again and again, until it is set aside as a dead letter.
    PoisonMessage,
    /// A share of the log lines no longer keeps the contract.
    SchemaBreak,
    /// The clock by which the service dates its telemetry is off.
    ClockSkew,
}

/// A fault that can be begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whom it hits.
    pub service: String,
    /// What it does.
    pub kind: FaultKind,
    /// The share of requests, lines or inputs that it hits, above 0 and up to 1.
    #[serde(default = "all")]
    pub share: f64,
    /// Ends by itself after so many seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
    /// How much longer a request takes that [`FaultKind::Latency`] hits, on the average; how much
    /// longer each takes for every second that [`FaultKind::SlowLeak`] has lasted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// How many MiB leak in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak_mib: Option<u64>,
    /// How far ahead the clock is; behind if it is below zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_seconds: Option<i64>,
}

/// Why a fault cannot be begun.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum FaultError {
    /// There is no such service here.
    #[error("service {asked} is not running here: {known}")]
    UnknownService {
        /// Who was named.
        asked: String,
        /// Who may be.
        known: String,
    },
    /// The service has nothing that could fail so.
    #[error("{kind} cannot hit {service}: it {why}")]
    NotOfService {
        /// Who was named.
        service: String,
        /// What was asked for.
        kind: FaultKind,
        /// What is missing.
        why: &'static str,
    },
    /// A member that does not fit.
    #[error("{member} {why}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it must be.
        why: String,
    },
}

impl FaultError {
    /// The JSON pointer of the member that is at fault.
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::UnknownService { .. } => "/service".to_owned(),
            Self::NotOfService { .. } => "/kind".to_owned(),
            Self::Member { member, .. } => format!("/{member}"),
        }
    }
}

/// Longer is no drill.
const LONGEST: Duration = Duration::from_hours(24);
/// What a request may be held up at most; clients give up before.
pub(crate) const SLOWEST: Duration = Duration::from_secs(30);
/// What may leak in a second at most.
const MOST_LEAKED: u64 = 64;

fn all() -> f64 {
    1.0
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Errors,
        Self::Latency,
        Self::DependencyDown,
        Self::SlowLeak,
        Self::BadDeploy,
        Self::PoisonMessage,
        Self::SchemaBreak,
        Self::ClockSkew,
    ];

    /// Its name: `dependency-down`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::DependencyDown => "dependency-down",
            Self::SlowLeak => "slow-leak",
            Self::BadDeploy => "bad-deploy",
            Self::PoisonMessage => "poison-message",
            Self::SchemaBreak => "schema-break",
            Self::ClockSkew => "clock-skew",
        }
    }

    /// Why it cannot hit the service, if it cannot. One that stands alone has no dependency that
    /// could be down but other services.
    fn missing_in(self, service: &str, stands_alone: bool) -> Option<&'static str> {
        match self {
            Self::PoisonMessage if !matches!(service, "messages" | "payments") => {
                Some("consumes no messages")
            }
            Self::DependencyDown if stands_alone => Some(
                "depends on the services behind it only; aim at one of them, or give it a cache to share",
            ),
            _ => None,
        }
    }
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Fault {
    /// A fault of this kind that hits all of the service until it is ended.
    pub fn new(service: &str, kind: FaultKind) -> Self {
        Self {
            service: service.to_owned(),
            kind,
            share: all(),
            for_seconds: None,
            delay_ms: None,
            leak_mib: None,
            offset_seconds: None,
        }
    }

    /// Only for this share.
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Whether it can be begun as it is written.
    fn check(&self, stands_alone: bool) -> Result<(), FaultError> {
        let wrong = |member, why: String| Err(FaultError::Member { member, why });
        if let Some(why) = self.kind.missing_in(&self.service, stands_alone) {
            return Err(FaultError::NotOfService {
                service: self.service.clone(),
                kind: self.kind,
                why,
            });
        }
        if !(self.share > 0.0 && self.share <= 1.0) {
            return wrong("share", "must be above 0 and at most 1".to_owned());
        }
        let longest = LONGEST.as_secs();
        if self
            .for_seconds
            .is_some_and(|seconds| !(1..=longest).contains(&seconds))
        {
            return wrong("for_seconds", format!("must be from 1 to {longest}"));
        }
        let slows = matches!(self.kind, FaultKind::Latency | FaultKind::SlowLeak);
        let leaks = self.kind == FaultKind::SlowLeak;
        let skews = self.kind == FaultKind::ClockSkew;
        let slowest = SLOWEST.as_millis() as u64;
        match (self.delay_ms, self.leak_mib, self.offset_seconds) {
            (Some(_), _, _) if !slows => wrong("delay_ms", self.kind.has_no("delay")),
            (Some(delay), _, _) if !(1..=slowest).contains(&delay) => {
                wrong("delay_ms", format!("must be from 1 to {slowest}"))
            }
            (_, Some(_), _) if !leaks => wrong("leak_mib", self.kind.has_no("leak")),
            (_, Some(mib), _) if !(1..=MOST_LEAKED).contains(&mib) => {
                wrong("leak_mib", format!("must be from 1 to {MOST_LEAKED}"))
            }
            (_, _, Some(_)) if !skews => wrong("offset_seconds", self.kind.has_no("offset")),
            (_, _, Some(offset)) if offset == 0 || offset.unsigned_abs() > longest => wrong(
                "offset_seconds",
                format!("must be from -{longest} to {longest}, and not 0"),
            ),
            _ => Ok(()),
        }
    }
}

impl FaultKind {
    fn has_no(self, what: &str) -> String {
        format!("does not fit: {self} has no {what}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_makes_no_sense_is_refused_by_the_member() {
        let check = |text: &str, expected: Result<(), &str>| {
            let fault: Fault = serde_json::from_str(text).unwrap();
            let stands_alone = fault.service == "gateway";
            let found = fault.check(stands_alone).map_err(|error| error.pointer());
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check(r#"{"service":"payments","kind":"errors"}"#, Ok(()));
        check(
            r#"{"service":"payments","kind":"latency","share":0.5,"for_seconds":60,"delay_ms":900}"#,
            Ok(()),
        );
        check(
            r#"{"service":"content","kind":"clock-skew","offset_seconds":-20}"#,
            Ok(()),
        );
        check(
            r#"{"service":"payments","kind":"errors","share":0}"#,
            Err("/share"),
        );
        check(
            r#"{"service":"payments","kind":"errors","share":1.5}"#,
            Err("/share"),
        );
        check(
            r#"{"service":"payments","kind":"errors","for_seconds":0}"#,
            Err("/for_seconds"),
        );
        check(
            r#"{"service":"payments","kind":"errors","delay_ms":5}"#,
            Err("/delay_ms"),
        );
        check(
            r#"{"service":"payments","kind":"latency","leak_mib":5}"#,
            Err("/leak_mib"),
        );
        check(
            r#"{"service":"payments","kind":"slow-leak","leak_mib":5000}"#,
            Err("/leak_mib"),
        );
        check(
            r#"{"service":"content","kind":"clock-skew","offset_seconds":0}"#,
            Err("/offset_seconds"),
        );
        check(
            r#"{"service":"content","kind":"poison-message"}"#,
            Err("/kind"),
        );
        check(
            r#"{"service":"gateway","kind":"dependency-down"}"#,
            Err("/kind"),
        );
    }

    #[test]
    fn kinds_are_written_as_they_are_read() {
        for kind in FaultKind::ALL {
            let written = serde_json::to_value(kind).unwrap();
            assert_eq!(written, kind.as_str());
        }
    }
}
