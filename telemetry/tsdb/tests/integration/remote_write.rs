//! What remote write brings, without a label set for a series that is known.

use watchfire_schemas::{BatchSeq, LabelSet};
use watchfire_tsdb::{Config, Place, WriteBatch, WriteVersion};

use crate::store::{START, Store, delta, state};

fn field(number: u8, bytes: &[u8], body: &mut Vec<u8>) {
    body.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        body.push(length as u8 | 0x80);
        length >>= 7;
    }
    body.push(length as u8);
    body.extend_from_slice(bytes);
}

/// Labels in the order of their names, and samples with times in seconds.
type Sent<'a> = (&'a [(&'a str, &'a str)], &'a [(i64, f64)]);

/// A request of remote write 1.0.
fn request(series: &[Sent<'_>]) -> WriteBatch {
    let mut body = Vec::new();
    for (labels, samples) in series {
        let mut one = Vec::new();
        for (name, value) in *labels {
            let mut label = Vec::new();
            field(1, name.as_bytes(), &mut label);
            field(2, value.as_bytes(), &mut label);
            field(1, &label, &mut one);
        }
        for (t, v) in *samples {
            let mut sample = vec![0x09];
            sample.extend_from_slice(&v.to_le_bytes());
            sample.push(0x10);
            let mut ms = (START + t) as u64 * 1000;
            while ms >= 0x80 {
                sample.push(ms as u8 | 0x80);
                ms >>= 7;
            }
            sample.push(ms as u8);
            field(2, &sample, &mut one);
        }
        field(1, &one, &mut body);
    }
    WriteBatch::decode(body, WriteVersion::V1).unwrap()
}

fn store(dir: &tempfile::TempDir) -> Store {
    let store = Store::open(dir.path(), Config::default());
    store.at(4000);
    store
}

const UP: &[(&str, &str)] = &[("__name__", "up"), ("job", "a")];
const DOWN: &[(&str, &str)] = &[("__name__", "down"), ("job", "b")];

#[test]
fn series_are_the_same_whatever_way_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir);
    let mut batch = BatchSeq::ZERO;
    let mut write = |store: &Store, written: &WriteBatch| {
        batch = batch.next();
        store.tsdb.append_written(batch, written);
    };
    write(
        &store,
        &request(&[(UP, &[(10, 1.0)]), (DOWN, &[(10, 5.0)])]),
    );
    write(
        &store,
        &request(&[(DOWN, &[(20, 6.0)]), (UP, &[(20, 2.0)])]),
    );
    write(&store, &request(&[(UP, &[(30, 3.0), (40, 4.0)])]));
    assert_eq!(store.tsdb.stats().head_series, 2);
    assert_eq!(
        store.query("{job=~'.+'}[1m]", 50.0),
        r#"down{job="b"} 5@10000 6@20000; up{job="a"} 1@10000 2@20000 3@30000 4@40000"#
    );
    for _ in 0..3 {
        store.append(&[state("other_total", &[(1, 1.0)])]);
    }
    store.append(&[crate::store::samples(
        LabelSet::metric("up", [("job", "a")]),
        watchfire_schemas::Temporality::Cumulative,
        &[(50, 5.0)],
    )]);
    assert_eq!(store.query("up", 60.0), r#"up{job="a"} 5"#);
}

#[test]
fn what_would_not_be_taken_is_told_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(&dir);
    store
        .tsdb
        .append_written(BatchSeq(1), &request(&[(UP, &[(3000, 1.0)])]));
    store.append(&[]);
    store.append(&[delta("events_total", &[(3000, 1.0)])]);
    let long = "x".repeat(5000);
    let long = [("__name__", "long"), ("job", long.as_str())];
    let events = [("__name__", "events_total"), ("service", "shop")];
    let written = request(&[
        (
            UP,
            &[
                (100, 1.0),
                (3000, 1.0),
                (3000, 2.0),
                (3015, 3.0),
                (9000, 1.0),
            ],
        ),
        (DOWN, &[(2990, 1.0)]),
        (&long, &[(2990, 1.0)]),
        (&events, &[(3010, 1.0)]),
    ]);
    let objections = store.tsdb.judge(&written);
    let told: Vec<_> = objections
        .iter()
        .map(|one| (one.series, one.place, one.reason))
        .collect();
    assert_eq!(
        told,
        [
            (0, Place::Sample(0), "too_old"),
            (0, Place::Sample(2), "duplicate_time"),
            (0, Place::Sample(4), "too_far_ahead"),
            (2, Place::All, "long_label_value"),
            (3, Place::All, "temporality"),
        ]
    );
    assert!(objections.iter().all(|one| !one.words.is_empty()));
    let rest = written.without(&objections);
    assert!(store.tsdb.judge(&rest).is_empty());
    store.tsdb.append_written(BatchSeq(9), &rest);
    assert_eq!(store.tsdb.stats().refused_samples, 0);
    assert_eq!(
        store.query("up[10m]", 3020.0),
        r#"up{job="a"} 1@3000000 3@3015000"#
    );
    assert_eq!(store.query("down", 3020.0), r#"down{job="b"} 1"#);
}

#[test]
fn a_request_may_not_begin_more_series_than_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        max_series: 1,
        ..Config::default()
    };
    let store = Store::open(dir.path(), config);
    store.at(4000);
    let written = request(&[(UP, &[(10, 1.0)]), (DOWN, &[(10, 1.0)])]);
    let objections = store.tsdb.judge(&written);
    assert_eq!(objections.len(), 1);
    assert_eq!(
        (objections[0].series, objections[0].reason),
        (1, "series_limit")
    );
    store.tsdb.append_written(BatchSeq(1), &written);
    assert_eq!(store.tsdb.stats().refused_samples, 1);
    assert_eq!(store.tsdb.checkpoint(), BatchSeq::ZERO);
}
