use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use crate::scope::Scope;
use crate::span_columns::SpanColumns;
use crate::spans::Spans;
use crate::split::Split;

use super::grid::Grid;

/// A span by what makes it worth showing, and where it is. The greatest of a cell is its example:
/// failed before others, then the slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Sight {
    pub(super) is_error: bool,
    pub(super) nanos: u64,
    /// Of those that are alike, the newest.
    pub(super) place: Reverse<Place>,
}

/// The number of its split, counted from 1, and its document there; in the tail, which is 0, the
/// how manieth of the scope it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) split: u32,
    pub(super) document: u32,
}

/// What is counted of one cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub(super) spans: u64,
    pub(super) errors: u64,
    pub(super) example: Sight,
}

/// Counts by cell, and those that stand out.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) cells: Vec<Option<Cell>>,
    pub(super) slowest: Most,
    pub(super) failed: Most,
    pub(super) total: u64,
}

/// The greatest of many.
#[derive(Debug)]
pub(super) struct Most {
    most: usize,
    kept: BinaryHeap<Reverse<(u64, Sight)>>,
}

impl Counted {
    pub(super) fn new(grid: &Grid, outliers: usize) -> Self {
        let most = || Most {
            most: outliers,
            kept: BinaryHeap::new(),
        };
        Self {
            cells: vec![None; grid.columns * grid.rows],
            slowest: most(),
            failed: most(),
            total: 0,
        }
    }

    pub(super) fn add(&mut self, cell: usize, sight: Sight) {
        self.total += 1;
        self.slowest.add(sight);
        if sight.is_error {
            self.failed.add(sight);
        }
        let cell = &mut self.cells[cell];
        let one = Cell {
            spans: 1,
            errors: u64::from(sight.is_error),
            example: sight,
        };
        match cell {
            Some(cell) => cell.merge(one),
            None => *cell = Some(one),
        }
    }

    /// Adds what a split has. Whether the time sufficed.
    pub(super) fn add_split(
        &mut self,
        grid: &Grid,
        scope: &Scope<'_, Spans>,
        split: &Split<Spans>,
        number: u32,
    ) -> io::Result<bool> {
        let mut spans = SpanColumns::of(split)?;
        let documents = split.documents(scope.range, None)?;
        let mut selection = split.select(scope.filter, documents)?;
        selection.each_block(scope.watch, |docs| {
            if docs.count() == 0 {
                return Ok(());
            }
            spans.read(docs.block())?;
            for place in docs.places() {
                let (nanos, is_error) = spans.outcome(place);
                let sight = Sight {
                    is_error,
                    nanos,
                    place: Reverse(Place {
                        split: number,
                        document: docs.document(place),
                    }),
                };
                self.add(grid.cell(spans.time(place), nanos), sight);
            }
            Ok(())
        })
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.total += other.total;
        self.slowest.merge(other.slowest);
        self.failed.merge(other.failed);
        for (ours, theirs) in self.cells.iter_mut().zip(other.cells) {
            match (&mut *ours, theirs) {
                (Some(ours), Some(theirs)) => ours.merge(theirs),
                (None, theirs) => *ours = theirs,
                (Some(_), None) => {}
            }
        }
    }

    /// Where all those are that are shown by name.
    pub(super) fn places(&self) -> Vec<Place> {
        let examples = self.cells.iter().flatten().map(|cell| cell.example);
        let outliers = self.slowest.iter().chain(self.failed.iter());
        let mut places: Vec<Place> = examples
            .chain(outliers)
            .map(|sight| sight.place.0)
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Slowest first, each once.
    pub(super) fn outliers(&self) -> Vec<Sight> {
        let mut outliers: Vec<Sight> = self.slowest.iter().chain(self.failed.iter()).collect();
        outliers.sort_unstable_by_key(|sight| Reverse((sight.nanos, *sight)));
        outliers.dedup();
        outliers
    }
}

impl Cell {
    fn merge(&mut self, other: Self) {
        self.spans += other.spans;
        self.errors += other.errors;
        self.example = self.example.max(other.example);
    }
}

impl Most {
    fn add(&mut self, sight: Sight) {
        let rank = (sight.nanos, sight);
        if self.kept.len() == self.most {
            match self.kept.peek() {
                Some(Reverse(least)) if *least < rank => drop(self.kept.pop()),
                _ => return,
            }
        }
        self.kept.push(Reverse(rank));
    }

    fn merge(&mut self, other: Self) {
        for Reverse((_, sight)) in other.kept {
            self.add(sight);
        }
    }

    fn iter(&self) -> impl Iterator<Item = Sight> {
        self.kept.iter().map(|Reverse((_, sight))| *sight)
    }
}
