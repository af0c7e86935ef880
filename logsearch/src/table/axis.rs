use serde_json::Value;

use super::steps::STEPS;

/// The values that there are.
#[derive(Debug, Default)]
pub(super) struct Extent {
    pub(super) least: f64,
    pub(super) most: f64,
    pub(super) count: u64,
}

impl Extent {
    pub(super) fn meet(&mut self, number: f64) {
        let is_first = self.count == 0;
        self.least = if is_first {
            number
        } else {
            self.least.min(number)
        };
        self.most = if is_first {
            number
        } else {
            self.most.max(number)
        };
        self.count += 1;
    }

    pub(super) fn join(&mut self, other: &Self, unit: f64) {
        if other.count > 0 {
            self.meet(other.least * unit);
            self.meet(other.most * unit);
        }
    }
}

/// Steps that cover an extent.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) step: f64,
    first: f64,
    pub(super) steps: usize,
    /// The step that was asked for makes too many rows.
    pub(super) is_widened: bool,
}

impl Axis {
    pub(super) fn over(
        extent: &Extent,
        wanted: Option<f64>,
        round: fn(f64, usize) -> f64,
        limit: usize,
    ) -> Self {
        let span = extent.most - extent.least;
        let round = |steps: usize| {
            if span.is_finite() {
                round(span, steps)
            } else {
                // The distance of two huge numbers is none; half of it is.
                2.0 * round(extent.most / 2.0 - extent.least / 2.0, steps)
            }
        };
        let count = |step: f64| (extent.most / step).floor() - (extent.least / step).floor() + 1.0;
        let mut step = wanted.unwrap_or_else(|| round(STEPS.min(limit)));
        let is_widened = count(step) > limit as f64;
        if is_widened {
            step = round(limit);
        }
        Self {
            step,
            first: (extent.least / step).floor(),
            steps: count(step).clamp(1.0, limit as f64 + 1.0) as usize,
            is_widened,
        }
    }

    pub(super) fn index(&self, number: f64) -> usize {
        ((number / self.step).floor() - self.first) as usize
    }

    pub(super) fn start(&self, index: u32) -> f64 {
        (self.first + f64::from(index)) * self.step
    }
}

/// What to say where a step makes too many rows.
pub(super) fn widened(step: &Value, limit: usize) -> String {
    let step = step
        .as_str()
        .map_or_else(|| step.to_string(), str::to_owned);
    format!("the step is {step}: a smaller one makes more than {limit} rows")
}

#[cfg(test)]
mod tests {
    use super::super::steps::round_number;
    use super::*;

    fn check(values: [f64; 2], wanted: Option<f64>, expected: (f64, usize, bool)) {
        let mut extent = Extent::default();
        for n in values {
            extent.meet(n);
        }
        let axis = Axis::over(&extent, wanted, round_number, 100);
        let found = (axis.step, axis.steps, axis.is_widened);
        assert_eq!(found, expected, "{values:?}");
        assert_eq!(axis.index(extent.least), 0);
        assert_eq!(axis.index(extent.most), axis.steps - 1);
        assert!(axis.start(0) <= extent.least);
    }

    #[test]
    fn steps_cover_what_there_is() {
        check([3.0, 3.0], None, (1.0, 1, false));
        check([0.0, 100.0], None, (5.0, 21, false));
        check([-7.0, 12.0], Some(5.0), (5.0, 5, false));
        check([0.0, 1e6], Some(1.0), (20_000.0, 51, true));
        check([-1e308, 1e308], Some(1.0), (4e306, 51, true));
    }
}
