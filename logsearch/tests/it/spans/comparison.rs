use std::time::Duration;

use watchfire_logsearch::{SpanComparisonSearch, SpanDifference};
use watchfire_schemas::Span;

use super::{hour, nanos, spans, stores};
use crate::store::PATIENCE;

fn asking(query: &str, region: &str) -> SpanComparisonSearch {
    SpanComparisonSearch {
        query: query.to_owned(),
        range: hour(),
        region: region.to_owned(),
        limit: 50,
        deadline: PATIENCE,
    }
}

fn shares(
    spans: &[Span],
    has: impl Fn(&Span) -> bool,
    is_inside: impl Fn(&Span) -> bool,
) -> [u64; 4] {
    let mut counts = [0; 4];
    for span in spans {
        let side = usize::from(!is_inside(span));
        counts[side] += u64::from(has(span));
        counts[2 + side] += 1;
    }
    counts
}

#[tokio::test]
async fn what_the_slow_ones_share_comes_first() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(4_000);
    for store in stores(dir.path(), &spans).await {
        let found = store.span_comparison(asking("", "duration:>100ms"));
        let found = found.await.unwrap();
        assert!(!found.partial && found.sampled.is_none());
        let first: &SpanDifference = &found.differences[0];
        assert_eq!(
            (first.field.as_str(), first.value.as_str()),
            ("service.version", "v2")
        );
        assert!(first.score > 0.9, "{first:?}");
        let is_v2 = |span: &Span| span.resource["service.version"] == "v2";
        let is_slow = |span: &Span| nanos(span) > 100_000_000;
        let [inside, outside, all_inside, all_outside] = shares(&spans, is_v2, is_slow);
        assert_eq!((found.inside, found.outside), (all_inside, all_outside));
        assert_eq!((first.inside, first.outside), (inside, outside));
        assert!((first.inside_share - inside as f64 / all_inside as f64).abs() < 1e-12);
        for pair in found.differences.windows(2) {
            assert!(pair[0].score >= pair[1].score && pair[1].score > 0.0);
        }
        // Drawn apart from it, so as frequent inside as outside.
        assert!(
            found.differences.iter().all(|one| one.field != "tags"),
            "{found:?}"
        );

        // What the region asks for is no finding, under whichever name it does.
        let found =
            store.span_comparison(asking("kind:server", "service.name:pay status.code:error"));
        let found = found.await.unwrap();
        let told = found.differences.iter();
        assert_eq!(told.filter(|one| one.field != "status.message").count(), 0);
        let first = &found.differences[0];
        assert_eq!(
            (first.field.as_str(), first.value.as_str()),
            ("status.message", "gone")
        );
    }
}

#[tokio::test]
async fn nothing_is_found_where_there_is_nothing_to_compare() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(100);
    for store in stores(dir.path(), &spans).await {
        for (query, region, inside, outside) in [
            ("", "", 100, 0),
            ("", "service:none", 0, 100),
            ("service:none", "", 0, 0),
        ] {
            let found = store.span_comparison(asking(query, region)).await.unwrap();
            assert_eq!(
                (found.inside, found.outside),
                (inside, outside),
                "{query} {region}"
            );
            assert_eq!(found.differences, [], "{query} {region}");
        }
        let mut hurried = asking("", "duration:>1s");
        hurried.deadline = Duration::ZERO;
        assert!(store.span_comparison(hurried).await.unwrap().partial);
        assert!(store.span_comparison(asking("", "(x")).await.is_err());
    }
}

#[tokio::test]
async fn of_many_spans_a_sample_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(24_000);
    for store in stores(dir.path(), &spans).await {
        let found = store.span_comparison(asking("", "service.version:v2"));
        let found = found.await.unwrap();
        let is_slow = |span: &Span| nanos(span) > 100_000_000;
        let [_, _, inside, outside] = shares(&spans, |_| true, is_slow);
        assert_eq!((found.inside, found.outside), (inside, outside));
        let (looked_inside, looked_outside) = found.sampled.unwrap();
        assert_eq!(looked_inside, inside);
        assert_eq!(looked_outside, outside.div_ceil(3));
    }
}
