mod same_as_prost;

use prost::Message;
use watchfire_schemas::{LabelSet, MetricKind, Sample};

use super::message::{
    ExemplarV2, HistogramMessage, Label, MetadataV1, MetadataV2, RequestV1, RequestV2,
    SampleMessage, SeriesV1, SeriesV2, SpanMessage,
};
use super::*;

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    pairs.iter().map(label).collect()
}

fn sample(timestamp: i64, value: f64) -> SampleMessage {
    SampleMessage { value, timestamp }
}

fn v1(timeseries: Vec<SeriesV1>) -> WriteBatch {
    let request = RequestV1 {
        timeseries,
        ..RequestV1::default()
    };
    WriteBatch::decode(request.encode_to_vec(), WriteVersion::V1).unwrap()
}

fn v2(symbols: &[&str], timeseries: Vec<SeriesV2>) -> Result<WriteBatch, WriteError> {
    let request = RequestV2 {
        symbols: symbols.iter().map(|&text| text.to_owned()).collect(),
        timeseries,
    };
    WriteBatch::decode(request.encode_to_vec(), WriteVersion::V2)
}

fn of_labels(pairs: &[(&str, &str)]) -> Result<LabelSet, FaultReason> {
    let batch = v1(vec![SeriesV1 {
        labels: labels(pairs),
        samples: vec![sample(1, 1.0)],
        ..SeriesV1::default()
    }]);
    batch.labels(&batch.series()[0])
}

#[test]
fn labels_are_held_to_the_rules() {
    let check = |pairs: &[(&str, &str)], expected: Result<(), FaultReason>| {
        assert_eq!(of_labels(pairs).map(drop), expected, "{pairs:?}");
    };
    check(&[("__name__", "up"), ("job", "a")], Ok(()));
    check(&[("__name__", "größe.℃"), ("http.route", "/")], Ok(()));
    check(&[("job", "a")], Err(FaultReason::NoMetricName));
    check(&[], Err(FaultReason::NoMetricName));
    check(
        &[("__name__", "up"), ("b", "1"), ("a", "2")],
        Err(FaultReason::LabelOrder),
    );
    check(
        &[("__name__", "up"), ("a", "1"), ("a", "1")],
        Err(FaultReason::DuplicateLabel),
    );
    check(
        &[("__name__", "up"), ("a", "")],
        Err(FaultReason::EmptyLabel),
    );
    check(
        &[("", "x"), ("__name__", "up")],
        Err(FaultReason::EmptyLabel),
    );
}

#[test]
fn the_same_labels_have_the_same_key_and_others_another() {
    let series = |pod: &str| SeriesV1 {
        labels: labels(&[("__name__", "up"), ("pod", pod)]),
        samples: vec![sample(1, 1.0)],
        ..SeriesV1::default()
    };
    let key = |series: SeriesV1| v1(vec![SeriesV1::default(), series]).series()[0].key;
    assert_eq!(key(series("a")), key(series("a")));
    assert_ne!(key(series("a")), key(series("b")));
    // A name that ends where a value begins.
    let of = |pairs| {
        let labels = labels(pairs);
        let samples = vec![sample(1, 1.0)];
        key(SeriesV1 {
            labels,
            samples,
            ..SeriesV1::default()
        })
    };
    assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));

    let with_symbols = |symbols: &[&str], labels_refs: Vec<u32>| {
        let samples = vec![sample(1, 1.0)];
        let series = SeriesV2 {
            labels_refs,
            samples,
            ..SeriesV2::default()
        };
        v2(symbols, vec![series]).unwrap().series()[0].key
    };
    let one = with_symbols(&["", "__name__", "up"], vec![1, 2]);
    let moved = with_symbols(&["", "x", "up", "__name__"], vec![3, 2]);
    assert_eq!(one, moved);
    assert_ne!(one, with_symbols(&["", "__name__", "up"], vec![2, 1]));
}

#[test]
fn symbols_stand_for_texts_and_metadata_is_told_once() {
    let symbols = [
        "",
        "__name__",
        "rt_bucket",
        "le",
        "1",
        "+Inf",
        "Time.",
        "s",
        "trace_id",
    ];
    let series = |le| SeriesV2 {
        labels_refs: vec![1, 2, 3, le],
        samples: vec![sample(9_000, 3.0), sample(5_000, 2.0)],
        exemplars: vec![ExemplarV2 {
            labels_refs: vec![8, 4],
            value: 0.5,
            timestamp: 8_000,
        }],
        metadata: Some(MetadataV2 {
            kind: 3,
            help_ref: 6,
            unit_ref: 7,
        }),
        created_timestamp: 4_000,
        ..SeriesV2::default()
    };
    let batch = v2(&symbols, vec![series(4), series(5)]).unwrap();
    let [first, second] = batch.series() else {
        panic!("two series: {batch:?}");
    };
    let expected = LabelSet::metric("rt_bucket", [("le", "1")]);
    assert_eq!(batch.labels(first), Ok(expected));
    assert_eq!(batch.label(second, "le"), Some("+Inf"));
    assert_eq!(batch.label(second, "job"), None);
    assert_eq!((first.kind, first.created), (MetricKind::Histogram, 4_000));
    let in_order = [Sample { t: 5_000, v: 2.0 }, Sample { t: 9_000, v: 3.0 }];
    assert_eq!(batch.samples(first), in_order);
    let exemplar = &batch.exemplars(second)[0];
    // "1" is no trace id, so it stays a label.
    assert_eq!(exemplar.labels.get("trace_id"), Some("1"));
    let [metadata] = batch.metadata() else {
        panic!("told once: {:?}", batch.metadata());
    };
    assert_eq!((&*metadata.family, &*metadata.unit), ("rt", "s"));
}

#[test]
fn references_and_the_first_symbol_are_checked() {
    assert_eq!(v2(&["x"], Vec::new()), Err(WriteError::FirstSymbol));
    for labels_refs in [vec![1, 7], vec![1, 2, 3]] {
        let series = SeriesV2 {
            labels_refs,
            samples: vec![sample(1, 1.0)],
            ..SeriesV2::default()
        };
        let batch = v2(&["", "__name__", "up"], vec![series]).unwrap();
        let read = batch.labels(&batch.series()[0]);
        assert_eq!(read, Err(FaultReason::SymbolReference));
    }
}

#[test]
fn a_histogram_that_contradicts_itself_is_left_out() {
    let good = HistogramMessage {
        count_int: Some(6),
        sum: 10.0,
        zero_count_int: Some(1),
        positive_spans: vec![SpanMessage {
            offset: 2,
            length: 2,
        }],
        positive_deltas: vec![2, 1],
        timestamp: 7,
        ..HistogramMessage::default()
    };
    let read = |histogram: HistogramMessage| {
        let batch = v1(vec![SeriesV1 {
            labels: labels(&[("__name__", "rt")]),
            histograms: vec![histogram],
            ..SeriesV1::default()
        }]);
        let faults = batch.faults().iter().map(|fault| fault.reason).collect();
        (batch.histograms.first().cloned(), faults)
    };
    let bad = (None, vec![FaultReason::BadHistogram]);
    let (kept, faults) = read(good.clone());
    assert_eq!(faults, [] as [FaultReason; 0]);
    let kept = kept.unwrap();
    assert_eq!((kept.t, kept.h.count), (7, 6.0));
    let buckets: Vec<_> = kept.h.positive.iter().collect();
    assert_eq!(buckets, [(2, 2.0), (3, 3.0)]);
    let changes: [fn(&mut HistogramMessage); 6] = [
        |h| h.count_int = Some(7),
        |h| h.positive_spans[0].length = 3,
        |h| h.positive_deltas[1] = -5,
        |h| h.schema = 9,
        |h| h.custom_values = vec![1.0],
        |h| h.positive_counts = vec![1.0],
    ];
    for change in changes {
        let mut histogram = good.clone();
        change(&mut histogram);
        assert_eq!(read(histogram.clone()), bad, "{histogram:?}");
    }
}

#[test]
fn metadata_of_1_0_is_read() {
    let request = RequestV1 {
        metadata: vec![MetadataV1 {
            kind: 1,
            family: "requests_total".to_owned(),
            help: "All.".to_owned(),
            unit: String::new(),
        }],
        ..RequestV1::default()
    };
    let batch = WriteBatch::decode(request.encode_to_vec(), WriteVersion::V1).unwrap();
    assert_eq!(batch.metadata()[0].kind, MetricKind::Counter);
    assert!(batch.series().is_empty() && !batch.is_empty());
}

#[test]
fn what_is_objected_to_is_taken_out() {
    let series = |name: &str| SeriesV1 {
        labels: labels(&[("__name__", name)]),
        samples: vec![sample(1, 1.0), sample(2, 2.0)],
        ..SeriesV1::default()
    };
    let batch = v1(vec![series("a"), series("b"), series("c")]);
    let objection = |series, place| Objection {
        series,
        place,
        reason: "too_old",
        words: String::new(),
    };
    let kept = batch.without(&[objection(0, Place::All), objection(2, Place::Sample(0))]);
    let names: Vec<_> = kept
        .series()
        .iter()
        .map(|one| {
            (
                kept.label(one, "__name__").unwrap(),
                kept.samples(one).len(),
            )
        })
        .collect();
    assert_eq!(names, [("b", 2), ("c", 1)]);
    assert_eq!(kept.sample_count(), 3);
}

#[test]
fn a_request_that_would_take_a_hundred_times_its_bytes_is_refused() {
    let empty = SeriesV1 {
        histograms: vec![HistogramMessage::default(); 100_000],
        ..SeriesV1::default()
    };
    let request = RequestV1 {
        timeseries: vec![empty],
        ..RequestV1::default()
    };
    let read = WriteBatch::decode(request.encode_to_vec(), WriteVersion::V1);
    assert!(matches!(read, Err(WriteError::TooHeavy { .. })), "{read:?}");
}
