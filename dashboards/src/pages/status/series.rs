//! The store of time series: how near it is to its limits, and what makes it large.

use std::collections::BTreeMap;

use watchfire_schemas::{LabelSet, Timestamp};
use watchfire_tsdb::{TsdbCardinality, TsdbStats};

use crate::charts::{Svg, meter};
use crate::figures::{self, When};
use crate::url;

/// From this share of a limit on there is a warning.
const NEAR: f64 = 0.8;
/// Targets named at most.
const MOST_DOWN: usize = 50;

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct SeriesFound {
    pub(crate) stats: TsdbStats,
    pub(crate) cardinality: TsdbCardinality,
    /// (reason, in words, samples)
    pub(crate) refused: Vec<(&'static str, &'static str, u64)>,
    /// Samples a second, if our own metrics are scraped.
    pub(crate) rate: Option<f64>,
    pub(crate) targets: usize,
    pub(crate) down: Vec<LabelSet>,
}

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) note: String,
    /// The share of a limit.
    pub(crate) bar: Option<Svg>,
}

/// Names with how much of something they have, the most first.
#[derive(Debug)]
pub(crate) struct Top {
    pub(crate) title: &'static str,
    pub(crate) of: &'static str,
    /// (name, link to what it is about, count, share of the greatest)
    pub(crate) rows: Vec<(String, Option<String>, String, Svg)>,
}

#[derive(Debug)]
pub(crate) struct SeriesView {
    pub(crate) figures: Vec<Figure>,
    pub(crate) tops: Vec<Top>,
    pub(crate) refused: Vec<(&'static str, &'static str, String)>,
    pub(crate) targets: String,
    pub(crate) down: Vec<(String, String)>,
}

/// What must be known before it is too late.
pub(super) fn warnings(found: &SeriesFound) -> Vec<String> {
    let stats = &found.stats;
    let mut warnings = Vec::new();
    if stats.refuses_series {
        warnings.push(format!(
            "New time series are refused: {} series take {}. What is there already goes on. The labels with most values stand below.",
            figures::count(stats.head_series as u64),
            figures::bytes(stats.memory_bytes as u64),
        ));
        return warnings;
    }
    let limits = [
        ("series", share(stats.head_series, stats.max_series)),
        (
            "memory of time series",
            share(stats.memory_bytes, stats.max_memory),
        ),
    ];
    for (what, share) in limits.into_iter().filter(|(_, share)| *share >= NEAR) {
        warnings.push(format!(
            "{} of the limit of {what} are used. Above it new series are refused. The labels with most values stand below.",
            figures::percent(share)
        ));
    }
    warnings
}

/// What says `other` for want of room, if anything does.
pub(super) fn limited(limited: &[(String, u64)]) -> Option<String> {
    let one = |(label, count): &(String, u64)| {
        format!("{} for {}", figures::count(*count), label.replace('_', " "))
    };
    let all: Vec<String> = limited.iter().map(one).collect();
    (!all.is_empty()).then(|| {
        format!(
            "Series made of logs and spans count under \"other\" what has one name too many, since start: {}. Names that hold ids do that.",
            all.join(", ")
        )
    })
}

fn share(used: usize, most: usize) -> f64 {
    if most == 0 {
        0.0
    } else {
        used as f64 / most as f64
    }
}

pub(super) fn view(found: &SeriesFound, up_seconds: f64) -> SeriesView {
    let down = found.down.iter().take(MOST_DOWN).map(|labels| {
        let selector = labels.without("__name__").to_string();
        (
            selector.clone(),
            url::link("/explore", &[("a", &format!("up{selector}"))]),
        )
    });
    let refused = found.refused.iter().filter(|(_, _, count)| *count > 0);
    SeriesView {
        figures: figures(&found.stats, found.rate, up_seconds),
        tops: tops(&found.cardinality),
        refused: refused
            .map(|(reason, words, count)| (*reason, *words, figures::count(*count)))
            .collect(),
        targets: match (found.targets, found.down.len()) {
            (0, _) => String::new(),
            (all, 0) => format!("all {all} up"),
            (all, down) => format!("{down} of {all} down"),
        },
        down: down.collect(),
    }
}

fn figures(stats: &TsdbStats, rate: Option<f64>, up_seconds: f64) -> Vec<Figure> {
    let mean = stats.head_samples as f64 / up_seconds.max(1.0);
    let of_limit = |used: usize, most: usize| (most > 0).then(|| meter(share(used, most)));
    let bytes_a_sample = stats.block_bytes as f64 / (stats.block_samples.max(1)) as f64;
    vec![
        Figure {
            name: "Series",
            value: figures::count(stats.head_series as u64),
            note: format!(
                "of {} that there may be",
                figures::count(stats.max_series as u64)
            ),
            bar: of_limit(stats.head_series, stats.max_series),
        },
        Figure {
            name: "Memory",
            value: figures::bytes(stats.memory_bytes as u64),
            note: format!(
                "of {}; {} chunks, {} texts",
                figures::bytes(stats.max_memory as u64),
                figures::count(stats.head_chunks as u64),
                figures::count(stats.symbols as u64)
            ),
            bar: of_limit(stats.memory_bytes, stats.max_memory),
        },
        Figure {
            name: "Samples",
            value: format!("{}/s", figures::short(rate.unwrap_or(mean))),
            note: format!(
                "{}; {} since start",
                if rate.is_some() {
                    "in the last minutes"
                } else {
                    "on the average since start"
                },
                figures::count(stats.head_samples)
            ),
            bar: None,
        },
        Figure {
            name: "Blocks",
            value: figures::count(stats.blocks as u64),
            note: match stats.block_samples {
                0 => "none is cut yet".to_owned(),
                samples => format!(
                    "{} in {}, {bytes_a_sample:.2} bytes a sample",
                    figures::count(samples),
                    figures::bytes(stats.block_bytes)
                ),
            },
            bar: None,
        },
        Figure {
            name: "Refused",
            value: figures::count(stats.refused_samples),
            note: "samples since start".to_owned(),
            bar: None,
        },
    ]
}

fn tops(cardinality: &TsdbCardinality) -> Vec<Top> {
    let top = |title, of, list: &[(String, usize)], link: &dyn Fn(&str) -> Option<String>| {
        let most = list.iter().map(|(_, count)| *count).max().unwrap_or(1);
        let row = |(name, count): &(String, usize)| {
            let bar = meter(share(*count, most));
            (name.clone(), link(name), figures::count(*count as u64), bar)
        };
        Top {
            title,
            of,
            rows: list.iter().map(row).collect(),
        }
    };
    let metric = |name: &str| {
        Some(url::link(
            "/explore",
            &[("view", "metrics"), ("find", name)],
        ))
    };
    let label = |name: &str| {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let expr = format!("topk(20, count by ({name}) ({{{name}!=\"\"}}))");
        is_plain.then(|| url::link("/explore", &[("a", &expr), ("view", "table")]))
    };
    vec![
        top(
            "Metrics with most series",
            "series",
            &cardinality.series_by_metric,
            &metric,
        ),
        top(
            "Labels with most values",
            "values",
            &cardinality.values_by_label,
            &label,
        ),
        top(
            "Label values on most series",
            "series",
            &cardinality.series_by_pair,
            &|_| None,
        ),
    ]
}

/// What each signal brought: (signal, accepted, sources, last).
pub(super) fn by_signal(
    sources: &[(String, String, String, u64, Timestamp)],
    now: Timestamp,
) -> Vec<(String, String, String, When)> {
    let mut signals: BTreeMap<&str, (u64, u64, Timestamp)> = BTreeMap::new();
    for (_, signal, _, accepted, last) in sources {
        let seen = signals.entry(signal).or_insert((0, 0, *last));
        seen.0 += accepted;
        seen.1 += 1;
        seen.2 = seen.2.max(*last);
    }
    let row = |(signal, (accepted, sources, last)): (&str, (u64, u64, Timestamp))| {
        (
            signal.to_owned(),
            figures::count(accepted),
            figures::count(sources),
            When::ago(last, now),
        )
    };
    signals.into_iter().map(row).collect()
}

/// The page for expressions with the targets that are down.
pub(super) fn down_href() -> String {
    url::link("/explore", &[("a", "up == 0"), ("view", "table")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(series: usize, refuses_series: bool) -> SeriesFound {
        SeriesFound {
            stats: TsdbStats {
                head_series: series,
                max_series: 1000,
                refuses_series,
                ..TsdbStats::default()
            },
            ..SeriesFound::default()
        }
    }

    #[test]
    fn a_limit_is_told_before_it_is_reached() {
        assert!(warnings(&found(799, false)).is_empty());
        let near = warnings(&found(850, false));
        assert!(
            near[0].starts_with("85 % of the limit of series"),
            "{near:?}"
        );
        let over = warnings(&found(1000, true));
        assert_eq!(over.len(), 1);
        assert!(over[0].starts_with("New time series are refused"));
    }

    #[test]
    fn signals_add_up() {
        let at = Timestamp::from_secs;
        let source = |signal: &str, count, last| {
            (
                "otlp".to_owned(),
                signal.to_owned(),
                "a".to_owned(),
                count,
                at(last),
            )
        };
        let rows = by_signal(
            &[
                source("logs", 5, 1),
                source("logs", 7, 9),
                source("metrics", 1, 2),
            ],
            at(10),
        );
        assert_eq!((rows[0].1.as_str(), rows[0].2.as_str()), ("12", "2"));
        assert_eq!(rows[0].3.text(), "1 s ago");
        assert_eq!(rows.len(), 2);
    }
}
