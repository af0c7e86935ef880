//! Alerts as routing holds them.

use std::cmp::Ordering;

use watchfire_schemas::{LabelSet, Timestamp};

use super::matcher::compared;

/// Who tells of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A rule of ours.
    Rules,
    /// Somebody else, over HTTP.
    Received,
}

impl Origin {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Received => "received",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoutedAlert {
    pub origin: Origin,
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub starts_at: Timestamp,
    /// None: it fires until it is told otherwise.
    pub ends_at: Option<Timestamp>,
    /// Whether nobody said when it ends.
    pub times_out: bool,
    pub updated_at: Timestamp,
    pub generator_url: String,
}

impl RoutedAlert {
    pub(crate) fn fingerprint(&self) -> u64 {
        self.labels.fingerprint()
    }

    pub(crate) fn is_resolved(&self, now: Timestamp) -> bool {
        self.ends_at.is_some_and(|end| end <= now)
    }

    fn end(&self) -> Timestamp {
        self.ends_at.unwrap_or(Timestamp::MAX)
    }

    /// What is known of the alert after it was told anew. Two that overlap are one.
    pub(crate) fn told_anew(self, known: &Self, now: Timestamp) -> Self {
        let within = |at: Timestamp| known.starts_at < at && at < known.end();
        let by_rule = self.origin == Origin::Rules;
        if by_rule || !(within(self.end()) || within(self.starts_at)) {
            return self;
        }
        let mut merged = self;
        merged.starts_at = merged.starts_at.min(known.starts_at);
        merged.origin = known.origin;
        if merged.is_resolved(now) {
            // Of two ends that have come, the later one.
            if known.is_resolved(now) {
                merged.ends_at = merged.ends_at.max(known.ends_at);
            }
        } else if known.end() > merged.end() && !known.times_out {
            // An end that somebody told counts for more than one that nobody did.
            merged.ends_at = known.ends_at;
        }
        merged
    }
}

/// The order in which a notification lists alerts: by job, instance, and then by all labels.
pub(crate) fn listed(a: &LabelSet, b: &LabelSet) -> Ordering {
    for name in ["job", "instance"] {
        let order = match (a.get(name), b.get(name)) {
            (None, None) => continue,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    compared(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(starts: i64, ends: Option<i64>, times_out: bool) -> RoutedAlert {
        RoutedAlert {
            origin: Origin::Received,
            labels: LabelSet::new([("a", "b")]),
            annotations: LabelSet::default(),
            starts_at: Timestamp::from_secs(starts),
            ends_at: ends.map(Timestamp::from_secs),
            times_out,
            updated_at: Timestamp::from_secs(starts),
            generator_url: String::new(),
        }
    }

    /// Each alert as (start, end, whether it times out); now is 100.
    fn check(known: (i64, i64, bool), told: (i64, i64, bool), expected: (i64, i64)) {
        let known = alert(known.0, Some(known.1), known.2);
        let told = alert(told.0, Some(told.1), told.2);
        let merged = told.clone().told_anew(&known, Timestamp::from_secs(100));
        let expected = (
            Timestamp::from_secs(expected.0),
            Some(Timestamp::from_secs(expected.1)),
        );
        assert_eq!(
            (merged.starts_at, merged.ends_at),
            expected,
            "{known:?} {told:?}"
        );
    }

    #[test]
    fn alerts_that_overlap_are_one() {
        check((50, 150, false), (60, 200, false), (50, 200));
        check((50, 150, true), (60, 120, true), (50, 120));
        check((50, 150, false), (60, 120, true), (50, 150));
        check((50, 150, false), (60, 90, false), (50, 90));
        check((50, 80, false), (60, 90, false), (50, 90));
        check((50, 80, false), (60, 70, false), (50, 80));
        check((50, 80, false), (90, 200, true), (90, 200));
        check((50, 80, false), (20, 40, false), (20, 40));
    }

    #[test]
    fn an_end_is_when_it_comes() {
        let open = alert(1, None, false);
        assert!(!open.is_resolved(Timestamp::MAX));
        let ends = alert(1, Some(5), false);
        assert!(ends.is_resolved(Timestamp::from_secs(5)));
        assert!(!ends.is_resolved(Timestamp::from_secs(4)));
    }
}
