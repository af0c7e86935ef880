//! An hour of quiet history, so that there is a baseline to differ from.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use watchfire_schemas::{TimeRange, Timestamp};

use super::accept;
use crate::stack::Stack;

const LENGTH: Duration = Duration::from_hours(1);
/// How many batches wait, and how many are on their way to disk at once.
const AT_ONCE: usize = 4;

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
    // What comes next is made on another core while what is there goes to disk.
    let (sender, mut made) = mpsc::channel(AT_ONCE);
    let making = tokio::task::spawn_blocking(move || {
        for batch in watchfire_services::history(range, traffic, seed) {
            if sender.blocking_send(batch).is_err() {
                return;
            }
        }
    });
    stream::poll_fn(|context| made.poll_recv(context))
        .map(|batch| accept(&stack.stores.collector, batch))
        .buffered(AT_ONCE)
        .for_each(|()| std::future::ready(()))
        .await;
    making.await?;
    tracing::info!(
        took_ms = began.elapsed().as_millis() as u64,
        "wrote an hour of quiet history"
    );
    Ok(())
}
