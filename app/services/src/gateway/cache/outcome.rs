use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// How a request that could have been answered from here was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Hit,
    Stale,
    Revalidated,
    Miss,
    Pass,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Hit,
        Self::Stale,
        Self::Revalidated,
        Self::Miss,
        Self::Pass,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Revalidated => "revalidated",
            Self::Miss => "miss",
            Self::Pass => "pass",
        }
    }

    /// As `Cache-Status` tells it (RFC 9211).
    pub(crate) fn status(self) -> &'static str {
        match self {
            Self::Hit => "watchfire; hit",
            Self::Stale => "watchfire; hit; detail=stale",
            Self::Revalidated => "watchfire; fwd=stale; fwd-status=304",
            Self::Miss => "watchfire; fwd=miss; stored",
            Self::Pass => "watchfire; fwd=bypass",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: &'static str,
}

/// Counters in the order of [`Outcome::ALL`].
#[derive(Debug)]
pub(super) struct Outcomes([Counter; Outcome::ALL.len()]);

impl Outcomes {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let family = Family::<Labels, Counter>::default();
        registry.register(
            "gateway_cache_requests",
            "Requests that the response cache could have answered, by how they were",
            family.clone(),
        );
        Self(Outcome::ALL.map(|outcome| {
            let outcome = outcome.as_str();
            family.get_or_create_owned(&Labels { outcome })
        }))
    }

    pub(super) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].inc();
    }
}
