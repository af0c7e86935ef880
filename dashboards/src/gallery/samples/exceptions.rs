//! Exception groups.

use super::*;

pub(crate) fn groups() -> Vec<ExceptionGroup> {
    groups_of(Mood::Full).0
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn groups_of(mood: Mood) -> (Vec<ExceptionGroup>, Vec<Vec<f64>>) {
    let group = |id: &str,
                 kind: &str,
                 text: &str,
                 culprit: &str,
                 service: &str,
                 first: f64,
                 regressed: Option<f64>| ExceptionGroup {
        id: id.to_owned(),
        kind: name(mood, kind),
        message: message(mood, text),
        culprit: name(mood, culprit),
        service: name(mood, service),
        status: GroupStatus::Open,
        assignee: regressed.map(|_| name(mood, "Mira")),
        first_seen: ago(first),
        last_seen: ago(3.0),
        releases: vec![name(mood, "2.13.2"), "2.14.0".to_owned()],
        regressed_at: regressed.map(ago),
        last_trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap()),
        triage: Triage {
            first_release: Some(name(mood, "2.13.2")),
            last_release: Some("2.14.0".to_owned()),
            regressed_in: regressed.map(|_| "2.14.0".to_owned()),
            ..Triage::default()
        },
    };
    if mood == Mood::Empty {
        return (Vec::new(), Vec::new());
    }
    let groups = vec![
        group(
            "9f2c1a77e0b4d351",
            "TileIndexError",
            "no tile for cell 8a2a1072b59ffff at zoom 14",
            "TileIndex.lookup",
            "content",
            487.0,
            None,
        ),
        group(
            "51aa02c94e77bd10",
            "UpstreamTimeout",
            "content did not answer within 2 s",
            "gateway::proxy::forward",
            "gateway",
            900_000.0,
            Some(480.0),
        ),
        group(
            "0be7734fd2219a6c",
            "PoolExhausted",
            "no connection within 500 ms (20 in use)",
            "Pool.acquire",
            "content",
            400_000.0,
            None,
        ),
        group(
            "77c0d1aa33e9f802",
            "CardDeclined",
            "issuer said: insufficient funds",
            "payments::capture",
            "payments",
            2_000_000.0,
            None,
        ),
    ];
    let trends = (0..4_usize).map(|row| {
        (0..40)
            .map(|at| {
                if row < 2 && at < 34 {
                    0.0
                } else {
                    wave(at + row, 40.0 / (row + 1) as f64, 12.0).round()
                }
            })
            .collect()
    });
    (groups, trends.collect())
}

pub(crate) fn exception_context(mood: Mood, start: Timestamp) -> exception::Context {
    let mut logs = log_page_of(mood);
    logs.records
        .retain(|found| found.record.exception.is_some());
    exception::Context {
        start,
        bin: Duration::from_mins(1),
        trend: (0..60)
            .map(|at| if at < 52 { 0.0 } else { wave(at, 30.0, 12.0) })
            .collect(),
        logs: Some(logs),
        trace: Vec::new(),
        who: name(mood, "Mira"),
        stacktrace: "Traceback (most recent call last):\n  File \"/app/tiles.py\", line 9, in lookup\nTileIndexError: no tile".to_owned(),
        read: crate::ReadStack {
            calls: vec![
                (name(mood, "TileIndex.lookup"), true),
                ("starlette.routing.handle".to_owned(), false),
                ("main.serve".to_owned(), true),
            ],
            chain: vec![name(mood, "TileIndexError"), "KeyError".to_owned()],
        },
        releases: vec![GroupRelease {
            release: name(mood, "2.14.0"),
            first_seen: ago(487.0),
            last_seen: ago(3.0),
        }],
        log: vec![GroupLogEntry {
            at: ago(487.0),
            kind: GroupEvent::New,
            who: None,
            text: message(mood, "first seen"),
        }],
        ..exception::Context::default()
    }
}
