use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::messages::instruments::Instruments;
use crate::messages::store::Store;

const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// In such measurements.
const SWEEP_EVERY: u32 = 12;

/// Measures the queues, and deletes what is old.
pub(crate) async fn run(store: Store, instruments: Instruments, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut n: u32 = 0;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        measure(&store, &instruments).await;
        if n.is_multiple_of(SWEEP_EVERY) {
            sweep(&store, &stop).await;
        }
        n = n.wrapping_add(1);
    }
}

/// A span for each would be noise: what failed is told.
async fn measure(store: &Store, instruments: &Instruments) {
    match store.depths().with_subscriber(Dispatch::none()).await {
        Ok(depths) => {
            let now = store.clock.now();
            for (channel, depth) in depths {
                let age = depth.oldest.map_or(0.0, |oldest| now.seconds_since(oldest));
                instruments.queue(channel, depth.ready, age);
            }
        }
        Err(failure) => failure.report(format_args!("the queues could not be measured")),
    }
}

async fn sweep(store: &Store, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        match store.sweep().with_subscriber(Dispatch::none()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => {
                failure.report(format_args!("old messages could not be deleted"));
                return;
            }
        }
    }
}
