use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::{QueryError, QueryOptions, QueryStop};

/// What a query may use: time and memory.
#[derive(Debug)]
pub(crate) struct Budget {
    deadline: Instant,
    samples: Cell<u64>,
    most_samples: u64,
    stop: QueryStop,
}

impl Budget {
    pub(crate) fn new(options: &QueryOptions) -> Self {
        let far = Duration::from_hours(24);
        Self {
            deadline: Instant::now() + options.deadline.min(far),
            samples: Cell::new(0),
            most_samples: options.max_samples,
            stop: options.stop.clone(),
        }
    }

    /// Notes that so many more samples are held.
    pub(crate) fn hold(&self, samples: usize) -> Result<(), QueryError> {
        let held = self.samples.get() + samples as u64;
        self.samples.set(held);
        if held > self.most_samples {
            return Err(QueryError::Execution(
                "query processing would load too many samples into memory in query execution"
                    .to_owned(),
            ));
        }
        self.check_time()
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
