//! What may have caused an incident: exceptions by their change, and what people changed.

use watchfire_alerts::{Incident, IncidentException};
use watchfire_schemas::Timestamp;

use crate::chain;
use crate::charts::{Svg, sparkline};
use crate::facts::{Candidate, ExceptionDetail, Facts, VersionRate};
use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::range::Asked;

#[derive(Debug)]
pub(crate) struct ExceptionRow {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) service: String,
    pub(crate) count: String,
    pub(crate) change: String,
    pub(crate) is_new: bool,
    pub(crate) is_regressed: bool,
    pub(crate) trend: Svg,
    /// The top frame of the application.
    pub(crate) culprit: String,
    /// `first seen 05:49:12 in 0.4.2`.
    pub(crate) first: String,
    pub(crate) trace: Option<String>,
}

#[derive(Debug)]
pub(crate) struct ChangeRow {
    pub(crate) at: When,
    pub(crate) distance: String,
    pub(crate) kind: &'static str,
    pub(crate) service: String,
    pub(crate) relation: String,
    pub(crate) summary: String,
    pub(crate) version: String,
    pub(crate) author: String,
    pub(crate) link: Option<String>,
    /// What the versions say; empty if nothing.
    pub(crate) evidence: String,
    pub(crate) is_supported: bool,
}

pub(super) fn exception_rows(
    incident: &Incident,
    facts: &Facts,
    now: Timestamp,
    asked: &Asked,
) -> Vec<ExceptionRow> {
    let unknown = ExceptionDetail::default();
    let row = |exception: &IncidentException| {
        let known = facts.exceptions.iter().find(|d| d.group == exception.group);
        exception_row(exception, known.unwrap_or(&unknown), now, asked)
    };
    incident.exceptions.iter().map(row).collect()
}

fn exception_row(
    exception: &IncidentException,
    detail: &ExceptionDetail,
    now: Timestamp,
    asked: &Asked,
) -> ExceptionRow {
    let first = detail.first_seen.map_or_else(String::new, |at| {
        let release = detail.first_release.as_deref();
        let release = release.map_or_else(String::new, |release| format!(" in {release}"));
        format!("first seen {}{release}", When::clock(at, now).text())
    });
    ExceptionRow {
        href: chain::group(asked, &exception.group),
        kind: exception.kind.clone(),
        message: one_line(&exception.message),
        service: exception.service.clone(),
        count: figures::count(exception.count),
        change: change_of(exception),
        is_new: exception.is_new,
        is_regressed: exception.is_regressed,
        trend: sparkline(&detail.trend, 0.0, "occurrences over the window"),
        culprit: detail.culprit.clone(),
        first,
        trace: detail.last_trace.map(|id| chain::trace(asked, &id, None)),
    }
}

/// `×12`, or `from none`; empty for one that is new.
pub(super) fn change_of(exception: &IncidentException) -> String {
    match exception.ratio {
        _ if exception.is_new => String::new(),
        Some(ratio) if ratio.is_finite() => format!("×{}", figures::short(ratio)),
        _ => "from none".to_owned(),
    }
}

/// Candidates, in their order.
pub(super) fn change_rows(facts: &Facts, now: Timestamp) -> Vec<ChangeRow> {
    let row = |candidate: &Candidate| {
        let change = &candidate.change;
        ChangeRow {
            at: When::clock(change.at, now),
            distance: distance(candidate.seconds_before),
            kind: change.kind.as_str(),
            service: change.service.clone(),
            relation: candidate.relation.clone(),
            summary: change.summary.clone(),
            version: change.version.clone().unwrap_or_default(),
            author: change.author.clone().unwrap_or_default(),
            link: change.link.clone().filter(|link| is_web_address(link)),
            evidence: version_split(candidate),
            is_supported: candidate.is_supported(),
        }
    };
    facts.candidates.iter().map(row).collect()
}

pub(super) fn distance(before: f64) -> String {
    if before >= 0.0 {
        format!("{} before onset", figures::duration(before))
    } else {
        format!("{} after the estimated onset", figures::duration(-before))
    }
}

/// `34 % of 812 answers of 0.4.2 failed, 0.1 % of 5,120 of other versions in the same time`.
pub(super) fn version_split(candidate: &Candidate) -> String {
    let (Some(on), Some(off)) = (&candidate.on, &candidate.off) else {
        return String::new();
    };
    let of = |rate: &VersionRate| {
        let share = rate
            .share()
            .map_or_else(|| "none".to_owned(), figures::percent);
        format!("{share} of {}", figures::count(rate.requests))
    };
    if on.requests == 0 {
        return format!("no answer of {} was seen since the onset", on.version);
    }
    let other = match (off.requests, candidate.off_is_before) {
        (0, _) => "no other version was seen".to_owned(),
        (_, true) => format!("{} of other versions in the hour before", of(off)),
        (_, false) => format!("{} of other versions in the same time", of(off)),
    };
    format!("{} answers of {} failed, {other}", of(on), on.version)
}

/// Whether a text may become a link: `javascript:` must not.
pub(super) fn is_web_address(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        assert!(is_web_address("https://runbooks.example.com/a"));
        assert!(!is_web_address("javascript:alert(1)"));
        assert!(!is_web_address("//example.com"));
    }
}
