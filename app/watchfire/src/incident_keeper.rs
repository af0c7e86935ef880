//! Keeps what is known of incidents when they end, so that their pages outlive the telemetry.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use watchfire_dashboards::{Console, keep_incident_facts};

const EVERY: Duration = Duration::from_secs(10);

/// Until it is stopped. What could not be read or written is tried again.
pub(crate) async fn keep(console: Console, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = keep_incident_facts(&console).await {
            tracing::error!(error = %error.0, "facts of ended incidents were not kept");
        }
    }
}
