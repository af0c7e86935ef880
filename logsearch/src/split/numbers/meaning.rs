//! Values as numbers of 64 bits that keep their order.

use super::Meaning;
use crate::scalar::Scalar;

const SIGN: u64 = 1 << 63;
/// More decimals than this are not tried.
const MOST_DECIMALS: u8 = 6;
/// Up to this, every whole number is a float of its own.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

pub(crate) const fn of_int(n: i64) -> u64 {
    n as u64 ^ SIGN
}

pub(crate) const fn to_int(n: u64) -> i64 {
    (n ^ SIGN) as i64
}

const fn of_float(n: f64) -> u64 {
    let bits = n.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

const fn to_float(n: u64) -> f64 {
    f64::from_bits(if n & SIGN == 0 { !n } else { n & !SIGN })
}

/// The meaning that makes the smallest numbers of floats, and these numbers.
pub(crate) fn of_floats(floats: &[f64]) -> (Meaning, Vec<u64>) {
    for decimals in 0..=MOST_DECIMALS {
        let scale = 10_f64.powi(i32::from(decimals));
        let whole = |n: &f64| {
            let whole = (n * scale).round();
            let is_same = (whole / scale).to_bits() == n.to_bits();
            (is_same && whole.abs() < LARGEST_WHOLE).then_some(of_int(whole as i64))
        };
        if let Some(numbers) = floats.iter().map(whole).collect() {
            return (Meaning::Decimal(decimals), numbers);
        }
    }
    (
        Meaning::Float,
        floats.iter().copied().map(of_float).collect(),
    )
}

impl Meaning {
    /// The value that a number stands for.
    pub(crate) fn value(self, number: u64) -> Scalar<'static> {
        match self {
            Self::Int => Scalar::Int(to_int(number)),
            Self::Unsigned => Scalar::Unsigned(number),
            Self::Float | Self::Decimal(_) => Scalar::from_f64(self.float(number)),
            Self::Bool => Scalar::Bool(number != 0),
        }
    }

    /// The same as a float.
    pub(crate) fn float(self, number: u64) -> f64 {
        match self {
            Self::Int => to_int(number) as f64,
            Self::Unsigned | Self::Bool => number as f64,
            Self::Float => to_float(number),
            Self::Decimal(decimals) => to_int(number) as f64 / 10_f64.powi(i32::from(decimals)),
        }
    }

    /// The numbers, both inclusive, whose floats are after `is_below` and not after `is_within`
    /// ends; both hold from the lowest float up to some point.
    pub(crate) fn interval(
        self,
        is_below: impl Fn(f64) -> bool,
        is_not_above: impl Fn(f64) -> bool,
        (least, most): (u64, u64),
    ) -> Option<(u64, u64)> {
        let first = |is: &dyn Fn(f64) -> bool| {
            // The first number of the column's range for which it is not so.
            let (mut low, mut high) = (u128::from(least), u128::from(most) + 1);
            while low < high {
                let middle = u128::midpoint(low, high);
                if is(self.float(middle as u64)) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        let (low, end) = (first(&is_below), first(&is_not_above));
        (low < end).then(|| (low as u64, (end - 1) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_values_are_kept() {
        let check = |floats: &[f64], expected: Meaning| {
            let (meaning, numbers) = of_floats(floats);
            assert_eq!(meaning, expected, "{floats:?}");
            for (number, float) in numbers.iter().zip(floats) {
                assert_eq!(meaning.float(*number).to_bits(), float.to_bits());
            }
            assert!(numbers.is_sorted());
        };
        check(&[-3.0, 5.0], Meaning::Decimal(0));
        check(&[-3.5, 0.0, 87.9], Meaning::Decimal(1));
        check(&[-1e300, -0.0, 1.0 / 3.0, 1e300], Meaning::Float);
        assert_eq!(to_int(of_int(i64::MIN)), i64::MIN);
    }

    #[test]
    fn an_interval_of_floats_is_one_of_numbers() {
        let check = |low: f64, high: f64, expected: Option<(i64, i64)>| {
            let bounds = (of_int(-100), of_int(100));
            let found = Meaning::Decimal(1).interval(|n| n < low, |n| n <= high, bounds);
            let found = found.map(|(low, high)| (to_int(low), to_int(high)));
            assert_eq!(found, expected, "{low} to {high}");
        };
        check(0.05, 1.0, Some((1, 10)));
        check(-1e9, 1e9, Some((-100, 100)));
        check(0.01, 0.02, None);
    }
}
