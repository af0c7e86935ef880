use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a query may use, and how it reads its series.
#[derive(Debug, Clone)]
pub struct QueryOptions {
    /// How long it may take, waiting for others included.
    pub deadline: Duration,
    /// How many samples it may hold in memory at once.
    pub max_samples: u64,
    /// How far back an instant selector looks for a sample.
    pub lookback_delta: Duration,
    /// Keep metric names until the end, so that labels that came to be alike within do no harm
    /// (Prometheus' `promql-delayed-name-removal`).
    pub delayed_name_removal: bool,
    /// Whether the one who asked went away.
    pub stop: QueryStop,
}

/// Ends a query before its time: the query looks at it now and then.
#[derive(Debug, Clone, Default)]
pub struct QueryStop(Arc<AtomicBool>);

/// Stops its query when dropped.
#[derive(Debug)]
pub struct StopOnDrop(QueryStop);

impl Default for QueryOptions {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(2),
            max_samples: 50_000_000,
            lookback_delta: Duration::from_mins(5),
            delayed_name_removal: false,
            stop: QueryStop::default(),
        }
    }
}

impl QueryOptions {
    /// The default with another deadline.
    pub fn within(deadline: Duration) -> Self {
        Self {
            deadline,
            ..Self::default()
        }
    }
}

impl QueryStop {
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// For the future that waits for the answer: when it is dropped, the query ends.
    pub fn on_drop(&self) -> StopOnDrop {
        StopOnDrop(self.clone())
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}
