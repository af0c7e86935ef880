//! From values to heights.

use super::Unit;

/// The values of an axis: where each lies, and which are written beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    is_log: bool,
    /// Values with a line; what is written there, if anything.
    ticks: Vec<(f64, String)>,
}

impl Scale {
    /// From zero to at least `most`. The zero itself is not written: the axis of times is there.
    pub(crate) fn from_zero(most: f64, unit: Unit) -> Self {
        let most = if most.is_finite() && most > 0.0 {
            most
        } else {
            1.0
        };
        let step = round_step(most, unit);
        let count = (most / step - 1e-9).ceil().max(1.0) as usize;
        let mut scale = Self::stepped(0.0, step, count, unit);
        scale.ticks[0].1.clear();
        scale
    }

    /// Over all of `low..=high`: from zero where zero is near, else so close that changes are seen.
    pub(crate) fn fitting(low: f64, high: f64, unit: Unit) -> Self {
        if !(low.is_finite() && high.is_finite()) || low > high {
            return Self::from_zero(1.0, unit);
        }
        if low >= 0.0 && low <= high * 0.6 {
            return Self::from_zero(high, unit);
        }
        let spread = (high - low).max(high.abs() * 1e-3).max(1e-9);
        let step = round_step(spread, unit);
        let from = (low / step + 1e-9).floor() * step;
        let count = ((high - from) / step - 1e-9).ceil().max(1.0) as usize;
        Self::stepped(from, step, count, unit)
    }

    /// Powers of ten around `low..=high`, both above zero.
    pub(crate) fn logarithmic(low: f64, high: f64, unit: Unit) -> Self {
        let is_usable = low.is_finite() && high.is_finite() && low > 0.0 && low <= high;
        let (low, high) = if is_usable { (low, high) } else { (0.1, 1.0) };
        let from = (low.log10() + 1e-9).floor();
        let to = (high.log10() - 1e-9).ceil().max(from + 1.0);
        let decades = (to - from) as usize;
        let every = decades.div_ceil(6).max(1);
        let ticks = (0..=decades).step_by(every).map(|decade| {
            let value = 10_f64.powf(from + decade as f64);
            (value, unit.write(value))
        });
        Self {
            low: from,
            high: to,
            is_log: true,
            ticks: ticks.collect(),
        }
    }

    /// The logarithms of exactly `low..=high`, both above zero, with lines at the powers of ten
    /// between them, and at twice and five times these where that is little.
    pub(crate) fn between(low: f64, high: f64, unit: Unit) -> Self {
        let is_usable = low.is_finite() && high.is_finite() && low > 0.0 && low < high;
        if !is_usable {
            return Self::logarithmic(low, high, unit);
        }
        let (from, to) = (low.log10(), high.log10());
        let factors: &[f64] = if to - from > 2.5 {
            &[1.0]
        } else {
            &[1.0, 2.0, 5.0]
        };
        let decades = (from + 1e-9).floor() as i32..=(to + 1e-9).floor() as i32;
        let values = decades.flat_map(|decade| {
            let power = 10_f64.powi(decade);
            factors.iter().map(move |factor| factor * power)
        });
        let within = values.filter(|value| *value >= low * 0.999 && *value <= high * 1.001);
        Self {
            low: from,
            high: to,
            is_log: true,
            ticks: within.map(|value| (value, unit.write(value))).collect(),
        }
    }

    /// Rows of equal height between `bounds`, which are written between them.
    pub(crate) fn rows(bounds: &[String]) -> Self {
        let every = bounds.len().div_ceil(9).max(1);
        let ticks = bounds.iter().enumerate().step_by(every);
        Self {
            low: 0.0,
            high: (bounds.len().max(2) - 1) as f64,
            is_log: false,
            ticks: ticks.map(|(at, text)| (at as f64, text.clone())).collect(),
        }
    }

    fn stepped(from: f64, step: f64, count: usize, unit: Unit) -> Self {
        let values: Vec<f64> = (0..=count).map(|n| from + n as f64 * step).collect();
        let texts = unit.ticks(&values, step);
        Self {
            low: from,
            high: from + count as f64 * step,
            is_log: false,
            ticks: values.into_iter().zip(texts).collect(),
        }
    }

    /// How high a value lies: 0 at the foot, 1 at the head. What has no place (the logarithm of a
    /// number that is not above zero) is not a number.
    pub(crate) fn share(&self, value: f64) -> f64 {
        let value = if self.is_log { value.log10() } else { value };
        if !value.is_finite() {
            return f64::NAN;
        }
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub(super) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }

    pub(crate) fn is_log(&self) -> bool {
        self.is_log
    }

    /// The value at the foot and at the head; of a logarithmic scale their exponents.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }
}

/// A round step that divides `spread` into at most four or five.
fn round_step(spread: f64, unit: Unit) -> f64 {
    let base = unit.base(spread);
    let rough = spread / base / 3.0;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0 * magnitude);
    step * base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(scale: &Scale) -> Vec<f64> {
        scale.ticks().iter().map(|(value, _)| *value).collect()
    }

    #[test]
    fn ticks_are_round_and_cover() {
        assert_eq!(
            values(&Scale::from_zero(7.0, Unit::Number)),
            [0.0, 2.5, 5.0, 7.5]
        );
        assert_eq!(
            values(&Scale::from_zero(100.0, Unit::Number)),
            [0.0, 50.0, 100.0]
        );
        let bytes = Scale::from_zero(3.2 * 1024.0 * 1024.0, Unit::Bytes);
        assert_eq!(bytes.ticks()[1].1, "2 MiB");
        assert!(Scale::from_zero(f64::NAN, Unit::Number).share(1.0) > 0.99);
    }

    #[test]
    fn zero_is_shown_where_it_is_near() {
        assert_eq!(
            values(&Scale::fitting(10.0, 100.0, Unit::Number)),
            [0.0, 50.0, 100.0]
        );
        let close = Scale::fitting(1000.0, 1010.0, Unit::Number);
        assert!(
            close.ends().0 >= 990.0 && close.ends().1 >= 1010.0,
            "{close:?}"
        );
        let below = Scale::fitting(-5.0, 5.0, Unit::Number);
        assert!(below.ends().0 <= -5.0 && below.share(0.0) > 0.4);
        let flat = Scale::fitting(7.0, 7.0, Unit::Number);
        assert!(flat.ends().0 < flat.ends().1);
    }

    #[test]
    fn a_logarithm_has_no_zero() {
        let scale = Scale::logarithmic(0.002, 900.0, Unit::Number);
        assert_eq!(scale.ends(), (-3.0, 3.0));
        assert!((scale.share(1.0) - 0.5).abs() < 1e-9);
        assert!(scale.share(0.0).is_nan());
        assert_eq!(
            Scale::logarithmic(0.0, 0.0, Unit::Number).ends(),
            (-1.0, 0.0)
        );
    }

    #[test]
    fn a_logarithm_between_two_values_has_lines_at_round_ones() {
        let wide = Scale::between(0.002, 5.0, Unit::Seconds);
        let texts = |scale: &Scale| {
            let texts = scale.ticks().iter().map(|(_, text)| text.clone());
            texts.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(texts(&wide), "10 ms, 100 ms, 1 s");
        assert!((wide.share(0.1) - 0.5).abs() < 1e-9);
        let narrow = Scale::between(0.01, 0.1, Unit::Seconds);
        assert_eq!(texts(&narrow), "10 ms, 20 ms, 50 ms, 100 ms");
        assert_eq!(Scale::between(0.0, 0.0, Unit::Seconds).ends(), (-1.0, 0.0));
    }

    #[test]
    fn rows_are_written_sparsely() {
        let bounds: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        let scale = Scale::rows(&bounds);
        assert!(scale.ticks().len() <= 9);
        assert!((scale.share(29.0) - 1.0).abs() < 1e-9);
    }
}
