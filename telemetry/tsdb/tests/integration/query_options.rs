//! What bounds a query, and where its notes say that their cause stands.

use std::time::Duration;

use watchfire_schemas::{LabelSet, Temporality, Timestamp};
use watchfire_tsdb::{Config, QueryError, QueryOptions, QueryValue};

use crate::store::{START, Store, samples};

/// Five hundred series of twenty samples, so that more than one thread works.
fn stage() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(3600);
    let points: Vec<_> = (0..20).map(|i| (i * 15, (i * 15) as f64)).collect();
    let series: Vec<_> = (0..500)
        .map(|i| {
            let labels = LabelSet::metric(
                "work",
                [("i", i.to_string()), ("group", (i % 7).to_string())],
            );
            samples(labels, Temporality::Cumulative, &points)
        })
        .collect();
    store.append(&series);
    (dir, store)
}

fn ask(store: &Store, expr: &str, options: &QueryOptions) -> Result<QueryValue, QueryError> {
    let at = Timestamp::from_secs(START + 285);
    let answer = store.tsdb.query(expr, at, options);
    answer.map(|answer| answer.value)
}

#[test]
fn a_query_ends_at_its_bounds() {
    let (_dir, store) = stage();
    let expr = "sum(rate(work[5m]))";
    assert!(ask(&store, expr, &QueryOptions::default()).is_ok());
    let at_once = QueryOptions::within(Duration::ZERO);
    assert_eq!(ask(&store, expr, &at_once), Err(QueryError::Timeout));
    let stopped = QueryOptions::default();
    drop(stopped.stop.on_drop());
    assert_eq!(ask(&store, expr, &stopped), Err(QueryError::Canceled));
    let few = QueryOptions {
        max_samples: 400,
        ..QueryOptions::default()
    };
    assert!(ask(&store, expr, &few).is_ok(), "it holds one group");
    for expr in [
        "work",
        "vector(1)[1h:1s]",
        "sum_over_time(vector(1)[100y:1ms])",
    ] {
        let error = ask(&store, expr, &few).unwrap_err();
        assert!(
            error.to_string().contains("too many samples"),
            "{expr}: {error}"
        );
    }
}

#[test]
fn a_selector_looks_back_as_far_as_is_asked() {
    let (_dir, store) = stage();
    let count = |lookback| {
        let options = QueryOptions {
            lookback_delta: Duration::from_secs(lookback),
            ..QueryOptions::default()
        };
        match ask(&store, "count(work offset -10s)", &options).unwrap() {
            QueryValue::Vector(samples) => samples.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((count(5), count(11)), (0, 1));
}

#[test]
fn several_threads_add_up_to_the_same() {
    let (_dir, store) = stage();
    for (expr, expected) in [
        ("count(work)", 500.0),
        ("sum(rate(work[5m]))", 475.0),
        ("avg(work)", 285.0),
        ("stddev(work)", 0.0),
        ("max(count by (group) (work))", 72.0),
        ("absent(work) or vector(7)", 7.0),
    ] {
        match ask(&store, expr, &QueryOptions::default()).unwrap() {
            QueryValue::Vector(found) => {
                assert!(
                    (found[0].sample.v - expected).abs() < 1e-9,
                    "{expr}: {found:?}"
                );
            }
            other => panic!("{expr}: {other:?}"),
        }
    }
}

#[test]
fn notes_name_line_and_column() {
    let (_dir, store) = stage();
    let at = Timestamp::from_secs(START + 285);
    let expr = "sum(\n  rate(work[5m])\n) + quantile(2, work)";
    let answer = store
        .tsdb
        .query(expr, at, &QueryOptions::default())
        .unwrap();
    assert_eq!(
        answer.annotations.warnings,
        ["PromQL warning: quantile value should be between 0 and 1, got 2 (3:14)"]
    );
    assert_eq!(
        answer.annotations.infos,
        [
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"work\" (2:8)"
        ]
    );
}
