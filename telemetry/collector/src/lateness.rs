//! Times that cannot be believed, or come too late to be kept.

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
        self.fault(at, received_at, self.log_retention)
    }

    /// Why a span that ended at this time is not kept.
    pub(crate) fn span_fault(
        &self,
        end: Timestamp,
        received_at: Timestamp,
    ) -> Option<(DropReason, String)> {
        let fault = self.fault(end, received_at, self.span_retention);
        fault.map(|(reason, words)| match reason {
            DropReason::TooFarAhead => (DropReason::SpanTooFarAhead, words),
            _ => (DropReason::SpanTooOld, words),
        })
    }

    fn fault(
        &self,
        at: Timestamp,
        received_at: Timestamp,
        retention: Duration,
    ) -> Option<(DropReason, String)> {
        let (ahead, age) = (at.since(received_at), received_at.since(at));
        if ahead > self.max_ahead {
            let most = in_words(self.max_ahead);
            let words = format!(
                "{at} is {} ahead of the clock here, and {most} are believed",
                in_words(ahead)
            );
            return Some((DropReason::TooFarAhead, words));
        }
        (age > retention).then(|| {
            let most = in_words(retention);
            let words = format!("{at} is {} old, and {most} are kept", in_words(age));
            (DropReason::TooOld, words)
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
            log_retention: Duration::from_hours(24 * 14),
            span_retention: Duration::from_hours(24 * 7),
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
        check(
            now - Duration::from_hours(24 * 8),
            None,
            Some(DropReason::SpanTooOld),
        );
        check(
            now - Duration::from_hours(24 * 15),
            Some(DropReason::TooOld),
            Some(DropReason::SpanTooOld),
        );
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
