use crate::notify::{DestinationKind, RetryPolicy, Timeouts};

use super::breaker::BreakerPolicy;
use super::bucket::Rate;

/// All the waiting that delivery does, so that tests can be quick.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    pub retry: RetryPolicy,
    pub timeouts: Timeouts,
    pub breaker: BreakerPolicy,
    /// In place of what suits the kind of destination.
    pub rate: Option<Rate>,
}

impl Pace {
    pub(super) fn rate_of(&self, kind: DestinationKind) -> Rate {
        self.rate.unwrap_or(Rate::of(kind))
    }
}
