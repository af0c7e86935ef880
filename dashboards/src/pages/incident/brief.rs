//! The first half minute: what is broken for whom, since when, what changed, what to look at first
//! and who has it.

use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::Timestamp;

use super::suspects::{change_of, distance, version_split};
use crate::chain;
use crate::facts::{Candidate, Facts, Overrepresented};
use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::query_text::term;
use crate::range::Asked;

/// Attributes named in the brief.
const NAMED: usize = 2;

#[derive(Debug)]
pub(crate) struct Brief {
    pub(crate) what: String,
    /// Where failures begin: service, operations, error.
    pub(crate) origin: Option<String>,
    /// Whom it concerns most.
    pub(crate) concerned: Vec<String>,
    pub(crate) began: When,
    pub(crate) ago: When,
    /// `between 05:49:08 and 05:49:20`.
    pub(crate) interval: String,
    pub(crate) how: String,
    pub(crate) change: Option<BriefChange>,
    pub(crate) looks: Vec<Look>,
    pub(crate) has_it: String,
    pub(crate) told: String,
}

#[derive(Debug)]
pub(crate) struct BriefChange {
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) distance: String,
    pub(crate) evidence: String,
    pub(crate) is_supported: bool,
}

/// One thing to look at.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) what: &'static str,
    pub(crate) href: String,
    pub(crate) text: String,
    pub(crate) detail: String,
}

pub(super) fn brief(incident: &Incident, facts: &Facts, asked: &Asked, now: Timestamp) -> Brief {
    let onset = &incident.onset;
    let concerned = facts.blast_radius.iter().take(NAMED);
    let mut looks = Vec::new();
    looks.extend(trace(facts, asked));
    looks.extend(exception(incident, facts, asked));
    looks.extend(pattern(facts, asked));
    Brief {
        what: what(incident, facts),
        origin: origin(facts),
        concerned: concerned.map(concern).collect(),
        began: When::clock(onset.at, now),
        ago: When::ago(onset.at, now),
        interval: if onset.earliest == onset.latest {
            String::new()
        } else {
            format!(
                "between {} and {}",
                figures::clock(onset.earliest),
                figures::clock(onset.latest)
            )
        },
        how: how(incident),
        change: facts.candidates.first().map(change),
        looks,
        has_it: has_it(incident, now),
        told: told(incident, now),
    }
}

/// What came of it in figures.
fn what(incident: &Incident, facts: &Facts) -> String {
    let impact = &facts.impact;
    let of = match (impact.service.as_str(), incident.services.as_slice()) {
        ("", []) => String::new(),
        ("", many) => format!(" of {}", many.join(", ")),
        (felt, _) => format!(" of {felt}"),
    };
    let Some(share) = impact.failed_share() else {
        return format!("No request{of} was seen since the onset.");
    };
    let before = impact.failed_before.map_or_else(String::new, |before| {
        format!("; before, {} did", figures::percent(before))
    });
    if impact.failed == 0 {
        let requests = figures::count(impact.requests);
        return format!("None of {requests} requests{of} failed since the onset.");
    }
    format!(
        "{} of {} requests{of} failed since the onset ({}){before}.",
        figures::count(impact.failed),
        figures::count(impact.requests),
        figures::percent(share)
    )
}

/// Where failures begin: operations below which nothing failed.
fn origin(facts: &Facts) -> Option<String> {
    let origins = || facts.failed_operations.iter().filter(|one| one.is_origin);
    let first = origins().next()?;
    let same = origins().filter(|one| one.service == first.service);
    let names: Vec<&str> = same.map(|one| one.name.as_str()).take(2).collect();
    let error = match first.error.as_str() {
        "" => String::new(),
        error => format!(": {}", one_line(error)),
    };
    Some(format!("{}, {}{error}", first.service, names.join(", ")))
}

/// `operation GET /places: 98 % of what fails, 21 % of the usual traffic`.
fn concern(one: &Overrepresented) -> String {
    let share = |part: u64, whole: u64| figures::percent(part as f64 / whole.max(1) as f64);
    format!(
        "{} {}: {} of what fails, {} of the usual traffic",
        one.key,
        one.value,
        share(one.carriers, one.failing),
        share(one.carriers_before, one.usual)
    )
}

fn how(incident: &Incident) -> String {
    let onset = &incident.onset;
    let signal = onset
        .evidence
        .as_ref()
        .map(|evidence| evidence.signal.as_str());
    let grew = matches!(onset.method, OnsetMethod::RampV1 | OnsetMethod::RampV2);
    match (onset.method, signal) {
        (
            OnsetMethod::StepV1 | OnsetMethod::StepV2 | OnsetMethod::RampV1 | OnsetMethod::RampV2,
            signal,
        ) => {
            let how = if grew { "grew" } else { "jumped" };
            signal.map_or_else(
                || "estimated from the telemetry".to_owned(),
                |signal| format!("estimated from {signal}, which {how}"),
            )
        }
        (OnsetMethod::RuleFirstTrue, _) => {
            "no signal shows a change: a rule was first true then; it may have begun before"
                .to_owned()
        }
        (OnsetMethod::Human, _) => {
            let who = onset.set_by.as_deref().unwrap_or("a person");
            let why = onset.reason.as_deref().unwrap_or_default();
            format!("set by {who}: {why}")
        }
    }
}

fn change(candidate: &Candidate) -> BriefChange {
    BriefChange {
        kind: candidate.change.kind.as_str(),
        service: candidate.change.service.clone(),
        version: candidate.change.version.clone().unwrap_or_default(),
        summary: candidate.change.summary.clone(),
        distance: distance(candidate.seconds_before),
        evidence: version_split(candidate),
        is_supported: candidate.is_supported(),
    }
}

/// The one trace: of the operation where failures begin, else the slowest.
fn trace(facts: &Facts, asked: &Asked) -> Option<Look> {
    if let Some(failed) = facts.failed_operations.first() {
        return Some(Look {
            what: "trace",
            href: chain::trace(asked, &failed.trace_id, failed.span_id.as_ref()),
            text: format!("{} {}", failed.service, failed.name),
            detail: match failed.error.as_str() {
                "" => format!("failed after {}", figures::duration(failed.seconds)),
                error => one_line(error),
            },
        });
    }
    let slowest = facts.exemplars.first()?;
    Some(Look {
        what: "trace",
        href: chain::trace(asked, &slowest.trace_id, slowest.span_id.as_ref()),
        text: format!("{} {}", slowest.service, slowest.operation),
        detail: format!("took {}", figures::duration(slowest.seconds)),
    })
}

fn exception(incident: &Incident, facts: &Facts, asked: &Asked) -> Option<Look> {
    let first = incident.exceptions.first()?;
    let detail = facts.exceptions.iter().find(|one| one.group == first.group);
    let culprit = detail.map_or("", |detail| detail.culprit.as_str());
    let change = match (first.is_new, first.is_regressed) {
        (true, _) => "new".to_owned(),
        (_, true) => "regressed".to_owned(),
        _ => change_of(first),
    };
    let place = if culprit.is_empty() {
        String::new()
    } else {
        format!(" in {culprit}")
    };
    Some(Look {
        what: "exception",
        href: chain::group(asked, &first.group),
        text: first.kind.clone(),
        detail: format!(
            "{change}, {} since onset{place}: {}",
            figures::count(first.count),
            one_line(&first.message)
        ),
    })
}

fn pattern(facts: &Facts, asked: &Asked) -> Option<Look> {
    let first = facts.new_patterns.first()?;
    let change = first.ratio.map_or_else(
        || "new".to_owned(),
        |ratio| format!("×{}", figures::short(ratio)),
    );
    Some(Look {
        what: "log pattern",
        href: chain::logs(asked, &term("pattern_id", &first.id)),
        text: one_line(&first.template),
        detail: format!("{change}, {} lines", figures::count(first.count)),
    })
}

fn has_it(incident: &Incident, now: Timestamp) -> String {
    let since = |at: Timestamp| When::clock(at, now).text().to_owned();
    let mut parts = Vec::new();
    match (&incident.acknowledged_by, incident.acknowledged_at) {
        (Some(who), Some(at)) => parts.push(format!("{who} has it since {}", since(at))),
        _ if incident.resolved_at.is_some() => parts.push("Nobody took it".to_owned()),
        _ => parts.push("Nobody has it yet".to_owned()),
    }
    if let Some(to) = &incident.assignee {
        parts.push(format!("assigned to {to}"));
    }
    parts.join(", ")
}

fn told(incident: &Incident, now: Timestamp) -> String {
    match incident.notified_at {
        Some(at) => format!(
            "first page taken at {}, {} after detection",
            When::clock(at, now).text(),
            figures::duration(at.seconds_since(incident.detected_at).max(0.0))
        ),
        None => "no page was taken by any destination".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Impact;
    use crate::gallery::samples::{self, Mood, now};

    #[test]
    fn the_brief_answers_what_since_when_and_where_to_look() {
        let incident = samples::incident(Mood::Full);
        let facts = Facts {
            impact: Impact {
                service: "gateway".to_owned(),
                requests: 3_900,
                failed: 1_204,
                failed_before: Some(0.001),
                seconds: 480.0,
            },
            ..Facts::default()
        };
        let asked = Asked::absolute(crate::facts::window(&incident, now()));
        let told = brief(&incident, &facts, &asked, now());
        assert!(
            told.what
                .starts_with("1,204 of 3,900 requests of gateway failed")
        );
        assert!(
            told.what.ends_with("(31 %); before, 0.10 % did."),
            "{}",
            told.what
        );
        assert!(
            told.how.starts_with("estimated from server errors"),
            "{}",
            told.how
        );
        assert_eq!(told.has_it, "Nobody has it yet");
        assert!(told.change.is_none());
        assert_eq!(told.looks[0].what, "exception");
    }
}
