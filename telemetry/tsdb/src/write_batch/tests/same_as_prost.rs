//! Whatever bytes come, prost and the walker read the same, or neither reads anything.

use proptest::prelude::*;
use prost::Message;
use watchfire_schemas::{LabelSet, Sample};

use super::super::message::{
    ExemplarV1, ExemplarV2, HistogramMessage, Label, MetadataV1, MetadataV2, RequestV1, RequestV2,
    SampleMessage, SeriesV1, SeriesV2, SpanMessage,
};
use super::super::*;

fn label() -> impl Strategy<Value = Label> {
    ("[a-c_é]{0,3}", "[x-z]{0,200}").prop_map(|(name, value)| Label { name, value })
}

fn sample() -> impl Strategy<Value = SampleMessage> {
    (any::<f64>(), any::<i64>()).prop_map(|(value, timestamp)| SampleMessage { value, timestamp })
}

fn histogram() -> impl Strategy<Value = HistogramMessage> {
    let span = (-3..3_i32, 0..3_u32).prop_map(|(offset, length)| SpanMessage { offset, length });
    let spans = prop::collection::vec(span, 0..2);
    let deltas = prop::collection::vec(-1..4_i64, 0..4);
    (
        0..9_u64,
        -5..9_i32,
        spans,
        deltas,
        any::<i64>(),
        any::<bool>(),
    )
        .prop_map(
            |(count, schema, positive_spans, positive_deltas, timestamp, whole)| HistogramMessage {
                count_int: whole.then_some(count),
                count_float: (!whole).then_some(count as f64),
                schema,
                positive_spans,
                positive_counts: positive_deltas
                    .iter()
                    .filter(|_| !whole)
                    .map(|n| *n as f64)
                    .collect(),
                positive_deltas: if whole { positive_deltas } else { Vec::new() },
                timestamp,
                ..HistogramMessage::default()
            },
        )
}

fn request_v1() -> impl Strategy<Value = RequestV1> {
    let exemplar = (
        prop::collection::vec(label(), 0..3),
        any::<f64>(),
        any::<i64>(),
    );
    let exemplar = exemplar.prop_map(|(labels, value, timestamp)| ExemplarV1 {
        labels,
        value,
        timestamp,
    });
    let series = (
        prop::collection::vec(label(), 0..4),
        prop::collection::vec(sample(), 0..3),
        prop::collection::vec(exemplar, 0..2),
        prop::collection::vec(histogram(), 0..2),
    );
    let series = series.prop_map(|(labels, samples, exemplars, histograms)| SeriesV1 {
        labels,
        samples,
        exemplars,
        histograms,
    });
    let metadata = (0..9_i32, "[a-b]{0,3}", "[a-b]{0,3}", "[a-b]{0,3}");
    let metadata = metadata.prop_map(|(kind, family, help, unit)| MetadataV1 {
        kind,
        family,
        help,
        unit,
    });
    (
        prop::collection::vec(series, 0..4),
        prop::collection::vec(metadata, 0..2),
    )
        .prop_map(|(timeseries, metadata)| RequestV1 {
            timeseries,
            metadata,
        })
}

fn request_v2() -> impl Strategy<Value = RequestV2> {
    let refs = || prop::collection::vec(0..6_u32, 0..6);
    let exemplar = (refs(), any::<f64>(), any::<i64>());
    let exemplar = exemplar.prop_map(|(labels_refs, value, timestamp)| ExemplarV2 {
        labels_refs,
        value,
        timestamp,
    });
    let metadata = (0..9_i32, 0..6_u32, 0..6_u32);
    let metadata = metadata.prop_map(|(kind, help_ref, unit_ref)| MetadataV2 {
        kind,
        help_ref,
        unit_ref,
    });
    let series = (
        refs(),
        prop::collection::vec(sample(), 0..3),
        prop::collection::vec(histogram(), 0..2),
        prop::collection::vec(exemplar, 0..2),
        prop::option::of(metadata),
        any::<i64>(),
    );
    let series = series.prop_map(
        |(labels_refs, samples, histograms, exemplars, metadata, created_timestamp)| SeriesV2 {
            labels_refs,
            samples,
            histograms,
            exemplars,
            metadata,
            created_timestamp,
        },
    );
    let symbols = prop::collection::vec("(__name__|[a-c]{1,2})", 0..5);
    (symbols, prop::collection::vec(series, 0..4)).prop_map(|(mut symbols, timeseries)| {
        symbols.insert(0, String::new());
        RequestV2 {
            symbols,
            timeseries,
        }
    })
}

/// What both are compared by: labels as written, samples, times of histograms.
type Seen = Vec<SeenSeries>;
type SeenSeries = (Vec<(String, String)>, Vec<(i64, u64)>, usize);

fn seen(batch: &WriteBatch) -> Seen {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let of_series = |series: &WrittenSeries| {
        let pairs = labels::pairs(batch, series).map(|pair| pair.unwrap());
        let pairs = pairs.map(|(name, value)| (text(name), text(value)));
        let samples = batch.samples(series).iter().map(|s| (s.t, s.v.to_bits()));
        let histograms = batch.histograms(series).len();
        (pairs.collect(), samples.collect(), histograms)
    };
    batch.series().iter().map(of_series).collect()
}

fn expected(
    pairs: Vec<(String, String)>,
    samples: &[SampleMessage],
    histograms: &[HistogramMessage],
) -> Option<SeenSeries> {
    let mut samples: Vec<_> = samples
        .iter()
        .map(|s| (s.timestamp, s.value.to_bits()))
        .collect();
    samples.sort_by_key(|(t, _)| *t);
    let is_good = |message: &&HistogramMessage| {
        let wire = message.encode_to_vec();
        histogram::read(wire::Wire::new(&wire)).unwrap().is_some()
    };
    let histograms = histograms.iter().filter(is_good).count();
    (samples.len() + histograms > 0).then_some((pairs, samples, histograms))
}

fn expected_v1(request: &RequestV1) -> Seen {
    let of_series = |series: &SeriesV1| {
        let pairs = series.labels.iter();
        let pairs = pairs.map(|label| (label.name.clone(), label.value.clone()));
        expected(pairs.collect(), &series.samples, &series.histograms)
    };
    request.timeseries.iter().filter_map(of_series).collect()
}

/// `None` if a reference is of no symbol: its labels are refused, so there is nothing to compare.
fn expected_v2(request: &RequestV2) -> Option<Seen> {
    let mut all = Vec::new();
    for series in &request.timeseries {
        let mut pairs = Vec::new();
        for pair in series.labels_refs.chunks(2) {
            let text = |at: u32| request.symbols.get(at as usize).cloned();
            pairs.push((text(pair[0])?, text(*pair.get(1)?)?));
        }
        all.extend(expected(pairs, &series.samples, &series.histograms));
    }
    Some(all)
}

/// Changes a byte of a message, or cuts it.
fn hurt(bytes: &mut Vec<u8>, (at, by, cut): (usize, u8, bool)) {
    if bytes.is_empty() {
        return;
    }
    let at = at % bytes.len();
    if cut {
        bytes.truncate(at);
    } else {
        bytes[at] ^= by;
    }
}

fn injury() -> impl Strategy<Value = Option<(usize, u8, bool)>> {
    prop::option::of((any::<usize>(), any::<u8>(), any::<bool>()))
}

proptest! {
    #[test]
    fn of_1_0(request in request_v1(), injury in injury()) {
        let mut bytes = request.encode_to_vec();
        if let Some(injury) = injury {
            hurt(&mut bytes, injury);
        }
        let read = WriteBatch::decode(bytes.clone(), WriteVersion::V1);
        if let Ok(request) = RequestV1::decode(&*bytes) {
            let batch = read.unwrap();
            prop_assert_eq!(seen(&batch), expected_v1(&request));
            for series in batch.series() {
                drop(batch.labels(series));
            }
        } else if let Ok(batch) = read {
            // Read, but a text in it is none, or a number of a label is: then its labels are.
            for series in batch.series() {
                drop(batch.labels(series));
            }
        }
    }

    #[test]
    fn of_2_0(request in request_v2(), injury in injury()) {
        let mut bytes = request.encode_to_vec();
        if let Some(injury) = injury {
            hurt(&mut bytes, injury);
        }
        let read = WriteBatch::decode(bytes.clone(), WriteVersion::V2);
        let Ok(request) = RequestV2::decode(&*bytes) else {
            return Ok(());
        };
        let none = request.symbols.is_empty() && !request.timeseries.is_empty();
        if none || request.symbols.first().is_some_and(|first| !first.is_empty()) {
            prop_assert_eq!(read, Err(WriteError::FirstSymbol));
            return Ok(());
        }
        let batch = read.unwrap();
        for series in batch.series() {
            drop(batch.labels(series));
        }
        if let Some(expected) = expected_v2(&request) {
            prop_assert_eq!(seen(&batch), expected);
        }
    }

    #[test]
    fn of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for version in [WriteVersion::V1, WriteVersion::V2] {
            if let Ok(batch) = WriteBatch::decode(bytes.clone(), version) {
                for series in batch.series() {
                    drop(batch.labels(series));
                }
            }
        }
    }
}

#[test]
fn labels_that_are_not_side_by_side_are_put_together() {
    let label = |name: &str| Label {
        name: name.to_owned(),
        value: "v".to_owned(),
    };
    let part = |label: Option<Label>, at: i64| SeriesV1 {
        labels: label.into_iter().collect(),
        samples: vec![SampleMessage {
            value: 1.0,
            timestamp: at,
        }],
        ..SeriesV1::default()
    };
    // A series in pieces: fields of a message may come in any order.
    let mut body = Vec::new();
    for (name, at) in [("__name__", 1), ("job", 2), ("pod", 3)] {
        part(Some(label(name)), at).encode_raw(&mut body);
    }
    let mut request = vec![1 << 3 | 2, body.len() as u8];
    request.extend_from_slice(&body);
    let batch = WriteBatch::decode(request, WriteVersion::V1).unwrap();
    let [series] = batch.series() else {
        panic!("one series: {batch:?}");
    };
    let expected = LabelSet::metric("v", [("job", "v"), ("pod", "v")]);
    assert_eq!(batch.labels(series), Ok(expected));
    assert_eq!(batch.samples(series)[2], Sample { t: 3, v: 1.0 });
}
