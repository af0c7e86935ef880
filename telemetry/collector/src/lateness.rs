//! Times that cannot be believed.

use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::TimeBounds;
use crate::drop_reason::DropReason;

impl TimeBounds {
    /// Why a log record of this time is not kept among the others.
    pub(crate) fn log_fault(
        &self,
        at: Timestamp,
        received_at: Timestamp,
    ) -> Option<(DropReason, String)> {
        let words = self.fault(at, received_at)?;
        Some((DropReason::TooFarAhead, words))
    }

    /// Why a span that ended at this time is not kept.
    pub(crate) fn span_fault(
        &self,
        end: Timestamp,
        received_at: Timestamp,
    ) -> Option<(DropReason, String)> {
        let words = self.fault(end, received_at)?;
        Some((DropReason::SpanTooFarAhead, words))
    }

    fn fault(&self, at: Timestamp, received_at: Timestamp) -> Option<String> {
        let ahead = at.since(received_at);
        (ahead > self.max_ahead).then(|| {
            let (ahead, most) = (in_words(ahead), in_words(self.max_ahead));
            format!("{at} is {ahead} ahead of the clock here, and {most} are believed")
        })
    }
}

/// In its largest whole unit.
fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|(length, _)| seconds >= 2 * length);
    let (length, name) = unit.unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_believed_within_its_bounds() {
        let bounds = TimeBounds {
            max_ahead: Duration::from_hours(1),
        };
        let now = Timestamp::from_secs(100 * 86_400);
        let check = |at: Timestamp, log: Option<DropReason>, span: Option<DropReason>| {
            let found = (bounds.log_fault(at, now), bounds.span_fault(at, now));
            let found = (
                found.0.map(|(reason, _)| reason),
                found.1.map(|(reason, _)| reason),
            );
            assert_eq!(found, (log, span), "{at}");
        };
        let hour = Duration::from_hours(1);
        check(now, None, None);
        check(now + hour, None, None);
        check(
            now + hour + Duration::from_nanos(1),
            Some(DropReason::TooFarAhead),
            Some(DropReason::SpanTooFarAhead),
        );
        check(Timestamp::MIN, None, None);
        check(
            Timestamp::MAX,
            Some(DropReason::TooFarAhead),
            Some(DropReason::SpanTooFarAhead),
        );
        let (_, words) = bounds
            .log_fault(now + Duration::from_hours(24 * 3), now)
            .unwrap();
        assert!(words.ends_with("is 3 days ahead of the clock here, and 60 minutes are believed"));
    }
}
