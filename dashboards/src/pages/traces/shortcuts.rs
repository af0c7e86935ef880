//! What people look for first, by one click: each adds a clause to the query, where it then is a
//! pill that can be taken away.

use super::scatter::slower_than;
use super::search::Found;
use super::state::TracesUrl;
use super::{region::Region, scatter};
use crate::{figures, query_text};

/// Operations offered.
const OPERATIONS: usize = 8;

/// A clause by one click.
#[derive(Debug, Clone)]
pub(crate) struct Shortcut {
    pub(crate) label: String,
    /// The key that does the same, if there is one.
    pub(crate) key: &'static str,
    pub(crate) href: String,
}

/// A value by one click, and how many spans have it.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) count: String,
    pub(crate) href: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Shortcuts {
    pub(crate) clauses: Vec<Shortcut>,
    pub(crate) services: Vec<Choice>,
    pub(crate) operations: Vec<Choice>,
    /// What can be held against the rest without drawing.
    pub(crate) regions: Vec<Shortcut>,
}

pub(super) fn shortcuts(found: &Found, url: &TracesUrl) -> Shortcuts {
    let has = |clause: &str| query_text::with(&url.query, clause) == url.query;
    let tail = found.scatter.as_ref().and_then(scatter::tail);
    let slow = tail.map(|bound| (bound, slower_than(bound)));
    let mut clauses = Vec::new();
    let mut add = |label: String, key, clause: &str| {
        if !has(clause) {
            let href = url.narrowed(clause).href();
            clauses.push(Shortcut { label, key, href });
        }
    };
    add("failed".to_owned(), "f", "status:error");
    add("entry points".to_owned(), "e", "root:true");
    if let Some((bound, clause)) = &slow {
        let label = format!("slower than {}", figures::duration(*bound));
        add(label, "l", clause);
    }
    let region = |label: &str, clause: &str| Shortcut {
        label: label.to_owned(),
        key: "",
        href: format!(
            "{}#compare",
            url.with_region(Some(Region::of(clause))).href()
        ),
    };
    let mut regions = Vec::new();
    if !has("status:error") {
        regions.push(region("those that failed", "status:error"));
    }
    if let Some((bound, clause)) = &slow {
        let label = format!("those slower than {}", figures::duration(*bound));
        regions.push(region(&label, clause));
    }
    Shortcuts {
        clauses,
        services: services(found, url),
        operations: operations(found, url),
        regions,
    }
}

fn services(found: &Found, url: &TracesUrl) -> Vec<Choice> {
    let values = found.services.values.iter();
    let choices = values.map(|value| Choice {
        label: figures::cut(&value.value, 60).0.to_owned(),
        count: figures::count(value.count),
        href: url
            .narrowed(&query_text::term("service", &value.value))
            .href(),
    });
    choices.collect()
}

/// The most frequent ones, where spans are grouped by operation.
fn operations(found: &Found, url: &TracesUrl) -> Vec<Choice> {
    let Some(groups) = found.groups.as_ref().filter(|_| url.is_by_operation()) else {
        return Vec::new();
    };
    let choice = |group: &watchfire_logsearch::SpanGroup| {
        let [service, name] = group.values.as_slice() else {
            return None;
        };
        let query = query_text::with(&url.query, &query_text::term("service", service));
        let query = query_text::with(&query, &query_text::term("name", name));
        Some(Choice {
            label: format!(
                "{} {}",
                figures::cut(service, 40).0,
                figures::cut(name, 80).0
            ),
            count: figures::count(group.spans),
            href: url.with_query(&query).href(),
        })
    };
    groups
        .groups
        .iter()
        .take(OPERATIONS)
        .filter_map(choice)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    #[test]
    fn a_shortcut_that_is_taken_is_a_pill_and_no_shortcut() {
        let found = samples::spans_found(Mood::Full);
        let shown = |query: &str| {
            let url = TracesUrl::from_params(&Params::parse(query), samples::now()).unwrap();
            shortcuts(&found, &url)
        };
        let all = shown("q=a:b");
        let labels: Vec<&str> = all.clauses.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels[..2], ["failed", "entry points"]);
        assert!(labels[2].starts_with("slower than "));
        assert!(all.clauses[0].href.contains("q=a:b%20status:error&"));
        assert!(all.operations[0].href.contains("%20name:"));
        let failed = shown("q=status:error");
        assert!(failed.clauses.iter().all(|one| one.label != "failed"));
        assert!(
            failed
                .regions
                .iter()
                .all(|one| !one.label.contains("failed"))
        );
    }
}
