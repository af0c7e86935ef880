use std::ops::Range;

use super::signal::Signal;

/// Some bins taken together, in bins from the start of the series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    pub from: f64,
    pub to: f64,
    pub seen: f64,
    pub usual: f64,
    /// Over-dispersion of the sum.
    pub alpha: f64,
}

/// As many bins a cell as keep the number of cells within `most`.
pub(super) fn even(
    signal: &Signal,
    expected: &[f64],
    bins: Range<usize>,
    most: usize,
) -> Vec<Cell> {
    let width = bins.len().div_ceil(most).max(1);
    let starts = bins.clone().step_by(width);
    let cells = starts.map(|from| cell(signal, expected, from..(from + width).min(bins.end)));
    cells.filter(|cell| cell.usual > 1e-8).collect()
}

/// The bins of `close` as fine as `most` allows, those after it the wider the further away they
/// are: where a ramp begins is told by how it begins, how high it gets by all the rest.
pub(super) fn focused(
    signal: &Signal,
    expected: &[f64],
    close: Range<usize>,
    end: usize,
    most: usize,
) -> Vec<Cell> {
    let mut cells = even(signal, expected, close.clone(), most);
    let width = close.len().div_ceil(most).max(1);
    let mut from = close.end;
    while from < end {
        let wide = width.max((from - close.end) / 10).max(1);
        let to = (from + wide).min(end);
        cells.push(cell(signal, expected, from..to));
        from = to;
    }
    cells.retain(|cell| cell.usual > 1e-8);
    cells
}

fn cell(signal: &Signal, expected: &[f64], bins: Range<usize>) -> Cell {
    // What is not known has an expected count next to nothing, and no square.
    let known = |bin: &usize| signal.weights[*bin] > 0.0;
    let usual: f64 = bins.clone().filter(known).map(|bin| expected[bin]).sum();
    let squares: f64 = bins
        .clone()
        .filter(known)
        .map(|bin| expected[bin].powi(2))
        .sum();
    Cell {
        from: bins.start as f64,
        to: bins.end as f64,
        seen: signal.counts[bins].iter().sum(),
        usual,
        alpha: if usual > 0.0 {
            squares / (usual * usual)
        } else {
            0.0
        },
    }
}

/// A change that begins at `at` and is fully there `length` later; both in bins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    pub at: f64,
    pub length: f64,
}

impl Shape {
    /// How much of the change a stretch holds, on average: 0 before it, 1 when it is all there.
    pub(super) fn part(self, from: f64, to: f64) -> f64 {
        (self.grown(to) - self.grown(from)) / (to - from)
    }

    fn grown(self, until: f64) -> f64 {
        let since = (until - self.at).max(0.0);
        if since < self.length {
            since * since / (2.0 * self.length)
        } else {
            since - self.length / 2.0
        }
    }
}
