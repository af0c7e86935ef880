use super::{Direction, SeriesInput};

/// Counts as the judges read them: each with what it is to be held against.
#[derive(Debug, Clone)]
pub(super) struct Signal {
    pub counts: Vec<f64>,
    /// What the usual rate is multiplied by: traffic, or 1. A bin of which nothing is known has
    /// neither weight nor count, so that it says nothing.
    pub weights: Vec<f64>,
    pub bin_seconds: f64,
    pub direction: Direction,
}

impl Signal {
    /// The input must have been checked.
    pub(super) fn of(input: &SeriesInput) -> Self {
        let known = |count: &f64| if count.is_nan() { 0.0 } else { *count };
        let weights: Vec<f64> = match &input.traffic {
            // What failed was asked for, whatever the other counter says.
            Some(traffic) => {
                let pairs = traffic.iter().zip(&input.counts);
                pairs
                    .map(|(traffic, count)| weight(*traffic, *count))
                    .collect()
            }
            None => input
                .counts
                .iter()
                .map(|c| if c.is_nan() { 0.0 } else { 1.0 })
                .collect(),
        };
        let both = input.counts.iter().zip(&weights);
        let counts = both
            .map(|(c, w): (&f64, &f64)| if *w > 0.0 { known(c) } else { 0.0 })
            .collect();
        Self {
            counts,
            weights,
            bin_seconds: input.bin_seconds,
            direction: input.direction,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    /// As many bins as these seconds are, at least one.
    pub(super) fn bins(&self, seconds: f64) -> usize {
        (seconds / self.bin_seconds).round().max(1.0) as usize
    }
}

fn weight(traffic: f64, count: f64) -> f64 {
    if traffic.is_nan() || count.is_nan() {
        return 0.0;
    }
    traffic.max(count)
}
