//! Stored series become columns on one thread or several, and are gathered as they come.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::evaluator::{Evaluator, failed};
use super::metric::Metric;
use super::value::Series;
use crate::QueryError;
use crate::storage::{Points, Slice};

/// How many series are worth a thread of their own.
const SERIES_A_THREAD: usize = 256;

/// Takes series one by one, so that not all need be held at once.
pub(crate) trait Gather: Send + Sized {
    /// Whether series have to come in the order of their labels.
    const ORDERED: bool;

    /// Takes a series, or looks at it and leaves it: then its memory is used for the next one.
    fn take(&mut self, series: &mut Series) -> Result<(), QueryError>;

    /// Adds what another thread gathered of later series.
    fn absorb(&mut self, later: Self) -> Result<(), QueryError>;
}

/// Makes a column of what is stored of a series.
pub(crate) trait Fill: Sync {
    /// `series` has nothing at any step yet.
    fn fill(&self, points: &mut Points, series: &mut Series) -> Result<(), QueryError>;
}

/// Keeps all series.
#[derive(Debug)]
pub(crate) struct Collected<'a> {
    evaluator: &'a Evaluator<'a>,
    pub(crate) series: Vec<Series>,
}

impl<'a> Collected<'a> {
    pub(crate) fn new(evaluator: &'a Evaluator<'a>) -> Self {
        Self {
            evaluator,
            series: Vec::new(),
        }
    }
}

impl Gather for Collected<'_> {
    const ORDERED: bool = true;

    fn take(&mut self, series: &mut Series) -> Result<(), QueryError> {
        self.evaluator.budget.hold(series.weight())?;
        self.series.push(std::mem::take(series));
        Ok(())
    }

    fn absorb(&mut self, later: Self) -> Result<(), QueryError> {
        self.series.extend(later.series);
        Ok(())
    }
}

/// A range of stored times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Evaluator<'_> {
    /// Gathers the columns of stored series, in their order.
    pub(crate) fn gather_stored<G: Gather>(
        &self,
        slices: &[Slice],
        span: Span,
        fill: &dyn Fill,
        fresh: &(dyn Fn() -> G + Sync),
    ) -> Result<G, QueryError> {
        let hands = Hands::borrow(slices.len() / SERIES_A_THREAD);
        let share = slices.len().div_ceil(hands.count + 1).max(1);
        let work = |slices: &[Slice]| {
            let mut gathered = fresh();
            self.fill_all(slices, span, fill, &mut gathered)?;
            Ok(gathered)
        };
        if hands.count == 0 {
            return work(slices);
        }
        thread::scope(|scope| {
            let (first, rest) = slices.split_at(share.min(slices.len()));
            let others: Vec<_> = rest
                .chunks(share)
                .map(|slices| scope.spawn(|| work(slices)))
                .collect();
            let mut gathered = work(first)?;
            for other in others {
                let other = other.join();
                gathered.absorb(other.map_err(|_| failed("a thread of the query failed"))??)?;
            }
            Ok(gathered)
        })
    }

    fn fill_all<G: Gather>(
        &self,
        slices: &[Slice],
        span: Span,
        fill: &dyn Fill,
        gathered: &mut G,
    ) -> Result<(), QueryError> {
        let mut points = Points::default();
        let mut series = Series::default();
        for (i, slice) in slices.iter().enumerate() {
            if i % 64 == 0 {
                self.budget.check_time()?;
            }
            slice
                .decode_into(span.from, span.to, self.now, &mut points)
                .map_err(|error| failed(&format!("reading blocks: {error}")))?;
            if points.is_empty() {
                continue;
            }
            self.budget
                .has_room(points.floats.len() + points.histograms.len() * 16)?;
            let metric = Metric::new(slice.labels.clone()).delayed(self.delayed);
            series.reset(metric, self.grid.steps);
            fill.fill(&mut points, &mut series)?;
            if !series.is_empty() {
                gathered.take(&mut series)?;
            }
        }
        Ok(())
    }
}

/// Threads beside its own that a query has for a while. All queries together have no more than
/// there are processors; a query that gets none works alone.
struct Hands {
    count: usize,
}

static BORROWED: AtomicUsize = AtomicUsize::new(0);

impl Hands {
    fn borrow(wanted: usize) -> Self {
        let all = thread::available_parallelism().map_or(1, usize::from) - 1;
        let wanted = wanted.min(all);
        let mut count = 0;
        let taken = BORROWED.fetch_update(Ordering::AcqRel, Ordering::Acquire, |borrowed| {
            count = wanted.min(all.saturating_sub(borrowed));
            Some(borrowed + count)
        });
        debug_assert!(taken.is_ok());
        Self { count }
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        BORROWED.fetch_sub(self.count, Ordering::AcqRel);
    }
}
