//! Sums that do not lose small terms beside large ones (Kahan's method as improved by Neumaier).

use crate::staleness::STALE;

/// A sum and the error it has gathered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FloatSum {
    sum: f64,
    error: f64,
}

impl FloatSum {
    pub(crate) fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        if sum.is_infinite() {
            self.error = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.error += (self.sum - sum) + value;
        } else {
            self.error += (value - sum) + self.sum;
        }
        self.sum = sum;
    }

    /// With one term.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            sum: value,
            error: 0.0,
        }
    }

    /// Adds another sum.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.add(other.sum);
        self.error += other.error;
    }

    /// Without the error.
    pub(crate) fn sum(self) -> f64 {
        self.sum
    }

    pub(crate) fn total(self) -> f64 {
        self.sum + self.error
    }
}

/// A mean that goes over to adding up fractions before its sum overflows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    count: f64,
    sum: FloatSum,
    /// Once the sum has overflowed: the mean itself.
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut sum = self.sum;
            sum.add(value);
            if self.count <= 1.0 || !sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            self.sum.sum /= self.count - 1.0;
            self.sum.error /= self.count - 1.0;
        }
        let shrink = (self.count - 1.0) / self.count;
        self.sum.sum *= shrink;
        self.sum.error *= shrink;
        self.sum.add(value / self.count);
    }

    pub(crate) fn value(self) -> f64 {
        if self.incremental {
            return self.sum.total();
        }
        self.sum.sum / self.count + self.sum.error / self.count
    }

    /// The mean, or the staleness marker if there is no term.
    pub(crate) fn value_or_stale(self) -> f64 {
        if self.count > 0.0 {
            self.value()
        } else {
            STALE
        }
    }

    /// Takes in the terms of another mean.
    pub(crate) fn absorb(&mut self, other: Self) {
        if self.count == 0.0 || other.count == 0.0 {
            if self.count == 0.0 {
                *self = other;
            }
            return;
        }
        let count = self.count + other.count;
        if !self.incremental && !other.incremental {
            let mut sum = self.sum;
            sum.absorb(other.sum);
            if !sum.sum.is_infinite() {
                (self.sum, self.count) = (sum, count);
                return;
            }
        }
        let mut mean = FloatSum::of(self.value() * (self.count / count));
        mean.add(other.value() * (other.count / count));
        *self = Self {
            count,
            sum: mean,
            incremental: true,
        };
    }
}

/// The variance of a population (Welford's method).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: FloatSum,
    squares: FloatSum,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean.total();
        self.mean.add(before / self.count);
        self.squares.add(before * (value - self.mean.total()));
    }

    pub(crate) fn value(self) -> f64 {
        self.squares.total() / self.count
    }

    /// The variance, or the staleness marker if there is no term.
    pub(crate) fn value_or_stale(self) -> f64 {
        if self.count > 0.0 {
            self.value()
        } else {
            STALE
        }
    }

    /// Takes in the terms of another variance (Chan's method).
    pub(crate) fn absorb(&mut self, other: Self) {
        if self.count == 0.0 || other.count == 0.0 {
            if self.count == 0.0 {
                *self = other;
            }
            return;
        }
        let count = self.count + other.count;
        let apart = other.mean.total() - self.mean.total();
        self.mean.add(apart * (other.count / count));
        self.squares.absorb(other.squares);
        self.squares
            .add(apart * apart * (self.count * (other.count / count)));
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        let mut sum = FloatSum::default();
        for value in [1.0, 1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert!((sum.total() - 2.0).abs() < 1e-12);
    }

    #[test]
    fn parts_make_the_same_whole() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i * i % 17) - 5.5).collect();
        let mut whole = (FloatSum::default(), Mean::default(), Variance::default());
        let mut parts = [whole; 2];
        for (i, &value) in values.iter().enumerate() {
            for (sum, mean, variance) in [&mut whole, &mut parts[usize::from(i > 30)]] {
                sum.add(value);
                mean.add(value);
                variance.add(value);
            }
        }
        let [mut first, second] = parts;
        first.0.absorb(second.0);
        first.1.absorb(second.1);
        first.2.absorb(second.2);
        assert!((first.0.total() - whole.0.total()).abs() < 1e-12);
        assert!((first.1.value() - whole.1.value()).abs() < 1e-12);
        assert!((first.2.value() - whole.2.value()).abs() < 1e-12);
    }

    #[test]
    fn a_mean_does_not_overflow() {
        let mut mean = Mean::default();
        for _ in 0..4 {
            mean.add(f64::MAX);
        }
        assert!((mean.value() / f64::MAX - 1.0).abs() < 1e-12);
    }
}
