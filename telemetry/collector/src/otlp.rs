//! OTLP's messages, read from protobuf or JSON and mapped to the domain's types.

mod attributes;
mod buckets;
pub(crate) mod json;
mod logs;
mod metric_name;
mod metrics;
mod records;
mod sent;
mod spans;
mod starts;
pub(crate) mod weight;

use watchfire_schemas::Timestamp;

use crate::drop_reason::DropReason;

pub use metric_name::MetricNames;
pub(crate) use metric_name::label_name;
pub(crate) use metrics::{point_count, series};
pub(crate) use records::{Arrived, records};
pub(crate) use sent::{judged, sent};
pub(crate) use spans::spans;
pub(crate) use starts::Starts;

/// What could not be taken of a request, by reason, and the first case in words.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Rejections {
    pub(crate) counts: Vec<(DropReason, u64)>,
    pub(crate) first: Option<String>,
}

impl Rejections {
    pub(crate) fn add(&mut self, reason: DropReason, count: u64, words: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        self.first.get_or_insert_with(words);
        match self.counts.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, sum)) => *sum += count,
            None => self.counts.push((reason, count)),
        }
    }

    /// Records that were left out; a link is only a part of one.
    pub(crate) fn records(&self) -> u64 {
        let whole = self
            .counts
            .iter()
            .filter(|(reason, _)| *reason != DropReason::InvalidLink);
        whole.map(|(_, count)| count).sum()
    }
}

/// The service of a resource that does not say one, as the SDKs name it.
pub(crate) const UNKNOWN_SERVICE: &str = "unknown_service";

/// The first time that is not zero.
fn time_of(candidates: &[u64], received_at: Timestamp) -> Timestamp {
    let known = candidates.iter().find(|nanos| **nanos != 0);
    known.map_or(received_at, |nanos| {
        Timestamp::from_nanos(i64::try_from(*nanos).unwrap_or(i64::MAX))
    })
}
