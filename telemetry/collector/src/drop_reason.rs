use watchfire_tsdb::FaultReason;

/// Why a record, a request or a part of the log is not where it was meant to go. A closed set: it
/// becomes a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DropReason {
    /// Quarantined: breaks its contract.
    Schema,
    /// Quarantined: not JSON, or nested too deeply.
    NotJson,
    /// Quarantined: JSON, but no object.
    NotAnObject,
    /// Quarantined: not text.
    NotUtf8,
    /// Rejected: breaks a contract of which the policy is to reject.
    Contract,
    /// Quarantined: its time is further ahead of our clock than is believed.
    TooFarAhead,
    /// Rejected: a span that ends further ahead of our clock than is believed.
    SpanTooFarAhead,
    /// Rejected: a span without a valid trace id and span id.
    InvalidSpan,
    /// Left out of its span: a link without valid ids.
    InvalidLink,
    /// Rejected: a metric without a name.
    NoMetricName,
    /// Rejected: a point without a value.
    NoPointValue,
    /// Rejected: a sum or histogram that does not say its temporality.
    NoTemporality,
    /// Rejected: a histogram whose counts and bounds do not fit together.
    BadBuckets,
    /// Rejected: a sample of a time at which its series has another value.
    DuplicateTime,
    /// Rejected: a sample too far behind its series, or behind the retention.
    TooOld,
    /// Rejected: a sample further ahead of our clock than is believed.
    SampleTooFarAhead,
    /// Rejected: it would have begun a series above the limit.
    SeriesLimit,
    /// Rejected: it would have begun a series above the budget of memory.
    MemoryLimit,
    /// Rejected: a series that came as increments and now comes as states, or the other way round.
    Temporality,
    /// Rejected: labels that are not sorted, there twice, empty, no text, or too many.
    InvalidLabels,
    /// Rejected: a native histogram whose parts contradict each other.
    InvalidHistogram,
    /// Left out: an exemplar whose labels are too long or no text.
    InvalidExemplar,
    /// Left out: what is said of a metric is no text.
    InvalidMetadata,
    /// Rejected: the store of series does not take it, and says why to the sender.
    Objected,
    /// Refused: the memory budget is in use.
    Overload,
    /// Refused: the disk is full.
    DiskFull,
    /// Refused: the write-ahead log cannot be written.
    Unwritable,
    /// Refused: stopping.
    Stopping,
    /// Refused: the body, decompressed, is larger than may be.
    TooLarge,
    /// Refused: the body is not what its content type says.
    Malformed,
    /// Refused: a content type or encoding that we do not read.
    UnsupportedType,
    /// Refused: the body did not come in time, or broke off.
    Incomplete,
    /// Refused: a client of an error tracker that gives no key.
    NoKey,
    /// Left out: an item of a kind that is not kept (sessions, replays, profiles, attachments).
    UnsupportedItem,
    /// Lost: at its sender, who says so.
    AtSender,
    /// Lost: an exception that nobody took, after its backlog was full.
    ExceptionBacklog,
    /// Lost: a damaged place of the log.
    DamagedLog,
    /// Set aside: a batch of the log that cannot be read.
    UnreadableBatch,
    /// Set aside: a batch over which a store panicked.
    PoisonBatch,
    /// Refused: a fault of ours while it was worked on.
    Fault,
}

impl DropReason {
    /// Of a fault that was seen when a request was read.
    pub(crate) const fn of_fault(reason: FaultReason) -> Self {
        match reason {
            FaultReason::SymbolReference
            | FaultReason::LabelNotUtf8
            | FaultReason::LabelOrder
            | FaultReason::DuplicateLabel
            | FaultReason::EmptyLabel => Self::InvalidLabels,
            FaultReason::NoMetricName => Self::NoMetricName,
            FaultReason::BadHistogram => Self::InvalidHistogram,
            FaultReason::BadExemplar => Self::InvalidExemplar,
            FaultReason::BadMetadata => Self::InvalidMetadata,
        }
    }

    /// Of what the store of series says against samples.
    pub(crate) fn of_objection(reason: &str) -> Self {
        match reason {
            "duplicate_time" => Self::DuplicateTime,
            "too_old" => Self::TooOld,
            "too_far_ahead" => Self::SampleTooFarAhead,
            "series_limit" => Self::SeriesLimit,
            "memory_limit" => Self::MemoryLimit,
            "temporality" => Self::Temporality,
            "too_many_labels" | "long_label_name" | "long_label_value" => Self::InvalidLabels,
            _ => {
                let fault = FaultReason::ALL
                    .iter()
                    .find(|fault| fault.as_str() == reason);
                fault.map_or(Self::Objected, |fault| Self::of_fault(*fault))
            }
        }
    }

    pub(crate) const ALL: [Self; 40] = [
        Self::Schema,
        Self::NotJson,
        Self::NotAnObject,
        Self::NotUtf8,
        Self::Contract,
        Self::TooFarAhead,
        Self::SpanTooFarAhead,
        Self::InvalidSpan,
        Self::InvalidLink,
        Self::NoMetricName,
        Self::NoPointValue,
        Self::NoTemporality,
        Self::BadBuckets,
        Self::DuplicateTime,
        Self::TooOld,
        Self::SampleTooFarAhead,
        Self::SeriesLimit,
        Self::MemoryLimit,
        Self::Temporality,
        Self::InvalidLabels,
        Self::InvalidHistogram,
        Self::InvalidExemplar,
        Self::InvalidMetadata,
        Self::Objected,
        Self::Overload,
        Self::DiskFull,
        Self::Unwritable,
        Self::Stopping,
        Self::TooLarge,
        Self::Malformed,
        Self::UnsupportedType,
        Self::Incomplete,
        Self::NoKey,
        Self::UnsupportedItem,
        Self::AtSender,
        Self::ExceptionBacklog,
        Self::DamagedLog,
        Self::UnreadableBatch,
        Self::PoisonBatch,
        Self::Fault,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::NotJson => "not_json",
            Self::NotAnObject => "not_an_object",
            Self::NotUtf8 => "not_utf8",
            Self::Contract => "contract",
            Self::TooFarAhead => "too_far_ahead",
            Self::SpanTooFarAhead => "span_too_far_ahead",
            Self::InvalidSpan => "invalid_span",
            Self::InvalidLink => "invalid_link",
            Self::NoMetricName => "no_metric_name",
            Self::NoPointValue => "no_point_value",
            Self::NoTemporality => "no_temporality",
            Self::BadBuckets => "bad_buckets",
            Self::DuplicateTime => "duplicate_time",
            Self::TooOld => "too_old",
            Self::SampleTooFarAhead => "sample_too_far_ahead",
            Self::SeriesLimit => "series_limit",
            Self::MemoryLimit => "memory_limit",
            Self::Temporality => "temporality",
            Self::InvalidLabels => "invalid_labels",
            Self::InvalidHistogram => "invalid_histogram",
            Self::InvalidExemplar => "invalid_exemplar",
            Self::InvalidMetadata => "invalid_metadata",
            Self::Objected => "objected",
            Self::Overload => "overload",
            Self::DiskFull => "disk_full",
            Self::Unwritable => "unwritable",
            Self::Stopping => "stopping",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::UnsupportedType => "unsupported_type",
            Self::Incomplete => "incomplete",
            Self::NoKey => "no_key",
            Self::UnsupportedItem => "unsupported_item",
            Self::AtSender => "at_sender",
            Self::ExceptionBacklog => "exception_backlog",
            Self::DamagedLog => "damaged_log",
            Self::UnreadableBatch => "unreadable_batch",
            Self::PoisonBatch => "poison_batch",
            Self::Fault => "fault",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let names: BTreeSet<_> = DropReason::ALL
            .into_iter()
            .map(DropReason::as_str)
            .collect();
        assert_eq!(names.len(), DropReason::ALL.len());
    }
}
