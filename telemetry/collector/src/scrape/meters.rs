use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::failure::FailureReason;

type Labels = [(&'static str, &'static str); 1];

/// What is measured of scraping.
#[derive(Debug, Default)]
pub(crate) struct ScrapeMeters {
    failures: Family<Labels, Counter>,
    skipped: Family<Labels, Counter>,
    pub(crate) targets: Gauge,
    pub(crate) reloads: Counter,
}

/// Why a sample of a scrape is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SkipReason {
    /// Its series has one of the same scrape already.
    Duplicate,
    /// Its own time is further ahead than is believed.
    TooFarAhead,
}

impl SkipReason {
    const ALL: [Self; 2] = [Self::Duplicate, Self::TooFarAhead];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::TooFarAhead => "too_far_ahead",
        }
    }
}

impl ScrapeMeters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self::default();
        for reason in FailureReason::ALL {
            drop(
                meters
                    .failures
                    .get_or_create_owned(&[("reason", reason.as_str())]),
            );
        }
        for reason in SkipReason::ALL {
            drop(
                meters
                    .skipped
                    .get_or_create_owned(&[("reason", reason.as_str())]),
            );
        }
        registry.register(
            "watchfire_scrape_targets",
            "Targets that are scraped",
            meters.targets.clone(),
        );
        registry.register(
            "watchfire_scrape_reloads",
            "Times that what is to be scraped was changed",
            meters.reloads.clone(),
        );
        registry.register(
            "watchfire_scrape_failures",
            "Scrapes that failed",
            meters.failures.clone(),
        );
        registry.register(
            "watchfire_scrape_samples_skipped",
            "Samples of successful scrapes that were left out",
            meters.skipped.clone(),
        );
        meters
    }

    pub(crate) fn failed(&self, reason: FailureReason) {
        self.failures
            .get_or_create_owned(&[("reason", reason.as_str())])
            .inc();
    }

    pub(crate) fn skipped(&self, reason: SkipReason, count: u64) {
        if count > 0 {
            self.skipped
                .get_or_create_owned(&[("reason", reason.as_str())])
                .inc_by(count);
        }
    }
}
