//! The spans by operation or any other field: how many, how many failed, how long they took.

use std::time::Duration;

use watchfire_logsearch::{SpanGroup, SpanGroups};

use super::region::Region;
use super::state::{Sort, TracesUrl};
use crate::charts::{Svg, meter};
use crate::{figures, query_text};

/// Groups asked for: those of the most spans.
pub(super) const ASKED: usize = 200;
/// Rows at first, and of all.
const FIRST: usize = 8;
const MOST: usize = 100;

/// Groupings by one click: (label, fields).
const OFFERED: [(&str, &[&str]); 6] = [
    ("Operation", &["service", "name"]),
    ("Service", &["service"]),
    ("Kind", &["kind"]),
    ("HTTP status", &["http.response.status_code"]),
    ("Version", &["service", "service.version"]),
    ("Host", &["host.name"]),
];

#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    /// One for each field; “none” where the spans have no value.
    pub(crate) values: Vec<String>,
    pub(crate) href: String,
    pub(crate) failed_href: String,
    pub(crate) compare_href: String,
    pub(crate) spans: String,
    pub(crate) rate: String,
    pub(crate) failed: String,
    pub(crate) has_failed: bool,
    pub(crate) p50: String,
    pub(crate) p95: String,
    pub(crate) p99: String,
    pub(crate) max: String,
    /// Of the time that all spans took together.
    pub(crate) time: String,
    pub(crate) time_bar: Svg,
}

/// A heading that sorts.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    pub(crate) label: &'static str,
    pub(crate) about: &'static str,
    pub(crate) href: String,
    pub(crate) is_it: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Grouped {
    /// The headings of the fields, then of the figures.
    pub(crate) fields: Vec<String>,
    pub(crate) by_name: Heading,
    pub(crate) headings: Vec<Heading>,
    /// (label, link, is it the one)
    pub(crate) offered: Vec<(&'static str, String, bool)>,
    /// What stands in the box for other fields.
    pub(crate) written: String,
    pub(crate) hidden: Vec<(&'static str, String)>,
    pub(crate) rows: Vec<GroupRow>,
    pub(crate) note: String,
    /// (label, link) to more rows, or back to a few.
    pub(crate) more: Option<(String, String)>,
    pub(crate) is_partial: bool,
}

pub(super) fn grouped(found: Option<&SpanGroups>, url: &TracesUrl) -> Grouped {
    let empty = SpanGroups {
        partial: true,
        ..SpanGroups::default()
    };
    let found = found.unwrap_or(&empty);
    let mut sorted: Vec<&SpanGroup> = found.groups.iter().collect();
    sort(&mut sorted, url.sort);
    let shown = if url.shows_all { MOST } else { FIRST };
    let total: Duration = found.groups.iter().map(|group| group.total).sum();
    let rows = sorted.iter().take(shown);
    Grouped {
        fields: url.group.clone(),
        by_name: heading(Sort::Name, url),
        headings: Sort::ALL[1..]
            .iter()
            .map(|sort| heading(*sort, url))
            .collect(),
        offered: OFFERED
            .iter()
            .map(|(label, fields)| {
                let is_it = url.group == *fields;
                (*label, url.with_group(fields).href(), is_it)
            })
            .collect(),
        written: if OFFERED.iter().any(|(_, fields)| url.group == *fields) {
            String::new()
        } else {
            url.group.join(", ")
        },
        hidden: url.hidden(&["group", "groups"]),
        rows: rows.map(|group| row(group, total, url)).collect(),
        note: note(found),
        more: more(sorted.len(), shown, url),
        is_partial: found.partial,
    }
}

fn sort(groups: &mut [&SpanGroup], by: Sort) {
    let failed = |group: &SpanGroup| group.errors as f64 / group.spans.max(1) as f64;
    groups.sort_by(|a, b| match by {
        Sort::Name => a.values.cmp(&b.values),
        Sort::Spans => b.spans.cmp(&a.spans),
        Sort::Failed => failed(b)
            .total_cmp(&failed(a))
            .then(b.errors.cmp(&a.errors)),
        Sort::P50 => b.p50.cmp(&a.p50),
        Sort::P95 => b.p95.cmp(&a.p95),
        Sort::P99 => b.p99.cmp(&a.p99),
        Sort::Max => b.max.cmp(&a.max),
        Sort::Time => b.total.cmp(&a.total),
    });
}

fn heading(sort: Sort, url: &TracesUrl) -> Heading {
    let (label, about) = match sort {
        Sort::Name => ("", "by their names"),
        Sort::Spans => ("Spans", "and how many a second"),
        Sort::Failed => ("Failed", "share with the status of an error"),
        Sort::P50 => ("p50", "half take no longer"),
        Sort::P95 => ("p95", "19 of 20 take no longer"),
        Sort::P99 => ("p99", "99 of 100 take no longer"),
        Sort::Max => ("Max", "the longest"),
        Sort::Time => ("Of time", "share of the time that all spans took together"),
    };
    Heading {
        label,
        about,
        href: format!("{}#groups", url.with_sort(sort).href()),
        is_it: url.sort == sort,
    }
}

fn row(group: &SpanGroup, total: Duration, url: &TracesUrl) -> GroupRow {
    let clauses: Vec<String> = url
        .group
        .iter()
        .zip(&group.values)
        .map(|(field, value)| match value.as_str() {
            "" => format!("-{field}:*"),
            value => query_text::term(field, value),
        })
        .collect();
    let narrowed = clauses.iter().fold(url.query.clone(), |query, clause| {
        query_text::with(&query, clause)
    });
    let failed = query_text::with(&narrowed, "status:error");
    let share = group.total.as_secs_f64() / total.as_secs_f64().max(1e-12);
    let seconds = url.asked.length().as_secs_f64().max(1e-9);
    let took = |duration: Duration| figures::duration(duration.as_secs_f64());
    let value = |value: &String| match figures::cut(value, 100) {
        ("", _) => "none".to_owned(),
        (cut, false) => format!("{cut}…"),
        (all, true) => all.to_owned(),
    };
    GroupRow {
        values: group.values.iter().map(value).collect(),
        href: format!("{}#traces", url.with_query(&narrowed).href()),
        failed_href: format!("{}#traces", url.with_query(&failed).href()),
        compare_href: format!(
            "{}#compare",
            url.with_region(Some(Region::of(clauses.join(" ")))).href()
        ),
        spans: figures::count(group.spans),
        rate: format!("{}/s", figures::short(group.spans as f64 / seconds)),
        failed: figures::percent(group.errors as f64 / group.spans.max(1) as f64),
        has_failed: group.errors > 0,
        p50: took(group.p50),
        p95: took(group.p95),
        p99: took(group.p99),
        max: took(group.max),
        time: figures::percent(share),
        time_bar: meter(share),
    }
}

fn note(found: &SpanGroups) -> String {
    let mut parts = Vec::new();
    if found.others > 0 {
        parts.push(format!(
            "{} more spans are in smaller groups, which are left out.",
            figures::count(found.others)
        ));
    }
    if found.partial {
        parts.push("Counted in part, the newest spans first.".to_owned());
    }
    parts.join(" ")
}

fn more(groups: usize, shown: usize, url: &TracesUrl) -> Option<(String, String)> {
    let link = |shows_all| format!("{}#groups", url.with_all_groups(shows_all).href());
    match url.shows_all {
        true if groups > FIRST => Some((format!("Only the first {FIRST}"), link(false))),
        false if groups > shown => {
            let most = groups.min(MOST);
            Some((format!("Show {most} groups"), link(true)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    fn shown(query: &str) -> Grouped {
        let url = TracesUrl::from_params(&Params::parse(query), samples::now()).unwrap();
        grouped(Some(&samples::groups_of_spans(Mood::Full)), &url)
    }

    #[test]
    fn a_row_leads_to_its_spans_and_the_order_is_in_the_url() {
        let by_spans = shown("q=a:b&last=1h");
        let first = &by_spans.rows[0];
        assert!(
            first
                .href
                .starts_with("/traces?q=a:b%20service:gateway%20name:%22GET%20%2Ftiles%22&last=1h"),
            "{}",
            first.href
        );
        assert!(first.failed_href.contains("%20status:error&"));
        assert!(
            first
                .compare_href
                .contains("q=a:b&region=service:gateway%20name:")
        );
        assert_eq!(by_spans.rows.len(), FIRST);
        assert!(by_spans.more.is_some() && by_spans.headings[0].is_it);
        let by_p99 = shown("sort=p99&groups=all");
        assert_ne!(by_p99.rows[0].values, first.values);
        assert!(by_p99.rows.len() > FIRST);
        assert!(shown("sort=name").by_name.is_it);
    }

    #[test]
    fn spans_without_a_value_are_found_again() {
        let url =
            TracesUrl::from_params(&Params::parse("group=host.name"), samples::now()).unwrap();
        let mut found = samples::groups_of_spans(Mood::Full);
        found.groups.truncate(1);
        found.groups[0].values = vec![String::new()];
        let view = grouped(Some(&found), &url);
        assert_eq!(view.rows[0].values, ["none"]);
        assert!(view.rows[0].href.contains("q=-host.name:%2A&"));
        assert!(view.note.contains("left out"));
        assert!(grouped(None, &url).is_partial);
    }
}
