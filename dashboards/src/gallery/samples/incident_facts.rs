//! What stands beside an incident.

use super::*;

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn facts_of(mood: Mood) -> facts::Facts {
    if mood == Mood::Empty {
        return facts::Facts::default();
    }
    let series = |value: &dyn Fn(f64) -> f64| -> Vec<(Timestamp, f64)> {
        (0..70)
            .map(|at| {
                let age = 700.0 - f64::from(at) * 10.0;
                (ago(age), value(age))
            })
            .collect()
    };
    let fails = |age: f64| {
        if age > 487.0 {
            f64::from(u8::from((age as u32).is_multiple_of(130)))
        } else {
            wave(age as usize / 10, 61.0, 18.0)
        }
    };
    let trace_id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    let trend = |row: usize| -> Vec<f64> {
        let count = |at: usize| {
            if at < 14 + row {
                0.0
            } else {
                wave(at, 20.0, 9.0)
            }
        };
        (0..40).map(count).collect()
    };
    facts::Facts {
        measured: facts::Measured {
            signal: name(mood, "server errors of content"),
            counts: series(&fails),
            baseline: series(&|_| 0.8),
            exceptions: series(&|age| {
                if age > 487.0 {
                    0.0
                } else {
                    wave(age as usize / 7, 30.0, 9.0)
                }
            }),
            requests: series(&|age| wave(age as usize / 11, 140.0, 12.0)),
            exception_groups: vec![(name(mood, "TileMissing"), vec![3.0; 70])],
            failed: series(&fails),
            bin_seconds: 10.0,
        },
        impact: facts::Impact {
            service: name(mood, "gateway"),
            requests: 3_901,
            failed: 1_204,
            failed_before: Some(0.0011),
            seconds: 487.0,
        },
        latency: Some(facts::Latency {
            first: ago(700.0).millis(),
            width: 10_000,
            bounds: vec![Some(0.0), Some(0.1), Some(1.0), None],
            rows: vec![vec![90.0; 70], vec![12.0; 70], vec![3.0; 70]],
        }),
        exceptions: incident(mood)
            .exceptions
            .iter()
            .enumerate()
            .map(|(row, one)| facts::ExceptionDetail {
                group: one.group.clone(),
                culprit: name(mood, "content::places::tile"),
                first_seen: Some(ago(480.0)),
                first_release: Some(name(mood, "0.4.2")),
                last_trace: Some(trace_id),
                trend: trend(row),
                surprise: 812.0,
            })
            .collect(),
        blast_radius: vec![
            facts::Overrepresented {
                key: "operation".to_owned(),
                value: name(mood, "GET /places/{id}"),
                of: "spans".to_owned(),
                carriers: 294,
                failing: 300,
                carriers_before: 104,
                usual: 500,
                lift: 4.6,
            },
            facts::Overrepresented {
                key: "service.version".to_owned(),
                value: "0.4.2".to_owned(),
                of: "logs".to_owned(),
                carriers: 288,
                failing: 300,
                carriers_before: 0,
                usual: 500,
                lift: 480.0,
            },
        ],
        new_patterns: vec![facts::NewPattern {
            id: "0f3a".to_owned(),
            template: message(mood, "no tile for place <*>"),
            severity: "ERROR".to_owned(),
            services: vec![name(mood, "content")],
            count: 1_204,
            count_before: 0,
            ratio: None,
            first_seen: ago(487.0),
        }],
        candidates: changes(mood)
            .into_iter()
            .take(1)
            .map(|change| facts::Candidate {
                relation: "same service".to_owned(),
                seconds_before: 21.0,
                on: Some(facts::VersionRate {
                    version: change.version.clone().unwrap_or_default(),
                    requests: 812,
                    failed: 276,
                }),
                off: Some(facts::VersionRate {
                    version: "other versions".to_owned(),
                    requests: 5_120,
                    failed: 5,
                }),
                off_is_before: true,
                change,
            })
            .collect(),
        exemplars: vec![facts::ExemplarTrace {
            trace_id,
            span_id: None,
            at: ago(300.0),
            seconds: 1.4,
            service: name(mood, "gateway"),
            operation: name(mood, "GET /places/{id}"),
            failed: true,
            bucket: "over 1 s".to_owned(),
        }],
        failed_operations: vec![facts::FailedOperation {
            service: name(mood, "content"),
            name: name(mood, "GET /places/{id}"),
            kind: "server".to_owned(),
            trace_id,
            span_id: None,
            at: ago(300.0),
            seconds: 0.21,
            error: message(mood, "TileMissing: no tile for place 812"),
            times: 188,
            is_origin: true,
        }],
        logs: vec![facts::LogKind {
            id: "12-3".to_owned(),
            at: ago(486.0),
            severity: "ERROR".to_owned(),
            service: name(mood, "content"),
            line: message(mood, "TileMissing: no tile for place 812"),
            times: 188,
            trace_id: Some(trace_id),
        }],
        neighbours: vec![
            facts::Neighbour {
                service: name(mood, "content"),
                is_own: true,
                relation: "called by gateway".to_owned(),
                requests: 3_901,
                failed: 1_204,
                onset: Some((ago(487.0), ago(490.0), ago(480.0))),
            },
            facts::Neighbour {
                service: "sync".to_owned(),
                is_own: false,
                relation: "calls content".to_owned(),
                requests: 12,
                failed: 0,
                onset: None,
            },
        ],
        quality: vec!["12 of 400 log lines read came late, by up to 41 s.".to_owned()],
        unread: Vec::new(),
    }
}

pub(crate) fn similar(mood: Mood) -> Vec<SimilarIncident> {
    vec![SimilarIncident {
        id: name(mood, "20261119-11ab"),
        title: message(mood, "content fails 12 % of requests"),
        severity: AlertSeverity::Error,
        status: IncidentStatus::Resolved,
        onset_at: ago(260_000.0),
        shared: vec!["2 exceptions".to_owned(), "service content".to_owned()],
        score: 0.8,
        ttr_seconds: Some(611.0),
        cause: Some(Cause {
            kind: CauseKind::BadDeploy,
            text: name(mood, "rolled back"),
            by: name(mood, "Mira"),
            at: ago(255_000.0),
        }),
        resolved_at: Some(ago(259_000.0)),
        acknowledged_by: Some("Mira".to_owned()),
    }]
}
