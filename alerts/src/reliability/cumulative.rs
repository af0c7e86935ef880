//! Response times as cumulative histograms, for PromQL: classic buckets and native ones.

use std::collections::BTreeMap;

use watchfire_schemas::{
    BucketSpan, CounterReset, HistogramBuckets, HistogramSample, LabelSet, MetricKind,
    NativeHistogram, Sample, SeriesSamples, Temporality, Timestamp,
};

use crate::response_times::Measure;

/// Upper bounds in seconds: from an evaluation to a day, each what somebody might promise.
pub(crate) const BUCKETS: [f64; 14] = [
    5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
    86_400.0,
];
/// Four buckets to a doubling.
const SCHEMA: i8 = 2;
/// How long before its first value a series is zero, so that the first is an increase too.
const ZERO_BEFORE_MILLIS: i64 = 15_000;

/// Whose response times are counted together: the first service of an incident, and its severity. An
/// incident counts once, so that sums over services hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Owner {
    pub service: String,
    pub severity: String,
}

/// The response times of an incident as they were when it resolved, in the order of
/// [`Measure::ALL`]; none for what was not over then.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub owner: Owner,
    pub resolved_at: Timestamp,
    pub seconds: [Option<f64>; 5],
}

/// The sums of all that was recorded.
#[derive(Debug, Default)]
pub(crate) struct Totals(BTreeMap<(Owner, Measure), Total>);

#[derive(Debug, Clone, Default)]
struct Total {
    classic: [u64; BUCKETS.len()],
    native: BTreeMap<i32, u64>,
    zero: u64,
    count: u64,
    sum: f64,
}

pub(crate) fn metric(measure: Measure) -> &'static str {
    match measure {
        Measure::Detect => "watchfire_incident_ttd_seconds",
        Measure::Notify => "watchfire_incident_ttn_seconds",
        Measure::Acknowledge => "watchfire_incident_tta_seconds",
        Measure::Recover => "watchfire_incident_ttr_seconds",
        Measure::Resolve => "watchfire_incident_time_to_resolve_seconds",
    }
}

pub(crate) fn last_metric(measure: Measure) -> &'static str {
    match measure {
        Measure::Detect => "watchfire_incident_last_ttd_seconds",
        Measure::Notify => "watchfire_incident_last_ttn_seconds",
        Measure::Acknowledge => "watchfire_incident_last_tta_seconds",
        Measure::Recover => "watchfire_incident_last_ttr_seconds",
        Measure::Resolve => "watchfire_incident_last_time_to_resolve_seconds",
    }
}

impl Totals {
    /// Adds what was recorded, and tells it as samples at the time when the incident resolved.
    pub(crate) fn add(&mut self, recorded: &Recorded) -> Vec<SeriesSamples> {
        let at = recorded.resolved_at.millis();
        let mut told = Vec::new();
        for (measure, seconds) in Measure::ALL.into_iter().zip(recorded.seconds) {
            let Some(seconds) = seconds else { continue };
            let key = (recorded.owner.clone(), measure);
            let before = self.0.get(&key).cloned();
            let total = self.0.entry(key).or_default();
            total.observe(seconds);
            let labels = |metric: &str| {
                let owner = &recorded.owner;
                LabelSet::metric(
                    metric,
                    [("service", &*owner.service), ("severity", &owner.severity)],
                )
            };
            told.extend(total.series(metric(measure), &labels, at, before.is_none()));
            told.push(one(
                labels(last_metric(measure)),
                MetricKind::Gauge,
                vec![Sample { t: at, v: seconds }],
            ));
        }
        told
    }
}

impl Total {
    fn observe(&mut self, seconds: f64) {
        for (bound, count) in BUCKETS.iter().zip(&mut self.classic) {
            *count += u64::from(seconds <= *bound);
        }
        if seconds > 0.0 {
            // Bucket i holds what lies in (base^(i−1), base^i], base being the fourth root of two.
            let index = (seconds.log2() * f64::from(1_i32 << SCHEMA)).ceil() as i32;
            *self.native.entry(index).or_default() += 1;
        } else {
            self.zero += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    fn series(
        &self,
        metric: &str,
        labels: &dyn Fn(&str) -> LabelSet,
        at: i64,
        is_first: bool,
    ) -> Vec<SeriesSamples> {
        let zero = is_first.then_some(at - ZERO_BEFORE_MILLIS);
        let counter = |labels: LabelSet, value: f64| {
            let zero = zero.map(|t| Sample { t, v: 0.0 });
            let samples = zero.into_iter().chain([Sample { t: at, v: value }]);
            one(labels, MetricKind::Histogram, samples.collect())
        };
        let bucket = |bound: &str, count: u64| {
            counter(
                labels(&format!("{metric}_bucket")).with("le", bound),
                count as f64,
            )
        };
        let mut told: Vec<SeriesSamples> = BUCKETS
            .iter()
            .zip(self.classic)
            .map(|(bound, count)| bucket(&format!("{bound:?}"), count))
            .collect();
        told.push(bucket("+Inf", self.count));
        told.push(counter(
            labels(&format!("{metric}_count")),
            self.count as f64,
        ));
        told.push(counter(labels(&format!("{metric}_sum")), self.sum));
        let zero = zero.map(|t| HistogramSample {
            t,
            h: Self::default().native(),
        });
        let own = HistogramSample {
            t: at,
            h: self.native(),
        };
        told.push(SeriesSamples {
            histograms: zero.into_iter().chain([own]).collect(),
            ..one(labels(metric), MetricKind::Histogram, Vec::new())
        });
        told
    }

    fn native(&self) -> NativeHistogram {
        let mut positive = HistogramBuckets::default();
        let mut end = 0;
        for (index, count) in &self.native {
            match positive.spans.last_mut() {
                Some(span) if *index == end => span.length += 1,
                _ => positive.spans.push(BucketSpan {
                    offset: index - end,
                    length: 1,
                }),
            }
            end = index + 1;
            positive.counts.push(*count as f64);
        }
        NativeHistogram {
            schema: SCHEMA,
            reset: CounterReset::Unknown,
            zero_threshold: f64::MIN_POSITIVE,
            zero_count: self.zero as f64,
            count: self.count as f64,
            sum: self.sum,
            positive,
            ..NativeHistogram::default()
        }
    }
}

fn one(labels: LabelSet, kind: MetricKind, samples: Vec<Sample>) -> SeriesSamples {
    SeriesSamples {
        labels,
        kind,
        temporality: Temporality::Cumulative,
        samples,
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(at: i64, ttd: f64) -> Recorded {
        Recorded {
            owner: Owner {
                service: "content".to_owned(),
                severity: "error".to_owned(),
            },
            resolved_at: Timestamp::from_secs(at),
            seconds: [Some(ttd), None, None, None, None],
        }
    }

    fn values(told: &[SeriesSamples], name: &str) -> Vec<(i64, f64)> {
        let found = told
            .iter()
            .find(|one| one.labels.to_string().starts_with(name));
        let found = found.unwrap_or_else(|| panic!("no {name}"));
        found
            .samples
            .iter()
            .map(|sample| (sample.t, sample.v))
            .collect()
    }

    #[test]
    fn a_resolved_incident_is_one_observation_more() {
        let mut totals = Totals::default();
        let told = totals.add(&recorded(1_000, 12.0));
        // 15 buckets, count, sum, native and the last value.
        assert_eq!(told.len(), 19);
        let count = "watchfire_incident_ttd_seconds_count{";
        assert_eq!(values(&told, count), [(985_000, 0.0), (1_000_000, 1.0)]);
        assert_eq!(
            values(&told, "watchfire_incident_last_ttd_seconds{"),
            [(1_000_000, 12.0)]
        );
        let told = totals.add(&recorded(2_000, 0.0));
        assert_eq!(values(&told, count), [(2_000_000, 2.0)]);
        assert_eq!(
            values(&told, "watchfire_incident_ttd_seconds_sum{"),
            [(2_000_000, 12.0)]
        );
        let bucket = |bound: &str| format!("watchfire_incident_ttd_seconds_bucket{{le=\"{bound}\"");
        assert_eq!(values(&told, &bucket("10.0")), [(2_000_000, 1.0)]);
        assert_eq!(values(&told, &bucket("15.0")), [(2_000_000, 2.0)]);
        assert_eq!(values(&told, &bucket("+Inf")), [(2_000_000, 2.0)]);
    }

    #[test]
    fn native_buckets_hold_their_values() {
        let mut totals = Totals::default();
        let mut told = Vec::new();
        for (at, seconds) in [1.0, 1.1, 64.0, 0.0, 65.0].into_iter().enumerate() {
            told = totals.add(&recorded(at as i64, seconds));
        }
        let native = told.iter().find(|one| !one.histograms.is_empty()).unwrap();
        let histogram = &native.histograms[0].h;
        histogram.check().unwrap();
        assert_eq!((histogram.count, histogram.zero_count), (5.0, 1.0));
        // 1 is the bound of bucket 0 and 64 of bucket 24; 1.1 and 65 lie in those after.
        let spans: Vec<(i32, u32)> = histogram
            .positive
            .spans
            .iter()
            .map(|s| (s.offset, s.length))
            .collect();
        assert_eq!(spans, [(0, 2), (22, 2)]);
        assert_eq!(histogram.positive.counts, [1.0; 4]);
    }
}
