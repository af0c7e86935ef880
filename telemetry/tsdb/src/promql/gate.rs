use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::{QueryError, QueryOptions};

/// How many queries run at once.
const MOST_RUNNING: usize = 20;

/// How many wait for that; more are refused.
const MOST_WAITING: usize = 200;

/// How often one that waits looks whether its asker went away.
const LOOK: Duration = Duration::from_millis(100);

/// Lets so many queries in at once and the others wait.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Held for a moment when a query comes, goes or looks again.
    inside: Mutex<Inside>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    running: usize,
    waiting: usize,
}

/// The right to run; given back when dropped.
#[derive(Debug)]
pub(crate) struct Pass<'g>(&'g Gate);

impl Gate {
    /// Waits for a place, as long as the query may take.
    pub(crate) fn enter(&self, options: &QueryOptions) -> Result<Pass<'_>, QueryError> {
        let deadline = tokio::time::Instant::now() + options.deadline.min(Duration::from_hours(24));
        let mut inside = self.inside.lock().expect("no holder of this lock panics");
        if inside.running >= MOST_RUNNING && inside.waiting >= MOST_WAITING {
            return Err(QueryError::TooMany);
        }
        inside.waiting += 1;
        while inside.running >= MOST_RUNNING {
            let gave_up = if options.stop.is_stopped() {
                Some(QueryError::Canceled)
            } else if tokio::time::Instant::now() >= deadline {
                Some(QueryError::Timeout)
            } else {
                None
            };
            if let Some(error) = gave_up {
                inside.waiting -= 1;
                return Err(error);
            }
            let waited = self.left.wait_timeout(inside, LOOK);
            inside = waited.expect("no holder of this lock panics").0;
        }
        inside.waiting -= 1;
        inside.running += 1;
        Ok(Pass(self))
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut inside = self.0.inside.lock().expect("no holder of this lock panics");
        inside.running -= 1;
        drop(inside);
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_may_run_waits_until_it_gives_up() {
        let gate = Gate::default();
        let options = QueryOptions::within(Duration::from_mins(1));
        let mut passes: Vec<_> = (0..MOST_RUNNING)
            .map(|_| gate.enter(&options).unwrap())
            .collect();
        let at_once = QueryOptions::within(Duration::ZERO);
        assert_eq!(gate.enter(&at_once).unwrap_err(), QueryError::Timeout);
        options.stop.stop();
        assert_eq!(gate.enter(&options).unwrap_err(), QueryError::Canceled);
        passes.pop();
        assert!(gate.enter(&options).is_ok());
    }

    #[test]
    fn who_waits_comes_in_when_another_leaves() {
        let gate = Gate::default();
        let options = QueryOptions::within(Duration::from_mins(1));
        let mut passes: Vec<_> = (0..MOST_RUNNING)
            .map(|_| gate.enter(&options).unwrap())
            .collect();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.enter(&options).is_ok());
            passes.clear();
            assert!(waiting.join().unwrap());
        });
    }
}
