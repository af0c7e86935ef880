//! Sums that do not lose small terms beside large ones (Kahan's method as improved by Neumaier).

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
    fn a_mean_does_not_overflow() {
        let mut mean = Mean::default();
        for _ in 0..4 {
            mean.add(f64::MAX);
        }
        assert!((mean.value() / f64::MAX - 1.0).abs() < 1e-12);
    }
}
