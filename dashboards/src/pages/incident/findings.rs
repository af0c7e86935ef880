//! What was found beside the incident, as rows.

use watchfire_alerts::SimilarIncident;
use watchfire_schemas::Timestamp;

use crate::charts::{Svg, bar};
use crate::facts::{
    ExemplarTrace, Facts, FailedOperation, LogKind, Neighbour, NewPattern, Overrepresented,
};
use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::query_text::term;
use crate::range::Asked;
use crate::{chain, url};

/// All of it.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) failed: Vec<FailedRow>,
    pub(crate) exemplars: Vec<ExemplarRow>,
    pub(crate) radius: Vec<RadiusRow>,
    pub(crate) patterns: Vec<PatternRow>,
    pub(crate) logs: Vec<LogRow>,
    pub(crate) neighbours: Vec<NeighbourRow>,
    pub(crate) similar: Vec<SimilarRow>,
    pub(crate) quality: Vec<String>,
}

pub(super) fn findings(
    facts: &Facts,
    similar: &[SimilarIncident],
    asked: &Asked,
    now: Timestamp,
) -> Findings {
    Findings {
        failed: failed_rows(&facts.failed_operations, asked),
        exemplars: exemplar_rows(&facts.exemplars, asked),
        radius: radius_rows(&facts.blast_radius),
        patterns: pattern_rows(&facts.new_patterns, asked),
        logs: log_rows(&facts.logs, now, asked),
        neighbours: neighbour_rows(&facts.neighbours, now, asked),
        similar: similar_rows(similar, now),
        quality: facts.quality.clone(),
    }
}

#[derive(Debug)]
pub(crate) struct FailedRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) kind: String,
    pub(crate) error: String,
    pub(crate) times: String,
    pub(crate) duration: String,
    pub(crate) bar: Svg,
    pub(crate) is_origin: bool,
}

fn failed_rows(failed: &[FailedOperation], asked: &Asked) -> Vec<FailedRow> {
    let longest = failed.iter().map(|one| one.seconds).fold(1e-9, f64::max);
    let row = |one: &FailedOperation| FailedRow {
        href: chain::trace(asked, &one.trace_id, one.span_id.as_ref()),
        name: one.name.clone(),
        service: one.service.clone(),
        kind: one.kind.clone(),
        error: one_line(&one.error),
        times: figures::count(one.times),
        duration: figures::duration(one.seconds),
        bar: bar(0.0, one.seconds / longest * 100.0, "bad"),
        is_origin: one.is_origin,
    };
    failed.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct ExemplarRow {
    pub(crate) href: String,
    pub(crate) bucket: String,
    pub(crate) duration: String,
    pub(crate) operation: String,
    pub(crate) service: String,
    pub(crate) failed: bool,
}

fn exemplar_rows(exemplars: &[ExemplarTrace], asked: &Asked) -> Vec<ExemplarRow> {
    let row = |one: &ExemplarTrace| ExemplarRow {
        href: chain::trace(asked, &one.trace_id, one.span_id.as_ref()),
        bucket: one.bucket.clone(),
        duration: figures::duration(one.seconds),
        operation: one.operation.clone(),
        service: one.service.clone(),
        failed: one.failed,
    };
    exemplars.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct RadiusRow {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) of: String,
    pub(crate) now: String,
    pub(crate) now_counts: String,
    pub(crate) before: String,
    pub(crate) before_counts: String,
    pub(crate) lift: String,
}

fn radius_rows(found: &[Overrepresented]) -> Vec<RadiusRow> {
    let share = |part: u64, whole: u64| figures::percent(part as f64 / whole.max(1) as f64);
    let counts =
        |part: u64, whole: u64| format!("{} of {}", figures::count(part), figures::count(whole));
    let row = |one: &Overrepresented| RadiusRow {
        key: one.key.clone(),
        value: one.value.clone(),
        of: one.of.clone(),
        now: share(one.carriers, one.failing),
        now_counts: counts(one.carriers, one.failing),
        before: share(one.carriers_before, one.usual),
        before_counts: counts(one.carriers_before, one.usual),
        lift: match one.carriers_before {
            0 => "from none".to_owned(),
            _ => format!("×{}", figures::short(one.lift)),
        },
    };
    found.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct PatternRow {
    pub(crate) href: String,
    pub(crate) template: String,
    pub(crate) severity: String,
    pub(crate) services: String,
    pub(crate) count: String,
    /// `×12`; empty if it is new.
    pub(crate) change: String,
}

fn pattern_rows(found: &[NewPattern], asked: &Asked) -> Vec<PatternRow> {
    let row = |one: &NewPattern| PatternRow {
        href: chain::logs(asked, &term("pattern_id", &one.id)),
        template: one_line(&one.template),
        severity: one.severity.clone(),
        services: one.services.join(", "),
        count: figures::count(one.count),
        change: one
            .ratio
            .map_or_else(String::new, |ratio| format!("×{}", figures::short(ratio))),
    };
    found.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct LogRow {
    pub(crate) at: When,
    pub(crate) severity: String,
    pub(crate) service: String,
    pub(crate) line: String,
    pub(crate) times: String,
    pub(crate) href: String,
    pub(crate) trace: Option<String>,
}

fn log_rows(kinds: &[LogKind], now: Timestamp, asked: &Asked) -> Vec<LogRow> {
    let row = |one: &LogKind| LogRow {
        at: When::clock(one.at, now),
        severity: one.severity.clone(),
        service: one.service.clone(),
        line: one.line.clone(),
        times: match one.times {
            0 | 1 => String::new(),
            many => format!("×{}", figures::count(many)),
        },
        href: chain::record(asked, &one.id),
        trace: one.trace_id.map(|id| chain::trace(asked, &id, None)),
    };
    kinds.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct NeighbourRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) is_own: bool,
    pub(crate) relation: String,
    pub(crate) failed: String,
    pub(crate) counts: String,
    pub(crate) began: Option<When>,
    /// `13 s after the first`.
    pub(crate) after: String,
}

fn neighbour_rows(found: &[Neighbour], now: Timestamp, asked: &Asked) -> Vec<NeighbourRow> {
    let first = found
        .iter()
        .filter_map(|one| one.onset)
        .map(|(at, _, _)| at)
        .min();
    let row = |one: &Neighbour| {
        let began = one.onset.map(|(at, _, _)| at);
        let after = began.zip(first).map(|(at, first)| at.seconds_since(first));
        NeighbourRow {
            name: one.service.clone(),
            href: chain::service(asked, &one.service),
            is_own: one.is_own,
            relation: one.relation.clone(),
            failed: figures::percent(one.failed as f64 / one.requests.max(1) as f64),
            counts: format!(
                "{} of {}",
                figures::count(one.failed),
                figures::count(one.requests)
            ),
            began: began.map(|at| When::clock(at, now)),
            after: match after {
                Some(seconds) if seconds > 0.0 => format!("+{}", figures::duration(seconds)),
                Some(_) => "first".to_owned(),
                None => String::new(),
            },
        }
    };
    found.iter().map(row).collect()
}

#[derive(Debug)]
pub(crate) struct SimilarRow {
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) at: When,
    pub(crate) shared: String,
    pub(crate) ended: String,
    pub(crate) ttr: String,
}

fn similar_rows(found: &[SimilarIncident], now: Timestamp) -> Vec<SimilarRow> {
    let row = |one: &SimilarIncident| SimilarRow {
        href: format!("/incidents/{}", url::encode(&one.id)),
        title: one.title.clone(),
        at: When::clock(one.onset_at, now),
        shared: one.shared.join(", "),
        ended: match (&one.cause, one.resolved_at) {
            (Some(cause), _) if cause.text.is_empty() => cause.kind.words(),
            (Some(cause), _) => format!("{}: {}", cause.kind.words(), cause.text),
            (None, Some(_)) => "no cause was told".to_owned(),
            (None, None) => "goes on".to_owned(),
        },
        ttr: one
            .ttr_seconds
            .map_or_else(|| "–".to_owned(), figures::duration),
    };
    found.iter().map(row).collect()
}
