//! Incidents: one that is open, one that is over, and two weeks of them.

use super::*;

pub(super) fn labels(mood: Mood) -> LabelSet {
    LabelSet::new([
        ("service".to_owned(), name(mood, "content")),
        ("severity".to_owned(), "critical".to_owned()),
    ])
}

pub(super) fn alert(mood: Mood) -> AlertInstance {
    AlertInstance {
        rule: name(mood, "HighErrorRatio"),
        labels: labels(mood),
        annotations: LabelSet::new([(
            "summary".to_owned(),
            name(mood, "31 % of requests to content fail"),
        )]),
        state: AlertState::Firing,
        value: 0.312,
        active_at: ago(466.0),
        fired_at: Some(ago(451.0)),
        kept_since: None,
        resolved_at: None,
    }
}

pub(super) fn onset() -> Onset {
    let counts: Vec<f64> = (0..120)
        .map(|at| {
            if at < 90 {
                f64::from(u8::from(at % 13 == 0))
            } else {
                wave(at, 61.0, 18.0)
            }
        })
        .collect();
    Onset {
        at: ago(487.0),
        earliest: ago(497.0),
        latest: ago(477.0),
        source: OnsetSource::Estimated,
        method: OnsetMethod::StepV1,
        evidence: Some(OnsetEvidence {
            signal: "server errors of content".to_owned(),
            selector: "traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\",service=\"content\",status=\"STATUS_CODE_ERROR\"}".to_owned(),
            start: ago(1387.0),
            bin_seconds: 10.0,
            baseline: vec![0.08; 120],
            counts,
            dispersion: 1.3,
        }),
        set_by: None,
        reason: None,
    }
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn incident(mood: Mood) -> Incident {
    let exception = |group: &str, kind: &str, text: &str, count, ratio, is_new, is_regressed| {
        IncidentException {
            group: group.to_owned(),
            kind: name(mood, kind),
            message: message(mood, text),
            service: name(mood, "content"),
            count,
            ratio,
            is_new,
            is_regressed,
        }
    };
    let entry = |at, kind, text: &str, actor: Option<&str>| TimelineEntry {
        at,
        kind,
        text: name(mood, text),
        actor: actor.map(str::to_owned),
    };
    let phase = |phase: &str, from: f64, to: f64| Phase {
        name: phase.to_owned(),
        from: ago(from),
        to: ago(to),
        seconds: from - to,
    };
    let is_empty = mood == Mood::Empty;
    Incident {
        id: if mood == Mood::Hostile {
            "../x?a=1&<b>"
        } else {
            "20261122-7f3a"
        }
        .to_owned(),
        title: message(mood, "content fails 31 % of requests"),
        severity: AlertSeverity::Critical,
        status: IncidentStatus::Triggered,
        services: if is_empty {
            Vec::new()
        } else {
            vec![name(mood, "content"), name(mood, "gateway")]
        },
        onset: onset(),
        detected_at: ago(451.0),
        notified_at: (!is_empty).then(|| ago(444.0)),
        acknowledged_at: None,
        acknowledged_by: None,
        recovered_at: None,
        resolved_at: None,
        times: ResponseTimes {
            ttd_seconds: Some(36.0),
            tta_seconds: None,
            ttr_seconds: None,
        },
        phases: if is_empty {
            Vec::new()
        } else {
            vec![
                phase("data_delay", 487.0, 485.2),
                phase("evaluation", 485.2, 466.0),
                phase("hold", 466.0, 451.0),
                phase("grouping", 451.0, 446.0),
                phase("delivery", 446.0, 444.0),
                phase("human", 444.0, 0.0),
            ]
        },
        alerts: if is_empty {
            Vec::new()
        } else {
            vec![alert(mood)]
        },
        exceptions: if is_empty {
            Vec::new()
        } else {
            vec![
                exception(
                    "9f2c1a77e0b4d351",
                    "TileIndexError",
                    "no tile for cell 8a2a1072b59ffff at zoom 14",
                    1874,
                    None,
                    true,
                    false,
                ),
                exception(
                    "51aa02c94e77bd10",
                    "UpstreamTimeout",
                    "content did not answer within 2 s",
                    603,
                    Some(41.2),
                    false,
                    true,
                ),
                exception(
                    "0be7734fd2219a6c",
                    "PoolExhausted",
                    "no connection within 500 ms (20 in use)",
                    88,
                    Some(6.4),
                    false,
                    false,
                ),
            ]
        },
        changes: changes(mood).into_iter().take(1).collect(),
        timeline: if is_empty {
            Vec::new()
        } else {
            vec![
                entry(
                    ago(521.0),
                    TimelineKind::Change,
                    "deploy of content 2.14.0",
                    Some("deploy-bot"),
                ),
                entry(
                    ago(487.0),
                    TimelineKind::Onset,
                    "server errors of content leave their baseline",
                    None,
                ),
                entry(
                    ago(466.0),
                    TimelineKind::AlertPending,
                    "HighErrorRatio pending at 0.27",
                    Some("HighErrorRatio"),
                ),
                entry(
                    ago(451.0),
                    TimelineKind::Detected,
                    "HighErrorRatio firing at 0.31",
                    Some("HighErrorRatio"),
                ),
                entry(
                    ago(444.0),
                    TimelineKind::Notified,
                    "pagerduty accepted the trigger (HTTP 202)",
                    Some("pagerduty"),
                ),
                entry(
                    ago(130.0),
                    TimelineKind::Note,
                    "Looks like the new tile index; rolling back.",
                    Some("Mira"),
                ),
            ]
        },
        runbook: Some(
            if mood == Mood::Hostile {
                "javascript:alert(1)"
            } else {
                "https://runbooks.example.com/content/errors"
            }
            .to_owned(),
        ),
        joins: Vec::new(),
        cause: None,
        assignee: None,
        links: Vec::new(),
        merged_into: None,
        merged: Vec::new(),
        split_from: None,
        reopened: 0,
    }
}

pub(crate) fn resolved_incident() -> Incident {
    Incident {
        id: "20261122-6b01".to_owned(),
        status: IncidentStatus::Resolved,
        acknowledged_at: Some(ago(390.0)),
        acknowledged_by: Some("Mira".to_owned()),
        recovered_at: Some(ago(140.0)),
        resolved_at: Some(ago(20.0)),
        times: ResponseTimes {
            ttd_seconds: Some(36.0),
            tta_seconds: Some(54.0),
            ttr_seconds: Some(347.0),
        },
        ..incident(Mood::Full)
    }
}

pub(crate) fn incidents() -> Vec<Incident> {
    vec![incident(Mood::Full), resolved_incident()]
}

pub(crate) fn incidents_of(mood: Mood) -> Vec<Incident> {
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![incident(mood)],
    }
}

/// Two weeks of incidents.
pub(crate) fn past_incidents() -> Vec<Incident> {
    let titles = [
        "payments latency above 1 s",
        "search fails 12 % of requests",
        "sync-worker has stopped",
        "gateway refuses connections",
    ];
    let past = |at: usize| {
        let began = ago(40_000.0 + at as f64 * 61_000.0);
        let seconds = |base: f64| base * 2_f64.powf(wave(at, 1.5, 3.0));
        let (ttd, tta, ttr) = (seconds(11.0), seconds(40.0), seconds(300.0));
        let after = |seconds: f64| began + Duration::from_secs_f64(seconds);
        Incident {
            id: format!("20261108-{at:04x}"),
            title: titles[at % 4].to_owned(),
            severity: [
                AlertSeverity::Error,
                AlertSeverity::Critical,
                AlertSeverity::Warning,
            ][at % 3],
            services: vec![titles[at % 4].split(' ').next().unwrap().to_owned()],
            onset: Onset {
                at: began,
                earliest: began,
                latest: began,
                ..onset()
            },
            detected_at: after(ttd),
            notified_at: Some(after(ttd + 6.0)),
            acknowledged_at: Some(after(ttd + 6.0 + tta)),
            recovered_at: Some(after(ttr)),
            resolved_at: Some(after(ttr + 120.0)),
            times: ResponseTimes {
                ttd_seconds: Some(ttd),
                tta_seconds: Some(tta),
                ttr_seconds: Some(ttr),
            },
            ..resolved_incident()
        }
    };
    (0..19).map(past).collect()
}
