use std::fmt::Write;

use watchfire_alerts::{DeliveryState, Incident, OnsetMethod, OnsetSource};
use watchfire_schemas::Timestamp;

use super::Export;
use crate::facts::VersionRate;
use crate::figures;

/// Steps of alerts that a timeline has at most: forty of one rule say the same.
const ALERT_STEPS: usize = 12;

/// Characters of one text.
const LONGEST: usize = 2_000;

/// The whole document. What nobody but the team knows is left to fill in.
pub(super) fn written(export: &Export) -> String {
    let mut out = String::new();
    summary(&mut out, export);
    times(&mut out, &export.incident);
    impact(&mut out, export);
    changes(&mut out, export);
    evidence(&mut out, export);
    timeline(&mut out, export);
    deliveries(&mut out, export);
    open_ends(&mut out, export);
    out
}

/// Writing to memory does not fail.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {
        writeln!($out, $($arg)*).expect("writing to memory does not fail")
    };
}

fn summary(out: &mut String, export: &Export) {
    let incident = &export.incident;
    line!(out, "# {}\n", plain(&incident.title));
    let services = match incident.services.as_slice() {
        [] => "no service".to_owned(),
        names => plain(&names.join(", ")),
    };
    line!(
        out,
        "Incident `{}`, severity {}, {}. Services: {services}.\n",
        code(&incident.id),
        incident.severity,
        serde_json::to_value(incident.status)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default()
    );
    if let Some(cause) = &incident.cause {
        line!(
            out,
            "Cause, as {} says: **{}**. {}\n",
            plain(&cause.by),
            cause.kind.words(),
            plain(&cause.text)
        );
    }
    for link in &incident.links {
        line!(out, "- [{}](<{}>)", plain(&link.text), address(&link.url));
    }
    if let Some(into) = &incident.merged_into {
        line!(out, "\nMerged into incident `{into}`, which goes on.");
    }
}

fn times(out: &mut String, incident: &Incident) {
    line!(out, "\n## Times (UTC)\n");
    line!(out, "| what | when | definition |\n|---|---|---|");
    let onset = &incident.onset;
    let (shape, version) = match onset.method {
        OnsetMethod::StepV1 => ("a step", 1),
        OnsetMethod::RampV1 => ("a ramp", 1),
        OnsetMethod::StepV2 => ("a step", 2),
        OnsetMethod::RampV2 => ("a ramp", 2),
        OnsetMethod::RuleFirstTrue | OnsetMethod::Human => ("", 0),
    };
    let signal = onset
        .evidence
        .as_ref()
        .map_or("the telemetry", |e| e.signal.as_str());
    let how = match onset.method {
        OnsetMethod::RuleFirstTrue => "no signal changed: a rule was first true".to_owned(),
        OnsetMethod::Human => format!(
            "set by {}: {}",
            onset.set_by.as_deref().unwrap_or("a person"),
            onset.reason.as_deref().unwrap_or_default()
        ),
        OnsetMethod::StepV1 | OnsetMethod::RampV1 | OnsetMethod::StepV2 | OnsetMethod::RampV2 => {
            format!("estimated, {shape} (version {version}), from {signal}")
        }
    };
    let interval = if onset.source == OnsetSource::Estimated {
        format!(
            "; between {} and {}",
            clock(onset.earliest),
            clock(onset.latest)
        )
    } else {
        String::new()
    };
    line!(
        out,
        "| onset | {} | {}{interval} |",
        clock(onset.at),
        plain(&how)
    );
    moments(out, incident);
}

/// The times after the onset, and what they come to.
fn moments(out: &mut String, incident: &Incident) {
    let moments = [
        (
            "detected",
            Some(incident.detected_at),
            "the first alert fired that pages; of a mere warning, the first",
        ),
        (
            "notified",
            incident.notified_at,
            "a destination took the first page",
        ),
        (
            "acknowledged",
            incident.acknowledged_at,
            "somebody took it on",
        ),
        (
            "recovered",
            incident.recovered_at,
            "the telemetry is as before",
        ),
        ("resolved", incident.resolved_at, "closed"),
    ];
    for (what, at, definition) in moments {
        let at = at.map_or_else(|| "–".to_owned(), clock);
        line!(out, "| {what} | {at} | {definition} |");
    }
    let times = &incident.times;
    let figure = |seconds: Option<f64>| seconds.map_or_else(|| "–".to_owned(), figures::duration);
    line!(
        out,
        "\nTTD (detected − onset) **{}**, TTA (acknowledged − notified) **{}**, TTR (recovered − onset) **{}**.",
        figure(times.ttd_seconds),
        figure(times.tta_seconds),
        figure(times.ttr_seconds)
    );
    let phases = incident.phases.iter();
    let phases: Vec<String> = phases
        .map(|phase| {
            format!(
                "{} {}",
                phase.name.replace('_', " "),
                figures::duration(phase.seconds)
            )
        })
        .collect();
    if !phases.is_empty() {
        line!(out, "\nWhere the time went: {}.", phases.join(", "));
    }
}

fn impact(out: &mut String, export: &Export) {
    let impact = &export.facts.impact;
    line!(out, "\n## Impact\n");
    match impact.failed_share() {
        Some(share) => line!(
            out,
            "{} of {} requests failed ({}) in {}{}.",
            figures::count(impact.failed),
            figures::count(impact.requests),
            figures::percent(share),
            figures::duration(impact.seconds),
            impact.failed_before.map_or_else(String::new, |before| {
                format!("; before, {} did", figures::percent(before))
            })
        ),
        None => line!(out, "No request of these services was seen in this time."),
    }
    let radius = &export.facts.blast_radius;
    if !radius.is_empty() {
        line!(
            out,
            "\n| attribute | of what fails | usually | lift |\n|---|---|---|---|"
        );
    }
    for one in radius {
        line!(
            out,
            "| {} `{}` | {} of {} | {} of {} | ×{} |",
            plain(&one.key),
            code(&one.value),
            one.carriers,
            one.failing,
            one.carriers_before,
            one.usual,
            figures::short(one.lift)
        );
    }
    line!(out, "\n_What users saw, and how many: to fill in._");
}

fn changes(out: &mut String, export: &Export) {
    line!(out, "\n## What changed\n");
    let found = &export.facts.candidates;
    if found.is_empty() {
        line!(
            out,
            "No deploy, flag or configuration change is known in the 30 minutes before the onset."
        );
    }
    for one in found {
        let change = &one.change;
        line!(
            out,
            "- {} {} of {} {}: {} ({} before the onset; a candidate, not a verdict)",
            clock(change.at),
            change.kind.as_str(),
            plain(&change.service),
            plain(change.version.as_deref().unwrap_or_default()),
            plain(&change.summary),
            figures::duration(one.seconds_before)
        );
        if let (Some(on), Some(off)) = (&one.on, &one.off) {
            let rate = |rate: &VersionRate| {
                format!(
                    "{} of {} answers of {} failed",
                    rate.failed,
                    rate.requests,
                    plain(&rate.version)
                )
            };
            line!(out, "  - {}; {}", rate(on), rate(off));
        }
    }
}

fn evidence(out: &mut String, export: &Export) {
    let (incident, facts) = (&export.incident, &export.facts);
    line!(out, "\n## Evidence\n");
    if let Some(evidence) = &incident.onset.evidence {
        line!(out, "Onset from `{}`.\n", code(&evidence.selector));
    }
    for failed in &facts.failed_operations {
        line!(
            out,
            "- failed: {} {} ×{}{}, trace `{}`{}",
            plain(&failed.service),
            plain(&failed.name),
            failed.times,
            if failed.is_origin {
                ", begins here"
            } else {
                ""
            },
            failed.trace_id,
            match failed.error.as_str() {
                "" => String::new(),
                error => format!(": {}", plain(error)),
            }
        );
    }
    for pattern in &facts.new_patterns {
        let change = pattern.ratio.map_or_else(
            || "new".to_owned(),
            |ratio| format!("×{}", figures::short(ratio)),
        );
        line!(
            out,
            "- log pattern, {change}, {} lines: `{}`",
            pattern.count,
            code(&pattern.template)
        );
    }
    for line in &facts.quality {
        line!(out, "- {}", plain(line));
    }
    exceptions(out, export);
    services(out, export);
}

fn exceptions(out: &mut String, export: &Export) {
    let (incident, facts) = (&export.incident, &export.facts);
    line!(out, "\n### Exceptions\n");
    if incident.exceptions.is_empty() {
        line!(out, "None.");
    }
    for exception in &incident.exceptions {
        let detail = facts
            .exceptions
            .iter()
            .find(|one| one.group == exception.group);
        let culprit = detail.map_or("", |detail| detail.culprit.as_str());
        let word = match (exception.is_new, exception.is_regressed, exception.ratio) {
            (true, _, _) => "new".to_owned(),
            (_, true, _) => "regressed".to_owned(),
            (_, _, Some(ratio)) => format!("×{}", figures::short(ratio)),
            _ => "from none".to_owned(),
        };
        line!(
            out,
            "- {} ({word}, {} since the onset) of {}{}: {}",
            plain(&exception.kind),
            exception.count,
            plain(&exception.service),
            if culprit.is_empty() {
                String::new()
            } else {
                format!(" in `{}`", code(culprit))
            },
            plain(&exception.message)
        );
    }
}

fn services(out: &mut String, export: &Export) {
    let facts = &export.facts;
    line!(out, "\n### Services\n");
    for one in &facts.neighbours {
        let began = one.onset.map_or_else(
            || "did not change".to_owned(),
            |(at, _, _)| format!("began to fail at {}", clock(at)),
        );
        line!(
            out,
            "- {}: {began}; {} of {} answers failed",
            plain(&one.service),
            one.failed,
            one.requests
        );
    }
}

fn timeline(out: &mut String, export: &Export) {
    line!(out, "\n## Timeline (UTC)\n");
    let mut steps = 0;
    for entry in &export.incident.timeline {
        let kind = serde_json::to_value(entry.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(|kind| kind.replace('_', " ")))
            .unwrap_or_default();
        steps += usize::from(kind.starts_with("alert"));
        if kind.starts_with("alert") && steps > ALERT_STEPS {
            continue;
        }
        let actor = entry
            .actor
            .as_deref()
            .map_or_else(String::new, |actor| format!(" ({})", plain(actor)));
        line!(
            out,
            "- {} **{kind}** {}{actor}",
            clock(entry.at),
            plain(&entry.text)
        );
    }
    if steps > ALERT_STEPS {
        line!(
            out,
            "- … and {} further steps of alerts",
            steps - ALERT_STEPS
        );
    }
}

fn deliveries(out: &mut String, export: &Export) {
    if export.deliveries.is_empty() {
        return;
    }
    line!(out, "\n## Delivery proof\n");
    line!(
        out,
        "| destination | what | result | HTTP | when |\n|---|---|---|---|---|"
    );
    for one in &export.deliveries {
        let state = match one.state {
            DeliveryState::Queued => "queued",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Dead => "dead",
            DeliveryState::Dropped => "dropped",
        };
        let status = one
            .http_status
            .map_or_else(|| "–".to_owned(), |status| status.to_string());
        line!(
            out,
            "| {} | {} | {state} | {status} | {} |",
            plain(&one.destination),
            one.action,
            clock(one.delivered_at.unwrap_or(one.queued_at))
        );
    }
}

fn open_ends(out: &mut String, export: &Export) {
    if !export.similar.is_empty() {
        line!(out, "\n## Similar incidents\n");
    }
    for one in &export.similar {
        line!(
            out,
            "- {} `{}` {}: {}",
            clock(one.onset_at),
            one.id,
            plain(&one.title),
            plain(&one.shared.join(", "))
        );
    }
    line!(out, "\n## What went well\n\n_To fill in._");
    line!(out, "\n## What went badly\n\n_To fill in._");
    line!(out, "\n## Follow-ups\n\n- [ ] _what, who, until when_");
    line!(
        out,
        "\n_Written down by Watchfire at {}._",
        clock(export.exported_at)
    );
}

fn clock(at: Timestamp) -> String {
    figures::date_time(at)
}

/// A text in one line in which nothing is markup: not of Markdown, not of HTML, not of a table.
fn plain(text: &str) -> String {
    let text = figures::cut(text, LONGEST).0;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A text between backticks.
fn code(text: &str) -> String {
    let one_line = figures::cut(text, LONGEST).0.replace(['\n', '\r'], " ");
    one_line.replace('`', "'").replace('|', "\\|")
}

/// A web address between angle brackets.
fn address(url: &str) -> String {
    url.replace('<', "%3C")
        .replace('>', "%3E")
        .replace(['\n', '\r'], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};

    fn document(mood: Mood) -> String {
        written(&Export {
            incident: samples::incident(mood),
            facts: samples::facts_of(mood),
            deliveries: samples::incident_context(mood).deliveries,
            similar: samples::similar(mood),
            exported_at: samples::now(),
        })
    }

    #[test]
    fn a_post_mortem_has_what_a_team_pastes() {
        let told = document(Mood::Full);
        for part in [
            "# content fails 31 % of requests\n",
            "| onset | 2026-11-22 03:06:00 | estimated, a step (version 1), from server errors",
            "TTD (detected − onset) **36 s**",
            "1,204 of 3,901 requests failed (31 %)",
            "a candidate, not a verdict",
            "## Timeline (UTC)",
            "| pagerduty | trigger | delivered | 202 |",
            "- [ ] _what, who, until when_",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
    }

    #[test]
    fn no_text_becomes_markup() {
        let told = document(Mood::Hostile);
        // What stands between backticks is shown as it is.
        let outside = |line: &str| line.split('`').step_by(2).collect::<String>();
        let prose: String = told.lines().map(outside).collect();
        assert!(
            !prose.contains("<script") && !prose.contains("<img"),
            "{prose}"
        );
        document(Mood::Empty);
    }
}
