//! Floats that are whole numbers over a power of ten, as most that programs report are.

/// More decimals than this are not looked for.
pub(crate) const MOST_DECIMALS: u8 = 12;

const POWERS: [f64; MOST_DECIMALS as usize + 1] = [
    1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
];

/// Floats hold all whole numbers below this one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The whole number that stands for a value with so many decimals, if it gives back the very bits.
pub(crate) fn scaled(value: f64, decimals: u8) -> Option<i64> {
    let power = POWERS[decimals as usize];
    let whole = (value * power).round_ties_even();
    // What is no number is not below either.
    if whole.abs() < EXACT {
        let whole = whole as i64;
        return (unscaled(whole, decimals).to_bits() == value.to_bits()).then_some(whole);
    }
    None
}

/// The value that a whole number stands for.
pub(crate) fn unscaled(whole: i64, decimals: u8) -> f64 {
    if decimals == 0 {
        return whole as f64;
    }
    // One division of exact numbers gives the float nearest to the decimal number.
    whole as f64 / POWERS[decimals as usize % POWERS.len()]
}

/// The fewest decimals, of `least` or more, with which a value is a whole number.
pub(crate) fn decimals(value: f64, least: u8) -> Option<u8> {
    for decimals in least..=MOST_DECIMALS {
        if scaled(value, decimals).is_some() {
            return Some(decimals);
        }
        let too_large = (value * POWERS[decimals as usize]).abs() >= EXACT;
        if too_large || !value.is_finite() {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, expected: Option<u8>) {
        let found = decimals(value, 0);
        assert_eq!(found, expected, "{value}");
        if let Some(decimals) = found {
            let whole = scaled(value, decimals).unwrap();
            assert_eq!(unscaled(whole, decimals).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn decimals_are_found() {
        check(0.0, Some(0));
        check(-0.0, None);
        check(17.0, Some(0));
        check(-0.25, Some(2));
        check(4.567_891, Some(6));
        check(0.1 + 0.2, None);
        check(1.0 / 3.0, None);
        check(1e300, None);
        check(f64::NAN, None);
        check(f64::NEG_INFINITY, None);
        check(9_007_199_254_740_991.0, Some(0));
        check(9_007_199_254_740_992.0, None);
    }
}
