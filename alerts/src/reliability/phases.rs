use std::collections::BTreeMap;

use serde::Serialize;

use super::case::Case;
use super::statistics::quantile;
use crate::response_times::spans;

/// How many of the longest are named.
const NAMED: usize = 3;

/// Where the minutes went, over many incidents: one phase of all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PhaseTotal {
    /// As in an incident's `phases`.
    pub name: &'static str,
    /// Incidents that have been through it.
    pub incidents: usize,
    pub seconds: f64,
    /// Of the time of all phases.
    pub share: f64,
    pub median: Option<f64>,
    /// The longest, longest first.
    pub worst: Vec<WorstPhase>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorstPhase {
    pub incident: String,
    pub title: String,
    pub seconds: f64,
}

/// In the order in which they follow one another.
const NAMES: [&str; 7] = [
    "data_delay",
    "evaluation",
    "hold",
    "grouping",
    "delivery",
    "human",
    "repair",
];

/// The sums over incidents, in the order in which phases follow one another.
pub(crate) fn phase_totals<'c>(cases: impl Iterator<Item = &'c Case>) -> Vec<PhaseTotal> {
    let mut found: BTreeMap<&'static str, Vec<(f64, &Case)>> = BTreeMap::new();
    for case in cases {
        for span in spans(&case.moments) {
            found
                .entry(span.name)
                .or_default()
                .push((span.seconds(), case));
        }
    }
    let seconds_of = |all: &[(f64, &Case)]| all.iter().map(|(seconds, _)| seconds).sum::<f64>();
    let whole: f64 = found.values().map(|all| seconds_of(all)).sum();
    let total = |name: &'static str| {
        let mut all = found.remove(name)?;
        all.sort_unstable_by(|a, b| (b.0.total_cmp(&a.0)).then(a.1.id.cmp(&b.1.id)));
        let ascending: Vec<f64> = all.iter().rev().map(|(seconds, _)| *seconds).collect();
        let seconds = seconds_of(&all);
        let worst = all.iter().take(NAMED).filter(|(seconds, _)| *seconds > 0.0);
        Some(PhaseTotal {
            name,
            incidents: all.len(),
            seconds,
            share: if whole > 0.0 { seconds / whole } else { 0.0 },
            median: quantile(&ascending, 0.5),
            worst: worst
                .map(|(seconds, case)| WorstPhase {
                    incident: case.id.clone(),
                    title: case.title.clone(),
                    seconds: *seconds,
                })
                .collect(),
        })
    };
    NAMES.into_iter().filter_map(total).collect()
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn minutes_are_counted_by_phase() {
        let cases = [
            case(1, 60.0, Some(600.0)),
            case(2, 30.0, Some(900.0)),
            case(3, 45.0, None),
        ];
        let totals = phase_totals(cases.iter());
        let whole: f64 = totals.iter().map(|total| total.share).sum();
        assert!((whole - 1.0).abs() < 1e-9);
        let delay = &totals[0];
        assert_eq!((delay.name, delay.incidents), ("data_delay", 3));
        // Until the last evaluation that saw nothing, 15 s before detection.
        assert!((delay.seconds - (45.0 + 15.0 + 30.0)).abs() < 1e-9);
        assert_eq!(delay.median, Some(30.0));
        assert_eq!(delay.worst[0].incident, "i1");
        let repair = totals.last().unwrap();
        assert_eq!((repair.name, repair.incidents), ("repair", 2));
        assert!(phase_totals([].into_iter()).is_empty());
    }
}
