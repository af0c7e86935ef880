use std::time::Duration;

use watchfire_schemas::TimeRange;

use crate::duration_cells::cell_of;
use crate::query_types::row_edge;

/// Durations below this are drawn in the first row: their logarithms tell nothing.
const SHORTEST: u64 = 1_000;

/// Which cell a span is in. Its edges are those that the answer tells.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) durations: (Duration, Duration),
    pub(super) columns: usize,
    pub(super) rows: usize,
    start: i64,
    length: u128,
    /// Where each row begins, but the first.
    edges: Vec<u64>,
    /// By the cell of a duration, the row of the least duration in it.
    row_of_cell: Vec<u8>,
}

impl Grid {
    /// For durations from `extent.0` to `extent.1`, in nanoseconds.
    pub(super) fn over(range: TimeRange, columns: usize, extent: (u64, u64), rows: usize) -> Self {
        let least = round_down(extent.0.max(SHORTEST));
        let greatest = round_up(extent.1.max(least).saturating_add(1));
        let durations = (Duration::from_nanos(least), Duration::from_nanos(greatest));
        let edges: Vec<u64> = (1..rows as u32)
            .map(|row| row_edge(durations, rows, row))
            .collect();
        let (start, end) = (range.start.nanos(), range.end.nanos());
        let greatest_cell = usize::from(cell_of(u64::MAX));
        let mut row_of_cell = vec![0; greatest_cell + 1];
        for (row, edge) in (1_u8..).zip(&edges) {
            // A cell in which a row begins is of the row before: the exact edge decides.
            for of_cell in &mut row_of_cell[usize::from(cell_of(*edge)) + 1..] {
                *of_cell = row;
            }
        }
        Self {
            durations,
            columns,
            rows,
            start,
            length: (i128::from(end) - i128::from(start)).max(1) as u128,
            edges,
            row_of_cell,
        }
    }

    /// The cell of a span by its start and its duration, in nanoseconds.
    pub(super) fn cell(&self, time: i64, nanos: u64) -> usize {
        let offset = (i128::from(time) - i128::from(self.start)).max(0) as u128;
        let column = match u64::try_from(self.length) {
            // Mostly there is no need of the long division.
            Ok(length) if length < u64::MAX / 1_000 => offset as u64 * self.columns as u64 / length,
            _ => (offset * self.columns as u128 / self.length) as u64,
        };
        let mut row = usize::from(self.row_of_cell[usize::from(cell_of(nanos))]);
        while self.edges.get(row).is_some_and(|edge| nanos >= *edge) {
            row += 1;
        }
        (column as usize).min(self.columns - 1) * self.rows + row
    }
}

/// The greatest of 1, 2 and 5 times a power of ten that is not above.
fn round_down(nanos: u64) -> u64 {
    let power = 10_u64.pow(nanos.max(1).ilog10());
    let step = [5, 2, 1].into_iter().find(|step| power <= nanos / step);
    step.map_or(power, |step| step * power)
}

/// The least of them that is not below.
fn round_up(nanos: u64) -> u64 {
    let power = 10_u64.pow(nanos.max(1).ilog10());
    let step = [1, 2, 5, 10]
        .into_iter()
        .find(|step| power.saturating_mul(*step) >= nanos);
    step.map_or(u64::MAX, |step| power.saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Timestamp;

    use super::*;
    use crate::query_types::SpanScatter;

    #[test]
    fn bounds_are_round() {
        for (nanos, down, up) in [
            (1, 1, 1),
            (1_999, 1_000, 2_000),
            (2_000, 2_000, 2_000),
            (600, 500, 1_000),
            (u64::MAX, 10_000_000_000_000_000_000, u64::MAX),
        ] {
            assert_eq!((round_down(nanos), round_up(nanos)), (down, up), "{nanos}");
        }
    }

    #[test]
    fn a_span_is_in_the_cell_whose_edges_hold_it() {
        let range = |start, end| TimeRange {
            start: Timestamp::from_nanos(start),
            end: Timestamp::from_nanos(end),
        };
        for (range, columns, rows) in [
            (range(0, 1_000), 7, 40),
            (range(-50, 1_000_000_000_000_000), 100, 200),
            (TimeRange::ALL, 13, 1),
        ] {
            let extent = (300, 77_123_456_789);
            let grid = Grid::over(range, columns, extent, rows);
            let told = SpanScatter {
                range: Some(range),
                durations: grid.durations,
                columns,
                rows,
                ..SpanScatter::default()
            };
            let span = i128::from(range.end.nanos()) - i128::from(range.start.nanos());
            for n in 0..5_000_u64 {
                let time = i128::from(range.start.nanos()) + span * i128::from(n) / 5_000;
                let time = Timestamp::from_nanos(time as i64);
                let nanos = (300.0 * 1.003_f64.powi(n as i32)) as u64 % extent.1;
                let cell = grid.cell(time.nanos(), nanos);
                let times = told.column_times((cell / rows) as u32).unwrap();
                assert!(times.contains(time), "{time} {times:?}");
                let (least, greatest) = told.row_durations((cell % rows) as u32);
                let duration = Duration::from_nanos(nanos);
                assert!((least..greatest).contains(&duration), "{duration:?}");
            }
        }
    }
}
