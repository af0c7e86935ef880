//! The metrics there are, and with what query to begin.

use watchfire_schemas::{MetricKind, MetricMetadata};

use super::quantity::family;
use super::state::{ExploreUrl, Face, LETTERS, QueryRow};
use crate::figures;

/// Rows of the browser.
pub(crate) const MOST_METRICS: usize = 200;

#[derive(Debug, Clone)]
pub(crate) struct MetricRow {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) help: String,
    pub(crate) series: String,
    pub(crate) href: String,
    /// Its heat map, if it is a histogram.
    pub(crate) heat: Option<String>,
}

/// One metric with the number of its series; a classic histogram is one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) meta: MetricMetadata,
    pub(crate) series: usize,
    /// It has series named `…_bucket`.
    pub(crate) is_classic: bool,
}

/// From names of series with their counts, and what was said of families.
pub(crate) fn gathered(counts: &[(String, usize)], said: Vec<MetricMetadata>) -> Vec<Metric> {
    use std::collections::BTreeMap;
    let said: BTreeMap<String, MetricMetadata> = said
        .into_iter()
        .map(|meta| (meta.family.clone(), meta))
        .collect();
    let mut all: BTreeMap<&str, Metric> = BTreeMap::new();
    for (name, series) in counts {
        let is_part = ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| name.ends_with(end));
        let of_family = said.get(family(name)).filter(|meta| {
            is_part
                && matches!(
                    meta.kind,
                    MetricKind::Histogram | MetricKind::GaugeHistogram | MetricKind::Summary
                )
        });
        let shown = if of_family.is_some() {
            family(name)
        } else {
            name.as_str()
        };
        let meta = of_family
            .or_else(|| said.get(name.as_str()))
            .or_else(|| said.get(family(name)));
        let metric = all.entry(shown).or_insert_with(|| Metric {
            meta: MetricMetadata {
                family: shown.to_owned(),
                kind: meta.map_or(guessed(name), |meta| meta.kind),
                help: meta.map(|meta| meta.help.clone()).unwrap_or_default(),
                unit: meta.map(|meta| meta.unit.clone()).unwrap_or_default(),
            },
            series: 0,
            is_classic: false,
        });
        metric.series += series;
        metric.is_classic |= name.ends_with("_bucket");
    }
    all.into_values().collect()
}

/// Of a metric of which nobody said what it is.
fn guessed(name: &str) -> MetricKind {
    if name.ends_with("_total") || name.ends_with("_bucket") || name.ends_with("_count") {
        MetricKind::Counter
    } else {
        MetricKind::Unknown
    }
}

/// Those with all words in name or help; names that begin with the words come first.
pub(crate) fn matching<'a>(metrics: &'a [Metric], find: &str) -> Vec<&'a Metric> {
    let words: Vec<String> = find.split_whitespace().map(str::to_lowercase).collect();
    let has = |metric: &&Metric| {
        let text = format!("{} {}", metric.meta.family, metric.meta.help).to_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    let mut found: Vec<&Metric> = metrics.iter().filter(has).collect();
    let begins = |metric: &Metric| {
        words
            .first()
            .is_some_and(|word| metric.meta.family.to_lowercase().starts_with(word.as_str()))
    };
    found.sort_by_key(|metric| !begins(metric));
    found
}

/// The queries that say most of a metric at a glance.
pub(crate) fn first_queries(metric: &Metric) -> Vec<String> {
    let name = &metric.meta.family;
    match metric.meta.kind {
        MetricKind::Counter => vec![format!("sum by (job, service) (rate({name}[5m]))")],
        MetricKind::Histogram | MetricKind::GaugeHistogram => [0.5, 0.95, 0.99]
            .map(|q| {
                if metric.is_classic {
                    format!("histogram_quantile({q}, sum by (le) (rate({name}_bucket[5m])))")
                } else {
                    format!("histogram_quantile({q}, sum(rate({name}[5m])))")
                }
            })
            .to_vec(),
        MetricKind::Summary => vec![
            name.clone(),
            format!("sum by (job, service) (rate({name}_count[5m]))"),
        ],
        _ => vec![name.clone()],
    }
}

pub(super) fn rows(metrics: &[Metric], url: &ExploreUrl) -> (Vec<MetricRow>, usize) {
    let found = matching(metrics, &url.find);
    let count = found.len();
    let row = |metric: &Metric| {
        let is_histogram = matches!(
            metric.meta.kind,
            MetricKind::Histogram | MetricKind::GaugeHistogram
        );
        let heat = is_histogram.then(|| {
            let queries = [metric.meta.family.clone()];
            asking(url, &queries)
                .changed(|url| url.face = Face::Heat)
                .href()
        });
        MetricRow {
            name: metric.meta.family.clone(),
            kind: metric.meta.kind.as_str(),
            help: figures::cut(&metric.meta.help, 200).0.to_owned(),
            series: figures::count(metric.series as u64),
            href: asking(url, &first_queries(metric)).href(),
            heat,
        }
    };
    (
        found.into_iter().take(MOST_METRICS).map(row).collect(),
        count,
    )
}

/// The page with these queries in place of its own.
fn asking(url: &ExploreUrl, queries: &[String]) -> ExploreUrl {
    url.changed(|url| {
        let rows = LETTERS
            .into_iter()
            .zip(queries)
            .map(|(letter, expr)| QueryRow {
                letter,
                expr: expr.clone(),
                is_off: false,
            });
        url.rows = rows.collect();
        url.face = Face::Graph;
        url.find.clear();
        url.only.clear();
        url.hidden.clear();
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(family: &str, kind: MetricKind) -> MetricMetadata {
        MetricMetadata {
            family: family.to_owned(),
            kind,
            help: format!("All about {family}"),
            unit: String::new(),
        }
    }

    fn metrics() -> Vec<Metric> {
        let counts = [
            ("up", 3),
            ("x_seconds_bucket", 20),
            ("x_seconds_count", 2),
            ("x_seconds_sum", 2),
            ("y_total", 4),
            ("z_count", 1),
            ("size", 2),
        ];
        let counts: Vec<(String, usize)> = counts.map(|(name, n)| (name.to_owned(), n)).into();
        gathered(
            &counts,
            vec![
                said("x_seconds", MetricKind::Histogram),
                said("y", MetricKind::Counter),
                said("size", MetricKind::Histogram),
            ],
        )
    }

    #[test]
    fn the_parts_of_a_histogram_are_one() {
        let all = metrics();
        let names: Vec<(&str, usize)> = all
            .iter()
            .map(|m| (m.meta.family.as_str(), m.series))
            .collect();
        assert_eq!(
            names,
            [
                ("size", 2),
                ("up", 3),
                ("x_seconds", 24),
                ("y_total", 4),
                ("z_count", 1)
            ]
        );
        assert_eq!(all[3].meta.help, "All about y");
    }

    #[test]
    fn the_first_query_fits_the_kind_and_parses() {
        let all = metrics();
        let first = |at: usize| first_queries(&all[at]);
        assert_eq!(first(3), ["sum by (job, service) (rate(y_total[5m]))"]);
        assert_eq!(first(1), ["up"]);
        assert_eq!(
            first(2)[1],
            "histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m])))"
        );
        assert_eq!(first(0)[0], "histogram_quantile(0.5, sum(rate(size[5m])))");
        for query in (0..all.len()).flat_map(first) {
            watchfire_tsdb::check_expression(&query).unwrap();
        }
    }

    #[test]
    fn words_are_looked_for_in_name_and_help() {
        let all = metrics();
        let found = |find: &str| -> Vec<String> {
            matching(&all, find)
                .iter()
                .map(|metric| metric.meta.family.clone())
                .collect()
        };
        assert_eq!(found("ABOUT seconds"), ["x_seconds"]);
        assert_eq!(found("s"), ["size", "x_seconds"]);
        assert_eq!(found("").len(), 5);
        assert!(found("nothing").is_empty());
    }
}
