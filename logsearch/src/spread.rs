//! Work on many splits, on a second core where one is idle.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::watch::Watch;

/// A second thread is worth its start only where so much work is left.
const WORTH_A_THREAD: Duration = Duration::from_micros(500);

/// Calls `work` for `0..count` in order, each once, until one fails; where cores are idle, several
/// at once. What is given back is in no order.
pub(crate) fn spread<T: Send>(
    count: usize,
    watch: &Watch,
    work: impl Fn(usize, &Watch) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let mut done = Vec::with_capacity(count);
    if count == 0 {
        return Ok(done);
    }
    let started = Instant::now();
    done.push(work(0, watch)?);
    let left = count - 1;
    let expected = started
        .elapsed()
        .saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
    let job = Job {
        next: AtomicUsize::new(1),
        count,
        failed: AtomicBool::new(false),
        done: Mutex::new(done),
        work,
    };
    let beside = (expected > WORTH_A_THREAD)
        .then(|| watch.beside())
        .flatten();
    match beside {
        None => job.run(watch)?,
        Some(beside) => std::thread::scope(|scope| {
            let job = &job;
            let helper = scope.spawn(move || job.run(&beside));
            let mine = job.run(watch);
            let theirs = helper
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            mine.and(theirs)
        })?,
    }
    Ok(job
        .done
        .into_inner()
        .expect("no holder of this lock panics"))
}

struct Job<T, W> {
    next: AtomicUsize,
    count: usize,
    failed: AtomicBool,
    done: Mutex<Vec<T>>,
    work: W,
}

impl<T: Send, W: Fn(usize, &Watch) -> io::Result<T> + Sync> Job<T, W> {
    fn run(&self, watch: &Watch) -> io::Result<()> {
        while !self.failed.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.count {
                break;
            }
            let result = (self.work)(index, watch)
                .inspect_err(|_| self.failed.store(true, Ordering::Relaxed))?;
            self.done
                .lock()
                .expect("no holder of this lock panics")
                .push(result);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::turns::Turns;

    #[test]
    fn each_is_done_once_on_no_more_cores_than_are_idle() {
        let (watch, _cancel) = Watch::start(Duration::from_mins(1));
        for seats in [1, 2] {
            let turns = Turns::with_seats(seats);
            let turn = turns.take(&Arc::default(), &|| false).unwrap();
            let watch = watch.seated(turn);
            let threads = Mutex::new(BTreeSet::new());
            let mut done = spread(9, &watch, |index, _| {
                let me = format!("{:?}", std::thread::current().id());
                threads.lock().unwrap().insert(me);
                // Long enough that a second thread is worth it, and then until it has come.
                let began = Instant::now();
                while began.elapsed() < WORTH_A_THREAD {}
                while index == 1 && threads.lock().unwrap().len() < seats {
                    std::thread::yield_now();
                }
                Ok(index)
            })
            .unwrap();
            done.sort_unstable();
            assert_eq!(done, (0..9).collect::<Vec<_>>());
            assert_eq!(threads.lock().unwrap().len(), seats);
        }
    }

    #[test]
    fn a_failure_ends_it() {
        let (watch, _cancel) = Watch::start(Duration::from_mins(1));
        let failing = spread(1_000, &watch, |index, _| match index {
            7 => Err(io::Error::other("broken")),
            8.. => panic!("goes on"),
            _ => Ok(()),
        });
        assert_eq!(failing.unwrap_err().to_string(), "broken");
    }
}
