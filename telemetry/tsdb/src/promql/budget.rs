use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::QueryError;

/// How many samples a query may hold in memory.
const MOST_SAMPLES: u64 = 50_000_000;

/// What a query may use: time and memory.
#[derive(Debug)]
pub(crate) struct Budget {
    deadline: Instant,
    samples: Cell<u64>,
}

impl Budget {
    pub(crate) fn new(time: Duration) -> Self {
        let far = Duration::from_hours(24);
        Self {
            deadline: Instant::now() + time.min(far),
            samples: Cell::new(0),
        }
    }

    /// Notes that so many more samples are held.
    pub(crate) fn hold(&self, samples: usize) -> Result<(), QueryError> {
        let held = self.samples.get() + samples as u64;
        self.samples.set(held);
        if held > MOST_SAMPLES {
            return Err(QueryError::Execution(
                "query processing would load too many samples into memory in query execution"
                    .to_owned(),
            ));
        }
        self.check_time()
    }

    pub(crate) fn check_time(&self) -> Result<(), QueryError> {
        if Instant::now() > self.deadline {
            return Err(QueryError::Timeout);
        }
        Ok(())
    }
}
