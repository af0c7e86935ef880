use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Why a sample was not taken. A closed set, since it is a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Refusal {
    /// Another value than the series has at this time.
    DuplicateTime,
    /// Further behind its series than the out-of-order window, or behind the retention.
    TooOld,
    /// Further ahead of the clock than clocks differ.
    TooFarAhead,
    /// It would have begun a series above the limit.
    SeriesLimit,
    /// It would have begun a series above the budget of memory.
    MemoryLimit,
    /// It would have begun a series with more labels than one may have.
    TooManyLabels,
    /// It would have begun a series with a longer name of a label than there may be.
    LongLabelName,
    /// It would have begun a series with a longer value of a label than there may be.
    LongLabelValue,
    /// A series that came as deltas and now comes as states, or the other way round.
    Temporality,
    /// An increment that is no finite number: the sum would be none any more, for good.
    NoIncrement,
    /// A series without a metric name.
    NoName,
    /// A series whose labels cannot be read.
    BadLabels,
}

impl Refusal {
    const ALL: [Self; 12] = [
        Self::DuplicateTime,
        Self::TooOld,
        Self::TooFarAhead,
        Self::SeriesLimit,
        Self::MemoryLimit,
        Self::TooManyLabels,
        Self::LongLabelName,
        Self::LongLabelValue,
        Self::Temporality,
        Self::NoIncrement,
        Self::NoName,
        Self::BadLabels,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateTime => "duplicate_time",
            Self::TooOld => "too_old",
            Self::TooFarAhead => "too_far_ahead",
            Self::SeriesLimit => "series_limit",
            Self::MemoryLimit => "memory_limit",
            Self::TooManyLabels => "too_many_labels",
            Self::LongLabelName => "long_label_name",
            Self::LongLabelValue => "long_label_value",
            Self::Temporality => "temporality",
            Self::NoIncrement => "no_increment",
            Self::NoName => "no_name",
            Self::BadLabels => "bad_labels",
        }
    }

    /// In words, for who sent it.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::DuplicateTime => "the series has another value at this time",
            Self::TooOld => {
                "it is further behind its series than the out-of-order window, or older than the retention"
            }
            Self::TooFarAhead => "it is more than 10 minutes ahead of the clock",
            Self::SeriesLimit => "it would begin a series above the limit of series",
            Self::MemoryLimit => "it would begin a series above the budget of memory",
            Self::TooManyLabels => "its series has more labels than one may have",
            Self::LongLabelName => "a label's name is too long",
            Self::LongLabelValue => "a label's value is too long",
            Self::Temporality => {
                "its series came as deltas and now comes as states, or the other way round"
            }
            Self::NoIncrement => "an increment must be a finite number",
            Self::NoName => "the series has no metric name",
            Self::BadLabels => "the labels of the series cannot be read",
        }
    }
}

impl EncodeLabelValue for Refusal {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: Refusal,
}

/// Counts what was refused.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    total: AtomicU64,
    by_reason: Family<ReasonLabels, Counter>,
}

impl Refusals {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "watchfire_tsdb_refused_samples",
            "Samples that were not taken, by reason",
            self.by_reason.clone(),
        );
    }

    pub(crate) fn count(&self, reason: Refusal, samples: u64) {
        self.total.fetch_add(samples, Ordering::Relaxed);
        let labels = ReasonLabels { reason };
        self.by_reason.get_or_create_owned(&labels).inc_by(samples);
    }

    /// Each reason, in words, and how many samples.
    pub(crate) fn list(&self) -> Vec<(&'static str, &'static str, u64)> {
        let count = |reason: Refusal| {
            let counter = self.by_reason.get(&ReasonLabels { reason });
            counter.map_or(0, |counter| counter.get())
        };
        let all = Refusal::ALL.into_iter();
        all.map(|reason| (reason.as_str(), reason.words(), count(reason)))
            .collect()
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }
}
