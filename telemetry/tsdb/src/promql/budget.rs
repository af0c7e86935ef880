use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::{QueryError, QueryOptions, QueryStop};

/// What a query may use: time and memory. Shared by the threads that work on it.
#[derive(Debug)]
pub(crate) struct Budget {
    deadline: Instant,
    samples: AtomicU64,
    most_samples: u64,
    stop: QueryStop,
}

impl Budget {
    pub(crate) fn new(options: &QueryOptions) -> Self {
        let far = Duration::from_hours(24);
        Self {
            deadline: Instant::now() + options.deadline.min(far),
            samples: AtomicU64::new(0),
            most_samples: options.max_samples,
            stop: options.stop.clone(),
        }
    }

    /// Notes that so many more samples are held until the query ends.
    pub(crate) fn hold(&self, samples: usize) -> Result<(), QueryError> {
        let samples = samples as u64;
        let before = self.samples.fetch_add(samples, Ordering::Relaxed);
        if before.saturating_add(samples) > self.most_samples {
            return Err(too_many_samples());
        }
        self.check_time()
    }

    /// Whether so many more samples may be held for a moment.
    pub(crate) fn has_room(&self, samples: usize) -> Result<(), QueryError> {
        let held = self.samples.load(Ordering::Relaxed);
        if held.saturating_add(samples as u64) > self.most_samples {
            return Err(too_many_samples());
        }
        Ok(())
    }

    pub(crate) fn check_time(&self) -> Result<(), QueryError> {
        if self.stop.is_stopped() {
            return Err(QueryError::Canceled);
        }
        if Instant::now() > self.deadline {
            return Err(QueryError::Timeout);
        }
        Ok(())
    }
}

fn too_many_samples() -> QueryError {
    QueryError::Execution(
        "query processing would load too many samples into memory in query execution".to_owned(),
    )
}
