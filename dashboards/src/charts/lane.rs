//! A series on a grid of steps, as charts draw it.

use watchfire_schemas::{Sample, TimeRange, Timestamp};

/// Times at equal distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Milliseconds since the epoch.
    pub(crate) first: i64,
    /// Milliseconds, more than zero.
    pub(crate) width: i64,
    pub(crate) count: usize,
}

impl Steps {
    /// Those of a range query: from the whole step at or before the start of the range to its end.
    pub(crate) fn over(range: TimeRange, step: std::time::Duration) -> Self {
        let width = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let first = range.start.floor(step).millis();
        let count = (range.end.millis() - first).max(0) / width + 1;
        Self {
            first,
            width,
            count: count as usize,
        }
    }

    pub(crate) fn at(&self, step: usize) -> Timestamp {
        Timestamp::from_millis(self.first + step as i64 * self.width)
    }

    /// From the first step on, so that each step lies at a whole number of the drawing.
    pub(crate) fn range(&self, end: Timestamp) -> TimeRange {
        TimeRange {
            start: self.at(0),
            end: end.max(self.at(1)),
        }
    }
}

/// One line: a value for each step, not a number where there is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Lane {
    pub(crate) name: String,
    /// By what the page knows it; empty if it cannot be chosen.
    pub(crate) key: String,
    /// `series-3`, and what else its look needs.
    pub(crate) class: String,
    pub(crate) values: Vec<f64>,
}

/// What a line comes to in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) last: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) mean: f64,
}

impl Lane {
    /// The samples of a series, each at its step; those between steps are left out.
    pub(crate) fn of(samples: &[Sample], steps: Steps) -> Self {
        let mut values = vec![f64::NAN; steps.count];
        for sample in samples {
            let past = sample.t - steps.first;
            let place = usize::try_from(past / steps.width).ok();
            let is_on_grid = past >= 0 && past % steps.width == 0;
            if let Some(value) = place
                .filter(|_| is_on_grid)
                .and_then(|at| values.get_mut(at))
            {
                *value = sample.v;
            }
        }
        Self {
            values,
            ..Self::default()
        }
    }

    #[must_use]
    pub(crate) fn named(mut self, name: impl Into<String>, class: impl Into<String>) -> Self {
        self.name = name.into();
        self.class = class.into();
        self
    }

    pub(crate) fn finite(&self) -> impl Iterator<Item = f64> {
        self.values
            .iter()
            .copied()
            .filter(|value| value.is_finite())
    }

    /// None if there is no value at all. The last value is the newest there is.
    pub(crate) fn figures(&self) -> Option<Figures> {
        let last = self.finite().last()?;
        let (mut min, mut max, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0);
        for value in self.finite() {
            min = f64::min(min, value);
            max = f64::max(max, value);
            sum += value;
            count += 1.0;
        }
        Some(Figures {
            last,
            min,
            max,
            mean: sum / count,
        })
    }
}

/// The least and the greatest value of all lines.
pub(crate) fn extent<'a>(lanes: impl IntoIterator<Item = &'a Lane>) -> (f64, f64) {
    let values = lanes.into_iter().flat_map(Lane::finite);
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_lie_at_their_steps_and_gaps_stay_gaps() {
        let steps = Steps {
            first: 10_000,
            width: 5_000,
            count: 4,
        };
        let sample = |t, v| Sample { t, v };
        let lane = Lane::of(
            &[
                sample(5_000, 9.0),
                sample(10_000, 1.0),
                sample(20_000, 3.0),
                sample(21_000, 8.0),
            ],
            steps,
        );
        assert_eq!(format!("{:?}", lane.values), "[1.0, NaN, 3.0, NaN]");
        let figures = lane.figures().unwrap();
        assert_eq!(
            (figures.last, figures.min, figures.max, figures.mean),
            (3.0, 1.0, 3.0, 2.0)
        );
        assert!(Lane::default().figures().is_none());
        assert_eq!(extent([&lane]), (1.0, 3.0));
    }

    #[test]
    fn steps_cover_a_range() {
        let range = TimeRange {
            start: Timestamp::from_millis(7_000),
            end: Timestamp::from_millis(21_000),
        };
        let steps = Steps::over(range, std::time::Duration::from_secs(5));
        assert_eq!((steps.first, steps.count), (5_000, 4));
        assert_eq!(steps.at(3).millis(), 20_000);
    }
}
