use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A trouble is over when it has not shown for so long: one that comes and goes is told once.
const OVER_AFTER: Duration = Duration::from_secs(10);

/// Which operations are in trouble, so that its beginning and its end are told, and nothing between.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// When it showed last. Locked for a few instructions a call.
    last: Mutex<BTreeMap<&'static str, Instant>>,
}

impl Trouble {
    /// Notes it; whether it is new.
    pub(super) fn begin(&self, operation: &'static str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert(operation, now).is_none()
    }

    /// Notes that all went well; whether a trouble is over by that.
    pub(super) fn end(&self, operation: &'static str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = last
            .get(operation)
            .is_some_and(|last| now.saturating_duration_since(*last) >= OVER_AFTER);
        is_over && last.remove(operation).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_when_it_begins_and_when_it_is_over() {
        let (trouble, now) = (Trouble::default(), Instant::now());
        assert!(!trouble.end("SET", now));
        assert!(trouble.begin("SET", now));
        assert!(trouble.begin("GET", now), "each operation has its own");
        let soon = now + OVER_AFTER / 2;
        assert!(!trouble.end("SET", soon) && !trouble.begin("SET", soon));
        assert!(!trouble.end("SET", now + OVER_AFTER), "it showed since");
        assert!(trouble.end("SET", soon + OVER_AFTER));
        assert!(trouble.begin("SET", soon + OVER_AFTER));
    }
}
