//! Derived counters: deltas that come only when something happens.

use std::time::Duration;

use watchfire_schemas::{
    BucketSpan, HistogramBuckets, HistogramSample, NativeHistogram, Timestamp,
};
use watchfire_tsdb::{Config, Selector};

use crate::store::{START, Store, delta, state};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Config::default());
    (dir, store)
}

#[test]
fn deltas_add_up_from_zero() {
    let (_dir, mut store) = store();
    store.at(100);
    store.append(&[delta("errors_total", &[(10, 2.0)])]);
    store.append(&[delta("errors_total", &[(10, 1.0)])]);
    store.append(&[delta("errors_total", &[(12, 1.0), (11, 5.0)])]);
    assert_eq!(
        store.query("errors_total[1m]", 20.0),
        r#"errors_total{service="shop"} 0@9000 3@10000 9@12000 9@15000"#
    );
}

#[test]
fn an_increment_that_is_no_number_does_not_spoil_the_sum() {
    let (_dir, mut store) = store();
    store.at(100);
    store.append(&[delta("errors_total", &[(10, 2.0)])]);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        store.append(&[delta("errors_total", &[(11, odd)])]);
    }
    store.append(&[delta("errors_total", &[(12, 1.0)])]);
    assert_eq!(
        store.query("errors_total", 12.0),
        r#"errors_total{service="shop"} 3"#
    );
    assert_eq!(store.tsdb.stats().refused_samples, 3);
}

#[test]
fn the_first_event_is_an_increase() {
    let (_dir, mut store) = store();
    store.at(20);
    store.append(&[delta("errors_total", &[(17, 1.0)])]);
    assert_eq!(
        store.query("increase(errors_total[5m])", 17.0),
        r#"{service="shop"} 1"#
    );
}

#[test]
fn a_silent_counter_stands_still_for_an_hour_and_no_longer_than_now() {
    let (_dir, mut store) = store();
    store.at(60);
    store.append(&[delta("errors_total", &[(10, 4.0)])]);
    store.at(2000);
    assert_eq!(
        store.query("errors_total", 2000.0),
        r#"errors_total{service="shop"} 4"#
    );
    assert_eq!(
        store.query("rate(errors_total[5m])", 2000.0),
        r#"{service="shop"} 0"#
    );
    assert_eq!(
        store.query("count_over_time(errors_total[5m])", 2100.0),
        r#"{service="shop"} 13"#
    );
    store.at(8000);
    assert_eq!(
        store.query("errors_total", 3890.0),
        r#"errors_total{service="shop"} 4"#
    );
    assert_eq!(store.query("errors_total", 3910.0), "");
}

#[test]
fn an_event_after_long_silence_is_an_increase() {
    let (_dir, mut store) = store();
    store.at(10_000);
    store.append(&[delta("errors_total", &[(10, 4.0)])]);
    store.append(&[delta("errors_total", &[(9000, 1.0)])]);
    assert_eq!(
        store.query("errors_total[1m]", 9005.0),
        r#"errors_total{service="shop"} 4@8999000 5@9000000"#
    );
}

#[test]
fn increments_count_each_event_once_in_its_bin() {
    let (_dir, mut store) = store();
    store.at(9100);
    store.append(&[delta("errors_total", &[(5, 1.0), (10, 2.0), (21, 4.0)])]);
    store.append(&[delta("errors_total", &[(9000, 8.0)])]);
    store.append(&[state("scraped_total", &[(1, 50.0), (16, 53.0), (31, 2.0)])]);
    check(&store, "errors_total", 0, &[3.0, 0.0, 4.0, 0.0]);
    check(&store, "errors_total", 8990, &[8.0, 0.0, 0.0, 0.0]);
    check(&store, "scraped_total", 0, &[0.0, 3.0, 0.0, 2.0]);
    check(&store, "absent_total", 0, &[0.0; 4]);
}

fn check(store: &Store, selector: &str, from: i64, expected: &[f64]) {
    let found = store.tsdb.increments(
        &Selector::parse(selector).unwrap(),
        Timestamp::from_secs(START + from),
        Duration::from_secs(10),
        expected.len(),
    );
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{selector}");
}

#[test]
fn native_histograms_that_come_as_deltas_add_up() {
    let (_dir, mut store) = store();
    store.at(1_000);
    let increment = |seconds: i64, counts: &[f64]| {
        let mut series = delta("took_seconds", &[]);
        let span = BucketSpan {
            offset: 1,
            length: counts.len() as u32,
        };
        let h = NativeHistogram {
            count: counts.iter().sum(),
            sum: counts.iter().sum(),
            positive: HistogramBuckets {
                spans: vec![span],
                counts: counts.to_vec(),
            },
            ..NativeHistogram::default()
        };
        let t = (START + seconds) * 1_000;
        series.histograms = vec![HistogramSample { t, h }];
        series
    };
    store.append(&[increment(10, &[1.0])]);
    store.append(&[increment(20, &[2.0, 3.0])]);
    // Late, and after a long silence.
    store.append(&[increment(15, &[0.0, 1.0])]);
    store.append(&[increment(700, &[4.0])]);
    let ask = |expr: &str, at: f64| store.query(expr, at);
    let shop = r#"{service="shop"} "#;
    assert_eq!(
        ask("histogram_count(took_seconds)", 19.0),
        format!("{shop}1")
    );
    // What is late counts with the last one, and is carried forward.
    for seconds in [20.0, 21.0, 699.0] {
        assert_eq!(
            ask("histogram_count(took_seconds)", seconds),
            format!("{shop}7")
        );
    }
    assert_eq!(
        ask("histogram_count(took_seconds)", 700.0),
        format!("{shop}11")
    );
    assert_eq!(
        ask("histogram_fraction(0, 2, took_seconds)", 700.0),
        format!("{shop}{}", 7.0 / 11.0)
    );
    assert_eq!(store.tsdb.stats().refused_samples, 0);
}
