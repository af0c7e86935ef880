use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_logsearch::{QueryError, SpanGroup, SpanGroupSearch, SpanGroups};
use watchfire_schemas::{Span, TimeRange};

use super::{hour, nanos, spans, stores};
use crate::store::PATIENCE;

fn asking(query: &str, by: &[&str]) -> SpanGroupSearch {
    SpanGroupSearch {
        query: query.to_owned(),
        range: hour(),
        by: by.iter().map(|name| (*name).to_owned()).collect(),
        limit: 100,
        deadline: PATIENCE,
    }
}

/// The figures, told plainly; percentiles exactly.
fn plainly<'a>(
    spans: impl Iterator<Item = &'a Span>,
    values: impl Fn(&Span) -> Vec<Vec<String>>,
) -> Vec<SpanGroup> {
    let mut groups: BTreeMap<Vec<String>, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        for values in values(span) {
            groups.entry(values).or_default().push(span);
        }
    }
    let mut told: Vec<SpanGroup> = groups
        .into_iter()
        .map(|(values, spans)| {
            let mut lengths: Vec<u64> = spans.iter().map(|span| nanos(span)).collect();
            lengths.sort_unstable();
            let rank = |percent: usize| (lengths.len() * percent).div_ceil(100) - 1;
            let at = |percent: usize| Duration::from_nanos(lengths[rank(percent)]);
            SpanGroup {
                values,
                spans: spans.len() as u64,
                errors: spans.iter().filter(|span| span.is_error()).count() as u64,
                p50: at(50),
                p95: at(95),
                p99: at(99),
                max: at(100),
                total: Duration::from_nanos(lengths.iter().sum()),
            }
        })
        .collect();
    told.sort_by_key(|group| std::cmp::Reverse(group.spans));
    told
}

fn assert_near(found: &SpanGroups, expected: &[SpanGroup], about: &str) {
    assert!(!found.partial, "{about}");
    assert_eq!(found.groups.len(), expected.len(), "{about}");
    for (found, expected) in found.groups.iter().zip(expected) {
        let pairs = [
            (found.p50, expected.p50),
            (found.p95, expected.p95),
            (found.p99, expected.p99),
        ];
        for (found, expected) in pairs {
            let off = (found.as_secs_f64() / expected.as_secs_f64() - 1.0).abs();
            assert!(off < 0.004, "{about}: {found:?} for {expected:?}");
        }
        let SpanGroup { p50, p95, p99, .. } = expected.clone();
        let exactly = SpanGroup {
            p50,
            p95,
            p99,
            ..found.clone()
        };
        assert_eq!(exactly, *expected, "{about}");
    }
}

#[tokio::test]
async fn figures_are_those_of_the_spans() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(3_000);
    let own = |span: &Span| vec![vec![span.service.clone(), span.name.clone()]];
    let text = |value: Option<&serde_json::Value>| {
        value.map_or(String::new(), |value| value.to_string().replace('"', ""))
    };
    for store in stores(dir.path(), &spans).await {
        let found = store.span_groups(asking("", &["service", "name"])).await;
        assert_near(&found.unwrap(), &plainly(spans.iter(), own), "by operation");

        let found = store.span_groups(asking("", &[])).await.unwrap();
        let all = plainly(spans.iter(), |_| vec![vec![]]);
        assert_near(&found, &all, "all");
        let failed = spans.iter().filter(|span| span.is_error());
        let failed = failed.count() as u64;
        assert_eq!(
            (found.total, found.errors, found.others),
            (3_000, failed, 0)
        );

        let slow = spans.iter().filter(|span| nanos(span) > 100_000_000);
        let by_shard = |span: &Span| vec![vec![text(span.attributes.get("shard"))]];
        let found = store.span_groups(asking("duration:>100ms", &["@shard"]));
        assert_near(&found.await.unwrap(), &plainly(slow, by_shard), "by shard");

        let by_tag = |span: &Span| match span.attributes.get("tags") {
            None => vec![vec![String::new()]],
            Some(tags) => {
                let tags = tags.as_array().unwrap().iter();
                tags.map(|tag| vec![text(Some(tag))]).collect()
            }
        };
        let found = store.span_groups(asking("", &["tags"])).await.unwrap();
        assert_near(&found, &plainly(spans.iter(), by_tag), "by several values");

        let failed = spans.iter().filter(|span| span.is_error());
        let by_three = |span: &Span| {
            let version = text(span.resource.get("service.version"));
            vec![vec![
                span.kind.as_str().to_owned(),
                version,
                "gone".to_owned(),
            ]]
        };
        let by = ["kind", "service.version", "status.message"];
        let found = store.span_groups(asking("status:error", &by)).await;
        assert_near(&found.unwrap(), &plainly(failed, by_three), "by three");
    }
}

#[tokio::test]
async fn what_is_left_out_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(400);
    for store in stores(dir.path(), &spans).await {
        let mut few = asking("", &["service", "name"]);
        few.limit = 2;
        let found = store.span_groups(few).await.unwrap();
        let told: u64 = found.groups.iter().map(|group| group.spans).sum();
        assert_eq!((found.groups.len(), told + found.others), (2, 400));

        let found = store.span_groups(asking("service:none", &["name"])).await;
        let found = found.unwrap();
        assert_eq!((found.groups.len(), found.total), (0, 0));

        let mut hurried = asking("", &["name"]);
        hurried.deadline = Duration::ZERO;
        assert!(store.span_groups(hurried).await.unwrap().partial);

        let found = store.span_groups(asking("", &["servce"])).await.unwrap();
        assert!(found.hints[0].contains("did you mean service"), "{found:?}");
        let refused = store
            .span_groups(asking("", &["a", "b", "c", "d", "e"]))
            .await;
        assert!(matches!(refused, Err(QueryError::TooCostly { .. })));

        let mut always = asking("", &["name"]);
        always.range = TimeRange::ALL;
        assert_eq!(store.span_groups(always).await.unwrap().total, 400);
    }
}
