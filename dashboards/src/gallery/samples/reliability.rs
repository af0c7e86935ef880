//! Three months of incidents: time to detect falls in the middle, as seeds promise.

use super::*;
use crate::pages::reliability::Found;
use crate::pages::reliability::asked::Wanted;

const DAY: f64 = 86_400.0;

/// Numbers in `[0, 1)` that look like chance and are always the same.
fn chance(at: usize, of: usize) -> f64 {
    let seed = (at * 31 + of * 17 + 7) as u64;
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / 9_007_199_254_740_992.0
}

/// A duration around `median`, as skewed as those of incidents are.
fn skewed(median: f64, at: usize, of: usize) -> f64 {
    let normal = (0..6).map(|n| chance(at, of * 6 + n)).sum::<f64>() - 3.0;
    median * (1.2 * normal * 2.0_f64.sqrt()).exp()
}

/// Forty-eight of them, the newest still open.
pub(crate) fn many_incidents() -> Vec<Incident> {
    (0..48).map(past_incident).collect()
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
fn past_incident(at: usize) -> Incident {
    const TITLES: [&str; 6] = [
        "payments latency above 1 s",
        "search fails 12 % of requests",
        "sync-worker has stopped",
        "gateway refuses connections",
        "content fails 31 % of requests",
        "payments rejects every card",
    ];
    let began = ago((at as f64 + 0.2 + chance(at, 40) * 0.6) * DAY * 1.85);
    let is_recent = at < 24;
    let ttd = skewed(if is_recent { 35.0 } else { 420.0 }, at, 1);
    let tta = skewed(95.0, at, 2);
    let ttr = ttd + tta + skewed(780.0, at, 3);
    let after = |seconds: f64| began + Duration::from_secs_f64(seconds);
    let is_open = at == 0;
    let is_answered = !is_open && !at.is_multiple_of(9);
    let edges = [
        ("data_delay", ttd * 0.4),
        ("evaluation", ttd * 0.4 + 8.0_f64.min(ttd * 0.2)),
        ("hold", ttd),
        ("grouping", ttd + 5.0),
        ("delivery", ttd + 6.0),
        ("human", ttd + 6.0 + tta),
        ("repair", ttr),
    ];
    let mut from = 0.0;
    let phases = edges.into_iter().filter_map(|(name, to)| {
        let is_reached = name != "repair" || !is_open;
        let is_reached = is_reached && (name != "human" || is_answered);
        let (start, end) = (from, to);
        if is_reached {
            from = to;
        }
        is_reached.then(|| Phase {
            name: name.to_owned(),
            from: after(start),
            to: after(end),
            seconds: end - start,
        })
    });
    let phases = phases.collect();
    let mut alert = alert(Mood::Full);
    alert.labels = alert.labels.with("team", ["maps", "shop"][at % 2]);
    Incident {
        id: format!("20260901-{at:04x}"),
        title: TITLES[at % 6].to_owned(),
        severity: [
            AlertSeverity::Error,
            AlertSeverity::Critical,
            AlertSeverity::Error,
        ][at % 3],
        status: if is_open {
            IncidentStatus::Triggered
        } else {
            IncidentStatus::Resolved
        },
        services: vec![TITLES[at % 6].split(' ').next().unwrap().to_owned()],
        onset: Onset {
            at: began,
            earliest: began - Duration::from_secs(20),
            latest: began + Duration::from_secs(10),
            ..onset()
        },
        detected_at: after(ttd),
        notified_at: Some(after(ttd + 6.0)),
        acknowledged_at: is_answered.then(|| after(ttd + 6.0 + tta)),
        recovered_at: (!is_open).then(|| after(ttr)),
        resolved_at: (!is_open).then(|| after(ttr + 300.0)),
        times: ResponseTimes {
            ttd_seconds: Some(ttd),
            tta_seconds: is_answered.then_some(tta),
            ttr_seconds: (!is_open).then_some(ttr),
        },
        phases,
        alerts: vec![alert],
        changes: many_changes()
            .into_iter()
            .filter(|change| change.id == format!("d{at}"))
            .collect(),
        ..resolved_incident()
    }
}

/// A deploy every other day or so; each fourth makes an incident.
pub(crate) fn many_changes() -> Vec<ChangeEvent> {
    let change = |at: usize| {
        let made = at.is_multiple_of(4);
        let before = if made { -240.0 } else { 30_000.0 };
        let began = (at as f64 + 0.2 + chance(at, 40) * 0.6) * DAY * 1.85;
        let at_time = ago(began - before);
        let committed = at_time - Duration::from_secs_f64(skewed(14_000.0, at, 5));
        ChangeEvent {
            id: format!("d{at}"),
            at: at_time,
            kind: ChangeKind::Deploy,
            service: [
                "payments",
                "search",
                "sync-worker",
                "gateway",
                "content",
                "payments",
            ][at % 6]
                .to_owned(),
            summary: "a new version".to_owned(),
            version: Some(format!("2.{}.0", 48 - at)),
            author: Some("deploy-bot".to_owned()),
            link: None,
            attributes: Attributes::from_iter([(
                "committed_at".to_owned(),
                json!(committed.to_string()),
            )]),
        }
    };
    (1..48).map(change).collect()
}

/// The address of the page in a mood: narrowed and compared where there is something to compare.
pub(crate) fn reliability_wanted(mood: Mood) -> Wanted {
    let query = match mood {
        Mood::Full => "last=90d&by=service&at=2026-10-08T20:00:00Z&days=40".to_owned(),
        Mood::Empty => "last=30d".to_owned(),
        Mood::Hostile => format!(
            "last=30d&service={}",
            crate::url::encode(&name(mood, "content"))
        ),
    };
    Wanted::from_params(&crate::params::Params::parse(&query), now()).unwrap()
}

pub(crate) fn reliability_found(mood: Mood, wanted: &Wanted) -> Found {
    let (incidents, changes) = match mood {
        Mood::Full => (many_incidents(), many_changes()),
        Mood::Empty => (Vec::new(), Vec::new()),
        Mood::Hostile => (vec![incident(mood)], changes(mood)),
    };
    let told = |range| {
        let scope = Scope {
            range,
            ..wanted.scope.clone()
        };
        Reliability::of(&incidents, &scope, Some(wanted.by), now())
    };
    let comparison = wanted.periods.map(|(before, after)| {
        let compared =
            PeriodComparison::of(&incidents, &Scope::all(before), &Scope::all(after), now());
        (compared, told(before).incidents, told(after).incidents)
    });
    Found {
        reliability: told(wanted.asked.range),
        comparison,
        dora: Dora::of(&changes, &incidents, wanted.asked.range, now()),
        changes,
    }
}
