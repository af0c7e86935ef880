//! An hour of quiet history, so that there is a baseline to differ from.

use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};

use super::accept;
use crate::stack::Stack;

const LENGTH: Duration = Duration::from_hours(1);

/// Writes the hour before `now` through the normal pipeline, unless the store knows that hour already.
pub(super) async fn write(
    stack: &Stack,
    now: Timestamp,
    traffic: f64,
    seed: u64,
) -> anyhow::Result<()> {
    let range = TimeRange::last(LENGTH, now);
    if stack.has_logs_in(range).await? {
        tracing::info!("the store holds records of the last hour; no history is written");
        return Ok(());
    }
    let began = tokio::time::Instant::now();
    for batch in watchfire_services::history(range, traffic, seed) {
        accept(&stack.stores.collector, batch).await;
    }
    tracing::info!(
        took_ms = began.elapsed().as_millis() as u64,
        "wrote an hour of quiet history"
    );
    Ok(())
}
