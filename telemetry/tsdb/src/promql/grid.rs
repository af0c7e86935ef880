/// The times at which an expression is evaluated, in milliseconds: `start`, `start + step`, ….
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) start: i64,
    pub(crate) step: i64,
    pub(crate) steps: usize,
}

impl Grid {
    /// Up to and including `end`; no step if it lies before `start`.
    pub(crate) fn new(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let steps = if end < start {
            0
        } else {
            (end - start) / step + 1
        };
        Self {
            start,
            step,
            steps: steps as usize,
        }
    }

    /// The time of a step.
    pub(crate) fn at(&self, step: usize) -> i64 {
        self.start + self.step * step as i64
    }

    pub(crate) fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let grid = *self;
        (0..grid.steps).map(move |step| grid.at(step))
    }
}
