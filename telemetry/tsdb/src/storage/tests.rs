use std::path::Path;
use std::time::Duration;

use watchfire_schemas::{
    BatchSeq, BucketSpan, CounterReset, HistogramBuckets, HistogramSample, LabelSet, MetricKind,
    NativeHistogram, Sample, SeriesSamples, Temporality, TimeRange, Timestamp,
};

use super::{Points, Store, Wanted};
use crate::staleness::STALE;
use crate::{Came, Config, DeltaBatch, DeltaLabels, Selector};

/// Where a window of two hours begins, and a span of each of the larger blocks.
const START: i64 = 1_700_028_000_000;
const HOUR: i64 = 3_600_000;

fn store(dir: &Path) -> Store {
    Store::open(dir, Config::default()).unwrap()
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms)
}

fn histogram(t: i64, buckets: &[f64]) -> HistogramSample {
    let h = NativeHistogram {
        schema: 2,
        reset: CounterReset::NoReset,
        zero_threshold: 1e-128,
        zero_count: 2.0,
        count: buckets.iter().sum::<f64>() + 2.0,
        sum: t as f64 / 7.0,
        positive: HistogramBuckets {
            spans: vec![BucketSpan {
                offset: -3,
                length: buckets.len() as u32,
            }],
            counts: buckets.to_vec(),
        },
        ..NativeHistogram::default()
    };
    HistogramSample { t: START + t, h }
}

fn series(name: &str, samples: &[(i64, f64)], histograms: Vec<HistogramSample>) -> SeriesSamples {
    let samples = samples.iter();
    SeriesSamples {
        labels: LabelSet::metric(name, [("job", "api")]),
        kind: MetricKind::Histogram,
        temporality: Temporality::Cumulative,
        samples: samples.map(|&(t, v)| Sample { t: START + t, v }).collect(),
        histograms,
        exemplars: Vec::new(),
    }
}

fn read(store: &Store, name: &str) -> Points {
    let selector = Selector::parse(name).unwrap();
    let slices = store.select(&selector, i64::MIN, i64::MAX).unwrap();
    assert_eq!(slices.len(), 1, "{name}");
    slices[0].decode(i64::MIN, i64::MAX, i64::MAX).unwrap()
}

fn mixed(t: i64) -> SeriesSamples {
    let minute = t / 60_000;
    let grown = minute as f64;
    match minute % 10 {
        8 => series("latency", &[(t, STALE)], Vec::new()),
        9 => series("latency", &[(t, grown)], Vec::new()),
        4 => series("latency", &[], vec![histogram(t, &[grown, 1.0, 0.5])]),
        _ => series("latency", &[], vec![histogram(t, &[grown, grown * 3.0])]),
    }
}

fn text(points: &Points) -> String {
    let floats: Vec<_> = points.floats.iter().map(|s| (s.t, s.v.to_bits())).collect();
    format!("{floats:?} {:?}", points.histograms)
}

#[test]
fn floats_and_histograms_of_a_series_go_the_same_way() {
    let dir = tempfile::tempdir().unwrap();
    let live = store(dir.path());
    let mut expected = Points::default();
    for minute in 0..300 {
        let t = minute * 60_000;
        let one = mixed(t);
        expected.floats.extend(&one.samples);
        expected.histograms.extend(one.histograms.clone());
        live.append(BatchSeq(minute as u64 + 1), &[one], at(t));
        if minute % 40 == 13 {
            live.snapshot(at(t)).unwrap();
            let again = store(dir.path());
            assert_eq!(text(&read(&again, "latency")), text(&expected), "{minute}");
        }
    }
    assert_eq!(text(&read(&live, "latency")), text(&expected));
    assert!(live.stats().blocks > 0, "{:?}", live.stats());
    live.snapshot(at(9 * HOUR)).unwrap();
    assert_eq!(text(&read(&live, "latency")), text(&expected));
    assert_eq!(live.stats().head_series, 0);
}

#[test]
fn late_histograms_find_their_place_and_doubles_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let live = store(dir.path());
    let minute = |minute: i64| histogram(minute * 60_000, &[minute as f64]);
    let batch = |minutes: &[i64]| {
        let histograms = minutes.iter().map(|at| minute(*at)).collect();
        series("latency", &[], histograms)
    };
    live.append(BatchSeq(1), &[batch(&[10, 20, 30])], at(HOUR));
    live.append(BatchSeq(2), &[batch(&[15, 5, 20, 30])], at(HOUR));
    let other = series(
        "latency",
        &[(30 * 60_000, 1.0)],
        vec![histogram(1_800_000, &[7.0])],
    );
    live.append(BatchSeq(3), &[other, batch(&[-1])], at(HOUR));
    let times = |points: &Points| -> Vec<i64> {
        let histograms = points.histograms.iter();
        histograms.map(|h| (h.t - START) / 60_000).collect()
    };
    let found = read(&live, "latency");
    assert_eq!(times(&found), [5, 10, 15, 20, 30]);
    assert!(found.floats.is_empty());
    assert_eq!(live.stats().refused_samples, 3);
    live.snapshot(at(HOUR)).unwrap();
    assert_eq!(text(&read(&store(dir.path()), "latency")), text(&found));
}

/// One increment of a counter and of a histogram whose buckets move.
fn increments(t: i64, n: i64) -> DeltaBatch {
    let labels = |name| DeltaLabels {
        name,
        le: "",
        shared: [("job", "api".into())].into(),
    };
    let mut batch = DeltaBatch::default();
    batch.begin(1, labels("calls_total"), MetricKind::Counter);
    batch.sample(START + t, 1.0);
    batch.begin(2, labels("duration"), MetricKind::Histogram);
    let mut grown = histogram(t, &vec![1.0; 1 + (n % 5) as usize]);
    grown.h.sum = 1.0;
    batch.histogram(grown);
    batch
}

#[test]
fn increments_by_number_are_those_by_labels_whenever_it_crashes() {
    let by_number = tempfile::tempdir().unwrap();
    let by_labels = tempfile::tempdir().unwrap();
    let mut crashing = store(by_number.path());
    let whole = store(by_labels.path());
    let mut told = Vec::new();
    for n in 0..2_000_i64 {
        // Several of one second, some late, quiet for longer than values are carried.
        let t = n / 3 * 20_000 - (n % 7) * 1_000 + n / 700 * 2 * HOUR;
        let deltas = increments(t, n);
        let batch = BatchSeq(n as u64 + 1);
        whole.append(batch, &deltas.to_series(), at(t));
        crashing.append_with_deltas(batch, (Came::Series(&[]), &deltas), at(t));
        told.push((batch, deltas, at(t)));
        if n % 170 == 11 {
            crashing.snapshot(at(t)).unwrap();
        }
        if n % 170 == 90 {
            drop(crashing);
            crashing = store(by_number.path());
            for (batch, deltas, now) in &told {
                crashing.append_with_deltas(*batch, (Came::Series(&[]), deltas), *now);
            }
        }
    }
    let ends = |store: &Store| {
        let (calls, durations) = (read(store, "calls_total"), read(store, "duration"));
        let last = durations.histograms.last().unwrap();
        (calls.floats.last().map(|s| s.v), last.h.count, last.h.sum)
    };
    assert_eq!(ends(&whole).0, Some(2_000.0));
    assert_eq!(ends(&crashing), ends(&whole));
    assert_eq!(
        text(&read(&crashing, "duration")),
        text(&read(&whole, "duration"))
    );
    assert!(crashing.stats().blocks > 0);
}

#[test]
fn blocks_of_the_same_window_become_one() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        out_of_order_window: Duration::from_hours(20),
        ..Config::default()
    };
    let live = Store::open(dir.path(), config).unwrap();
    let mut batch = 0;
    let mut append = |series: SeriesSamples| {
        batch += 1;
        live.append(BatchSeq(batch), &[series], at(20 * HOUR));
    };
    for hour in [0, 2, 4, 12] {
        let t = hour * HOUR;
        append(series("a", &[(t, 1.0), (t + 60_000, 2.0)], Vec::new()));
    }
    append(series("b", &[(5 * HOUR, 1.0)], Vec::new()));
    live.snapshot(at(36 * HOUR)).unwrap();
    let before = text(&read(&live, "a"));
    let blocks = live.blocks.list();
    let sources: usize = blocks
        .iter()
        .map(|block| block.manifest.sources.len())
        .sum();
    assert_eq!((blocks.len(), sources), (2, 3), "{blocks:?}");
    // Later than all that a block has, in windows that have blocks.
    append(series(
        "a",
        &[(HOUR, 0.5), (12 * HOUR + 30_000, 7.0)],
        Vec::new(),
    ));
    live.snapshot(at(37 * HOUR)).unwrap();
    let blocks = live.blocks.list();
    assert_eq!(blocks.len(), 2, "{blocks:?}");
    assert!(before != text(&read(&live, "a")));
    let values: Vec<_> = read(&live, "a").floats.iter().map(|s| s.v).collect();
    assert_eq!(values, [1.0, 2.0, 0.5, 1.0, 2.0, 1.0, 2.0, 1.0, 7.0, 2.0]);
    assert_eq!(
        text(&read(&store(dir.path()), "a")),
        text(&read(&live, "a"))
    );
}

#[test]
fn a_crash_after_compaction_leaves_no_sample_twice() {
    let dir = tempfile::tempdir().unwrap();
    let live = store(dir.path());
    for hour in 0..7 {
        let t = hour * HOUR;
        live.append(
            BatchSeq(hour as u64 + 1),
            &[series("a", &[(t, 1.0)], Vec::new())],
            at(t),
        );
    }
    live.save(at(12 * HOUR)).unwrap();
    let sources = live.blocks.list();
    assert_eq!(sources.len(), 4);
    let kept = tempfile::tempdir().unwrap();
    for block in &sources {
        let saved = kept.path().join(block.name());
        std::fs::create_dir(&saved).unwrap();
        for name in ["index", "chunks", "manifest.json"] {
            std::fs::copy(block.dir.join(name), saved.join(name)).unwrap();
        }
    }
    live.snapshot(at(12 * HOUR)).unwrap();
    assert_eq!(live.blocks.list().len(), 2);
    let expected = text(&read(&live, "a"));
    for block in &sources[..3] {
        std::fs::rename(kept.path().join(block.name()), &block.dir).unwrap();
    }
    let again = store(dir.path());
    assert_eq!(again.blocks.list().len(), 2);
    assert_eq!(text(&read(&again, "a")), expected);
}

#[test]
fn the_oldest_blocks_go_when_they_take_too_much() {
    let dir = tempfile::tempdir().unwrap();
    let open = |max_bytes| {
        let config = Config {
            max_bytes,
            ..Config::default()
        };
        Store::open(dir.path(), config).unwrap()
    };
    let live = open(u64::MAX);
    for hour in [0, 10, 20, 30] {
        let t = hour * HOUR;
        let samples: Vec<_> = (0..100).map(|i| (t + i * 1000, (i * i) as f64)).collect();
        live.append(
            BatchSeq(hour as u64 + 1),
            &[series("a", &samples, Vec::new())],
            at(t),
        );
    }
    live.snapshot(at(40 * HOUR)).unwrap();
    let bytes = live.stats().block_bytes;
    drop(live);
    let live = open(bytes - 1);
    live.snapshot(at(40 * HOUR)).unwrap();
    assert!(live.stats().block_bytes < bytes);
    assert_eq!(
        read(&live, "a").floats.first().map(|s| s.t),
        Some(START + 20 * HOUR)
    );
    assert!(live.make_room(1).unwrap() > 0);
    assert_eq!(
        read(&live, "a").floats.first().map(|s| s.t),
        Some(START + 30 * HOUR)
    );
}

#[test]
fn what_there_is_can_be_listed_by_matchers_and_time() {
    let dir = tempfile::tempdir().unwrap();
    let live = store(dir.path());
    live.append(
        BatchSeq(1),
        &[series("old", &[(0, 1.0)], Vec::new())],
        at(0),
    );
    live.snapshot(at(5 * HOUR)).unwrap();
    live.append(
        BatchSeq(2),
        &[series("new", &[(5 * HOUR, 1.0)], Vec::new())],
        at(5 * HOUR),
    );
    let names = |selector: &str, from: i64, to: i64, until| {
        let selectors = [Selector::parse(selector).unwrap()];
        let wanted = Wanted {
            selectors: &selectors,
            from: START + from,
            to: START + to,
            until,
        };
        live.label_values(LabelSet::NAME, wanted)
            .map(|values| values.into_iter().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(names("{job='api'}", 0, 9 * HOUR, None).unwrap(), "new old");
    assert_eq!(names("{job='api'}", 0, HOUR, None).unwrap(), "old");
    assert_eq!(names("{job='api'}", HOUR, 9 * HOUR, None).unwrap(), "new");
    assert_eq!(
        names("{job!='api',job!=''}", 0, 9 * HOUR, None).unwrap(),
        ""
    );
    let over = Some(tokio::time::Instant::now());
    assert!(names("{job='api'}", 0, 9 * HOUR, over).is_err());
    let all = TimeRange::ALL;
    let everything = Wanted {
        selectors: &[],
        from: all.start.millis(),
        to: all.end.millis(),
        until: None,
    };
    let labels: Vec<_> = live.label_names(everything).unwrap().into_iter().collect();
    assert_eq!(labels, ["__name__", "job"]);
}
