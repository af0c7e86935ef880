//! Durations in cells whose width is a 128th of the power of two that they lie in.

/// The bits of a duration that its cell tells, besides the highest.
const BITS: u32 = 7;
const STEPS: u64 = 1 << BITS;
/// No cell has this number or a greater one.
const CELLS: usize = (65 - BITS as usize) << BITS;
/// Of fewer durations each one's cell is kept; of more, the counts of all cells.
const FEW: usize = 4_096;

/// How many durations there are of each length, each known within 0.4 %. Of few it takes two bytes
/// each, of many 30 KiB at most.
#[derive(Debug, Clone)]
pub(crate) enum DurationCells {
    Few(Vec<u16>),
    Many(Box<[u32]>),
}

impl Default for DurationCells {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// The cell of a duration.
pub(crate) const fn cell_of(nanos: u64) -> u16 {
    if nanos < STEPS {
        return nanos as u16;
    }
    let exponent = nanos.ilog2() - BITS;
    ((exponent as u64 * STEPS) + (nanos >> exponent)) as u16
}

/// The least duration of a cell and how many there are in it.
const fn of_cell(cell: u16) -> (u64, u64) {
    let cell = cell as u64;
    if cell < 2 * STEPS {
        return (cell, 1);
    }
    let exponent = cell / STEPS - 1;
    ((cell - exponent * STEPS) << exponent, 1 << exponent)
}

impl DurationCells {
    pub(crate) fn add(&mut self, nanos: u64) {
        let cell = cell_of(nanos);
        match self {
            Self::Few(cells) if cells.len() < FEW => cells.push(cell),
            Self::Few(_) => {
                self.count();
                self.add(nanos);
            }
            Self::Many(counts) => counts[usize::from(cell)] += 1,
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Few(ours), Self::Few(theirs)) if ours.len() + theirs.len() <= FEW => {
                ours.extend(theirs);
            }
            (Self::Many(counts), Self::Few(theirs)) => {
                for cell in theirs {
                    counts[usize::from(cell)] += 1;
                }
            }
            (Self::Many(ours), Self::Many(theirs)) => {
                for (ours, theirs) in ours.iter_mut().zip(theirs) {
                    *ours += theirs;
                }
            }
            (Self::Few(_), other) => {
                self.count();
                self.merge(other);
            }
        }
    }

    /// The durations of these ranks, the first having rank 1; the ranks come in order.
    pub(crate) fn ranked<const N: usize>(&self, ranks: [u64; N]) -> [u64; N] {
        let mut found = [0; N];
        let mut next = 0;
        let mut seen = 0;
        let mut see = |cell: u16, count: u64| {
            seen += count;
            while next < N && seen >= ranks[next] {
                let (least, width) = of_cell(cell);
                found[next] = least + width / 2;
                next += 1;
            }
        };
        match self {
            Self::Few(cells) => {
                let mut cells = cells.clone();
                cells.sort_unstable();
                for cell in cells {
                    see(cell, 1);
                }
            }
            Self::Many(counts) => {
                for (cell, count) in (0_u16..).zip(counts) {
                    see(cell, u64::from(*count));
                }
            }
        }
        found
    }

    fn count(&mut self) {
        if let Self::Few(cells) = self {
            let mut counts = vec![0; CELLS].into_boxed_slice();
            for cell in cells {
                counts[usize::from(*cell)] += 1;
            }
            *self = Self::Many(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_within_its_cell() {
        let mut nanos = 1_u64;
        for cell in 0..CELLS {
            let (least, width) = of_cell(cell as u16);
            assert_eq!(usize::from(cell_of(least)), cell);
            assert_eq!(usize::from(cell_of(least + (width - 1))), cell);
        }
        assert!(usize::from(cell_of(u64::MAX)) < CELLS);
        while nanos < u64::MAX / 3 {
            let (least, width) = of_cell(cell_of(nanos));
            let shown = least + width / 2;
            assert!(
                shown.abs_diff(nanos) as f64 <= nanos as f64 * 0.004,
                "{nanos}"
            );
            nanos = nanos * 3 + 1;
        }
    }

    #[test]
    fn ranks_are_the_same_of_few_and_of_many_and_however_merged() {
        let lengths = |n: u64| (n * 7_919 % 10_007) * 1_000;
        let mut all = DurationCells::default();
        let mut parts = [DurationCells::default(), DurationCells::default()];
        for n in 0..10_000 {
            all.add(lengths(n));
            parts[usize::from(n >= 3_000)].add(lengths(n));
        }
        let mut sorted: Vec<u64> = (0..10_000).map(lengths).collect();
        sorted.sort_unstable();
        let [few, mut many] = parts;
        assert!(matches!(
            (&few, &many),
            (DurationCells::Few(_), DurationCells::Many(_))
        ));
        let mut merged = few.clone();
        merged.merge(many.clone());
        many.merge(few);
        let ranks = [1, 5_000, 9_900, 10_000];
        let found = all.ranked(ranks);
        assert_eq!(merged.ranked(ranks), found);
        assert_eq!(many.ranked(ranks), found);
        for (rank, found) in ranks.into_iter().zip(found) {
            let exact = sorted[rank as usize - 1];
            assert!(
                found.abs_diff(exact) as f64 <= exact as f64 * 0.004,
                "{rank}"
            );
        }
        assert_eq!(DurationCells::default().ranked([1]), [0]);
    }
}
