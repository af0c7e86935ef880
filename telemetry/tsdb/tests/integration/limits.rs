//! What is refused, and that it is counted.

use prometheus_client::encoding::text::encode;
use watchfire_schemas::{LabelSet, Temporality};
use watchfire_tsdb::Config;

use crate::store::{Store, samples, state};

fn store(config: Config) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), config);
    store.at(7000);
    (dir, store)
}

#[test]
fn late_samples_are_taken_within_the_window() {
    let (_dir, mut store) = store(Config::default());
    store.append(&[state("a_total", &[(3000, 5.0), (1300, 1.0), (2000, 3.0)])]);
    store.append(&[state(
        "a_total",
        &[(1100, 9.0), (2000, 4.0), (3000, 6.0), (3000, 5.0)],
    )]);
    assert_eq!(
        store.query("a_total[2h]", 3000.0),
        r#"a_total{service="shop"} 1@1300000 3@2000000 5@3000000"#
    );
    assert_eq!(store.tsdb.stats().refused_samples, 3);
}

#[test]
fn many_late_samples_are_packed_and_still_merged() {
    let (_dir, mut store) = store(Config::default());
    store.append(&[state("a_total", &[(1800, 0.0)])]);
    for i in (0..400).rev() {
        store.append(&[state("a_total", &[(100 + i * 3, i as f64)])]);
    }
    assert_eq!(
        store.query("count_over_time(a_total[1h])", 1800.0),
        r#"{service="shop"} 401"#
    );
    assert_eq!(
        store.query("resets(a_total[1h])", 1800.0),
        r#"{service="shop"} 1"#
    );
}

#[test]
fn what_lies_in_the_future_is_refused() {
    let (_dir, mut store) = store(Config::default());
    store.append(&[state("a_total", &[(7500, 1.0), (7700, 2.0)])]);
    assert_eq!(
        store.query("a_total", 7700.0),
        r#"a_total{service="shop"} 1"#
    );
    assert_eq!(store.tsdb.stats().refused_samples, 1);
}

#[test]
fn above_the_limit_deltas_overflow_and_states_are_refused() {
    let config = Config {
        max_series: 2,
        ..Config::default()
    };
    let (_dir, mut store) = store(config);
    for (i, temporality) in [Temporality::Delta, Temporality::Cumulative]
        .into_iter()
        .enumerate()
    {
        for pod in 0..5_i64 {
            let labels = LabelSet::metric(&format!("m{i}"), [("pod", pod.to_string())]);
            store.append(&[samples(labels, temporality, &[(100, 1.0)])]);
        }
    }
    assert_eq!(
        store.query(r#"m0{watchfire_overflow="true"}"#, 110.0),
        r#"m0{watchfire_overflow="true"} 3"#
    );
    assert_eq!(store.query("sum(m0)", 110.0), "{} 5");
    assert_eq!(store.query("m1", 110.0), "");
    assert_eq!(store.tsdb.stats().head_series, 3);
    let mut exposition = String::new();
    encode(&mut exposition, &store.registry).unwrap();
    let counted = r#"watchfire_tsdb_refused_samples_total{reason="series_limit"} 5"#;
    assert!(exposition.contains(counted), "{exposition}");
}

#[test]
fn a_series_is_either_of_states_or_of_deltas() {
    let (_dir, mut store) = store(Config::default());
    store.append(&[state("a_total", &[(10, 1.0)])]);
    store.append(&[crate::store::delta("a_total", &[(20, 1.0)])]);
    store.append(&[samples(
        LabelSet::new([("job", "x")]),
        Temporality::Delta,
        &[(20, 1.0)],
    )]);
    assert_eq!(store.query("a_total", 30.0), r#"a_total{service="shop"} 1"#);
    assert_eq!(store.tsdb.stats().refused_samples, 2);
}

#[test]
fn a_flood_of_new_series_stops_at_the_budget_and_the_old_ones_go_on() {
    let config = Config {
        max_memory: 2 << 20,
        ..Config::default()
    };
    let (_dir, mut store) = store(config);
    store.append(&[state("old_total", &[(100, 1.0)])]);
    for hundred in 0..100 {
        let flood: Vec<_> = (0..100)
            .map(|i| {
                let id = format!("user-{hundred}-{i}");
                samples(
                    LabelSet::metric("flood_total", [("user", id)]),
                    Temporality::Cumulative,
                    &[(110, 1.0)],
                )
            })
            .collect();
        store.append(&flood);
    }
    store.append(&[state("old_total", &[(115, 2.0)])]);
    let stats = store.tsdb.stats();
    assert!(stats.memory_bytes < 2 << 20, "{stats:?}");
    assert!(stats.refuses_series && stats.head_series > 500, "{stats:?}");
    assert_eq!(stats.refused_samples, 10_001 - stats.head_series as u64);
    assert_eq!(
        store.query("old_total", 120.0),
        r#"old_total{service="shop"} 2"#
    );
    let most = store.tsdb.cardinality();
    assert_eq!(most.values_by_label[0].0, "user");
    assert_eq!(most.series_by_metric[0].0, "flood_total");
    let mut exposition = String::new();
    encode(&mut exposition, &store.registry).unwrap();
    assert!(
        exposition.contains(r#"{reason="memory_limit"}"#),
        "{exposition}"
    );
}
