use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_logsearch::{SpanScatter, SpanScatterSearch};
use watchfire_schemas::{Span, TimeRange};

use super::{hour, nanos, spans, stores};
use crate::store::PATIENCE;

fn asking(query: &str) -> SpanScatterSearch {
    SpanScatterSearch {
        query: query.to_owned(),
        range: hour(),
        columns: 37,
        rows: 23,
        outliers: 5,
        deadline: PATIENCE,
    }
}

/// Held against the edges that the answer itself tells.
fn assert_counts(found: &SpanScatter, spans: &[&Span]) {
    assert!(!found.partial);
    assert_eq!(found.total, spans.len() as u64);
    let mut cells: BTreeMap<(u32, u32), Vec<&Span>> = BTreeMap::new();
    for span in spans {
        let column = (0..found.columns as u32)
            .find(|column| found.column_times(*column).unwrap().contains(span.start));
        let row = (0..found.rows as u32).find(|row| {
            let (least, greatest) = found.row_durations(*row);
            (least..greatest).contains(&span.duration())
        });
        let cell = (column.unwrap(), row.unwrap());
        cells.entry(cell).or_default().push(span);
    }
    assert_eq!(found.cells.len(), cells.len());
    for (told, (place, spans)) in found.cells.iter().zip(cells) {
        assert_eq!((told.column, told.row), place);
        let errors = spans.iter().filter(|span| span.is_error()).count();
        assert_eq!(
            (told.spans, told.errors),
            (spans.len() as u64, errors as u64)
        );
        let rank = |span: &Span| (span.is_error(), nanos(span));
        let best = spans.iter().map(|span| rank(span)).max().unwrap();
        let example = spans
            .iter()
            .find(|span| (span.trace_id, span.span_id) == told.example)
            .unwrap();
        assert_eq!(rank(example), best);
    }
}

fn assert_outliers(found: &SpanScatter, spans: &[&Span], most: usize) {
    let slowest = |mut spans: Vec<u64>| {
        spans.sort_unstable_by_key(|nanos| std::cmp::Reverse(*nanos));
        spans.truncate(most);
        spans
    };
    let told = |only_failed: bool| {
        let outliers = found.outliers.iter();
        let outliers = outliers.filter(|outlier| outlier.is_error || !only_failed);
        slowest(
            outliers
                .map(|outlier| outlier.duration.as_nanos() as u64)
                .collect(),
        )
    };
    let failed = spans.iter().filter(|span| span.is_error());
    assert_eq!(
        told(true),
        slowest(failed.map(|span| nanos(span)).collect())
    );
    assert_eq!(
        told(false),
        slowest(spans.iter().map(|span| nanos(span)).collect())
    );
    for outlier in &found.outliers {
        let own = spans.iter().find(|span| span.span_id == outlier.span_id);
        let own = own.unwrap();
        assert_eq!(
            (
                &outlier.service,
                &outlier.name,
                outlier.start,
                outlier.is_error
            ),
            (&own.service, &own.name, own.start, own.is_error())
        );
    }
}

#[tokio::test]
async fn every_span_is_in_its_cell() {
    let dir = tempfile::tempdir().unwrap();
    let spans = spans(2_000);
    for store in stores(dir.path(), &spans).await {
        let found = store.span_scatter(asking("")).await.unwrap();
        let all: Vec<&Span> = spans.iter().collect();
        assert_counts(&found, &all);
        assert_outliers(&found, &all, 5);
        let (least, greatest) = found.durations;
        assert_eq!(
            (least.as_nanos(), greatest.as_nanos()),
            (500_000, 500_000_000)
        );

        let found = store.span_scatter(asking("service:pay kind:client"));
        let found = found.await.unwrap();
        let some: Vec<&Span> = spans
            .iter()
            .filter(|span| span.service == "pay" && span.kind.as_str() == "client")
            .collect();
        assert_counts(&found, &some);
        assert_outliers(&found, &some, 5);
    }
}

#[tokio::test]
async fn one_span_none_and_no_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut one = spans(1);
    one[0].start = hour().start;
    // A clock that went back: it took no time.
    one[0].end = one[0].start - Duration::from_secs(1);
    for store in stores(dir.path(), &one).await {
        let found = store.span_scatter(asking("")).await.unwrap();
        assert_eq!(
            (found.total, found.cells.len(), found.outliers.len()),
            (1, 1, 1)
        );
        assert_eq!((found.cells[0].column, found.cells[0].row), (0, 0));
        assert_eq!(found.outliers[0].duration, Duration::ZERO);

        let mut always = asking("");
        always.range = TimeRange::ALL;
        always.columns = 0;
        always.rows = 0;
        let found = store.span_scatter(always).await.unwrap();
        assert_eq!((found.columns, found.rows, found.cells.len()), (1, 1, 1));

        let found = store.span_scatter(asking("name:none")).await.unwrap();
        assert_eq!((found.total, found.cells.len()), (0, 0));
        assert_eq!(found.durations, (Duration::ZERO, Duration::ZERO));

        let mut hurried = asking("");
        hurried.deadline = Duration::ZERO;
        assert!(store.span_scatter(hurried).await.unwrap().partial);
    }
}
