//! Crashes: a copy of the directory is what a killed process leaves behind; the write-ahead log is
//! the list of batches, replayed from the checkpoint.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use watchfire_schemas::{BatchSeq, Exemplar, LabelSet, SeriesSamples, TimeRange};
use watchfire_tsdb::{Config, OpenError, Selector, Tsdb};

use crate::store::{START, Store, delta, state};

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Opens what a crash left and replays the log.
fn recover(dir: &Path, log: &[Vec<SeriesSamples>], now: i64) -> Store {
    let mut store = Store::open(dir, Config::default());
    store.at(now);
    let after = store.tsdb.checkpoint().0 as usize;
    for batch in &log[after..] {
        store.append(batch);
    }
    store
}

/// Everything that a store holds, in text.
fn everything(store: &Store, until: i64) -> String {
    store.query(&format!("{{service=\"shop\"}}[{until}s]"), until as f64)
}

#[test]
fn a_crash_after_any_batch_and_snapshot_loses_and_doubles_nothing() {
    let live = tempfile::tempdir().unwrap();
    let mut store = Store::open(live.path(), Config::default());
    let mut log = Vec::new();
    for i in 0..60_i64 {
        let t = i * 300;
        store.at(t + 10);
        let batch = vec![
            delta("events_total", &[(t, 1.0), (t, 2.0), (t - 20, 1.0)]),
            state("scraped_total", &[(t, i as f64), (t + 5, i as f64)]),
            state("late_total", &[(t, 1.0), ((t - 900).max(0), 0.5)]),
        ];
        store.append(&batch);
        log.push(batch);
        if i % 7 == 3 {
            store.tsdb.snapshot().unwrap();
        }
        if i % 5 == 0 {
            let crashed = tempfile::tempdir().unwrap();
            copy_dir(live.path(), crashed.path());
            let recovered = recover(crashed.path(), &log, t + 10);
            assert_eq!(
                everything(&recovered, t + 10),
                everything(&store, t + 10),
                "batch {i}"
            );
        }
    }
    let stats = store.tsdb.stats();
    assert!(stats.blocks >= 1 && stats.block_bytes > 0, "{stats:?}");
}

#[test]
fn a_crash_between_block_and_snapshot_doubles_nothing() {
    let live = tempfile::tempdir().unwrap();
    let mut store = Store::open(live.path(), Config::default());
    let mut log = Vec::new();
    for i in 0..40_i64 {
        store.at(i * 300 + 60);
        let batch = vec![
            delta("events_total", &[(i * 300 + 60, 1.0)]),
            state("a_total", &[(i * 300, 7.0)]),
        ];
        store.append(&batch);
        log.push(batch);
    }
    let before = tempfile::tempdir().unwrap();
    copy_dir(live.path(), before.path());
    store.tsdb.snapshot().unwrap();
    assert_eq!(store.tsdb.stats().blocks, 1);
    // The block is there, the snapshot is the old one (here: none).
    copy_dir(&live.path().join("blocks"), &before.path().join("blocks"));
    fs::create_dir(before.path().join("blocks/tmp-236112-9")).unwrap();
    let recovered = recover(before.path(), &log, 12_000);
    store.at(12_000);
    assert_eq!(everything(&recovered, 12_000), everything(&store, 12_000));
    assert_eq!(
        recovered.tsdb.stats().blocks,
        1,
        "what was unfinished is cleared away"
    );
}

#[test]
fn batches_at_or_before_the_checkpoint_are_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(100);
    store.append(&[delta("events_total", &[(10, 1.0)])]);
    store.tsdb.snapshot().unwrap();
    assert_eq!(store.tsdb.checkpoint(), BatchSeq(1));
    let again = Store::open(dir.path(), Config::default());
    again.at(100);
    again
        .tsdb
        .append(BatchSeq(1), &[delta("events_total", &[(10, 1.0)])]);
    assert_eq!(again.query("sum(events_total)", 20.0), "{} 1");
}

#[test]
fn exemplars_and_kinds_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(100);
    let mut series = delta("events_total", &[(10, 1.0)]);
    series.exemplars.push(Exemplar {
        t: (START + 10) * 1000,
        v: 0.25,
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok(),
        labels: LabelSet::default(),
    });
    store.append(&[series.clone()]);
    store.tsdb.snapshot().unwrap();
    let again = Store::open(dir.path(), Config::default());
    let selector = Selector::parse("events_total").unwrap();
    let found = again.tsdb.exemplars(&selector, TimeRange::ALL);
    assert_eq!(found[0].exemplars, series.exemplars);
    assert_eq!(again.tsdb.metric_kinds().len(), 1);
}

#[test]
fn blocks_past_retention_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        retention: std::time::Duration::from_hours(24),
        ..Config::default()
    };
    let mut store = Store::open(dir.path(), config);
    store.append(&[state("a_total", &[(0, 1.0), (60, 2.0)])]);
    store.at(4 * 3600);
    store.tsdb.snapshot().unwrap();
    assert_eq!(store.tsdb.stats().blocks, 1);
    assert_eq!(
        store.tsdb.stats().head_series,
        0,
        "a series all in blocks leaves the head"
    );
    assert_eq!(store.query("a_total", 70.0), r#"a_total{service="shop"} 2"#);
    assert_eq!(store.tsdb.label_values("__name__"), ["a_total"]);
    store.at(25 * 3600);
    store.tsdb.snapshot().unwrap();
    assert_eq!(store.tsdb.stats().blocks, 0);
    assert_eq!(fs::read_dir(dir.path().join("blocks")).unwrap().count(), 0);
}

#[test]
fn damage_is_told_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.append(&[state("a_total", &[(0, 1.0)])]);
    store.tsdb.snapshot().unwrap();
    let file = dir.path().join("head.snapshot");
    let whole = fs::read(&file).unwrap();
    for at in [0, 9, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&file, &bytes).unwrap();
        let reopened = Tsdb::open(
            dir.path(),
            Config::default(),
            store.clock.clone(),
            &mut prometheus_client::registry::Registry::default(),
        );
        let expected = if at == 9 { "version" } else { "damaged" };
        match reopened {
            Err(error @ (OpenError::Damaged { .. } | OpenError::Version { .. })) => {
                assert!(error.to_string().contains(expected), "{error}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn what_a_snapshot_did_not_finish_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    store.at(100);
    for t in [10, 20, 30] {
        store.append(&[delta("events_total", &[(t, 1.0)])]);
        store.tsdb.snapshot().unwrap();
    }
    let file = dir.path().join("head-1");
    let whole = fs::read(&file).unwrap();
    let mut torn = whole.clone();
    torn.extend_from_slice(&[7; 99]);
    fs::write(&file, &torn).unwrap();
    let mut again = Store::open(dir.path(), Config::default());
    again.at(100);
    assert_eq!(again.query("sum(events_total)", 40.0), "{} 3");
    again.append(&[delta("events_total", &[(40, 1.0)])]);
    again.tsdb.snapshot().unwrap();
    let third = Store::open(dir.path(), Config::default());
    third.at(100);
    assert_eq!(third.query("sum(events_total)", 50.0), "{} 4");
}

#[test]
fn damage_of_what_counts_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), Config::default());
    for t in [10, 20, 30] {
        store.append(&[state("a_total", &[(t, 1.0)])]);
        store.tsdb.snapshot().unwrap();
    }
    let file = dir.path().join("head-1");
    let whole = fs::read(&file).unwrap();
    let open = || {
        let mut registry = prometheus_client::registry::Registry::default();
        let clock = store.clock.clone();
        let opened = Tsdb::open(dir.path(), Config::default(), clock, &mut registry);
        opened
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for at in [0, 9, 13, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x40;
        fs::write(&file, &bytes).unwrap();
        let expected = if at == 9 { "version" } else { "damaged" };
        assert!(open().contains(expected), "byte {at}: {}", open());
    }
    fs::write(&file, &whole[..whole.len() - 3]).unwrap();
    assert!(open().contains("ends within a frame"), "{}", open());
    fs::write(&file, &whole).unwrap();
    assert_eq!(open(), "");
}

#[test]
fn small_snapshots_add_up_to_the_head() {
    let live = tempfile::tempdir().unwrap();
    let mut store = Store::open(live.path(), Config::default());
    let mut log = Vec::new();
    for i in 0..400_i64 {
        let t = i * 15;
        store.at(t + 1);
        let mut batch = vec![state("steady_total", &[(t, (i * 3) as f64)])];
        if i % 3 == 0 {
            batch.push(delta("events_total", &[(t, 1.0), (t - 40, 0.5)]));
        }
        if i % 50 == 20 {
            batch.push(state(&format!("new_{i}_total"), &[(t, 1.5)]));
        }
        if i % 20 == 11 {
            batch.push(state("steady_total", &[(t - 100, -1.0)]));
        }
        store.append(&batch);
        log.push(batch);
        if i % 4 == 1 {
            store.tsdb.snapshot().unwrap();
        }
        if i % 31 == 0 {
            let crashed = tempfile::tempdir().unwrap();
            copy_dir(live.path(), crashed.path());
            let recovered = recover(crashed.path(), &log, t + 1);
            assert_eq!(
                everything(&recovered, t + 1),
                everything(&store, t + 1),
                "batch {i}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_goes_through_blocks_comes_back(values in prop::collection::vec((1_i64..900, -1e9_f64..1e9), 1..300)) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::open(dir.path(), Config::default());
        let mut t = 0;
        let samples: Vec<_> = values.iter().map(|&(by, v)| { t += by; (t, v) }).collect();
        store.at(t);
        store.append(&[state("a_total", &samples)]);
        let before = everything(&store, t);
        store.at(t + 5 * 3600);
        store.tsdb.snapshot().unwrap();
        prop_assert!(store.tsdb.stats().blocks > 0);
        prop_assert_eq!(store.tsdb.stats().head_series, 0);
        prop_assert_eq!(everything(&store, t), before);
    }
}
