use watchfire_logsearch::LogCounter;
use watchfire_schemas::{LogRecord, Timestamp};

use super::bounded::BoundedLabels;
use super::deltas::Deltas;
use super::sample_time;
use crate::CounterRule;

/// A label of such a series takes at most so many values.
const MOST_VALUES: usize = 1_000;

/// The counters that somebody asked for, each a log query.
#[derive(Debug)]
pub(super) struct SavedCounters {
    rules: Vec<CounterRule>,
    queries: Vec<LogCounter>,
    values: BoundedLabels,
}

impl SavedCounters {
    pub(super) fn new(rules: Vec<CounterRule>) -> Self {
        Self {
            queries: rules.iter().map(|rule| rule.counter.clone()).collect(),
            rules,
            values: BoundedLabels::new(MOST_VALUES),
        }
    }

    pub(super) fn count(
        &mut self,
        records: &[LogRecord],
        received_at: Timestamp,
        deltas: &mut Deltas,
    ) {
        let (rules, bounded) = (&self.rules, &mut self.values);
        LogCounter::count(&self.queries, records, &mut |index, record, values| {
            let rule = &rules[index];
            let mut labels = Vec::with_capacity(values.len());
            for (label, value) in rule.labels.iter().zip(&values) {
                let owner = format!("{}/{label}", rule.name);
                labels.push((label.as_str(), bounded.admit(&owner, value)));
            }
            let at = sample_time(record.timestamp, received_at);
            deltas.add(&rule.name, &labels, at, 1.0);
        });
    }

    pub(super) fn take_limited(&mut self) -> u64 {
        self.values.take_limited()
    }
}
