//! Student's t and the normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// How often an interval is halved: more than a double has digits.
const HALVINGS: usize = 80;

/// The quantile of Student's t with so many degrees of freedom, which may be a fraction (Welch's
/// are). Found by halving an interval of the distribution function.
pub(crate) fn t_quantile(p: f64, degrees: f64) -> f64 {
    if p < 0.5 {
        return -t_quantile(1.0 - p, degrees);
    }
    inverse(p, |t| t_cdf(t, degrees))
}

/// The distribution function of Student's t, by the regularized incomplete beta function
/// (Abramowitz and Stegun 26.7.1).
pub(crate) fn t_cdf(t: f64, degrees: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t));
    if t < 0.0 { tail } else { 1.0 - tail }
}

/// The quantile of the normal distribution.
pub(super) fn normal_quantile(p: f64) -> f64 {
    if p < 0.5 {
        return -normal_quantile(1.0 - p);
    }
    inverse(p, normal_cdf)
}

/// The distribution function of the normal distribution: the series of Abramowitz and Stegun 26.2.10
/// near zero, the continued fraction 26.2.14 in the tails.
pub(super) fn normal_cdf(x: f64) -> f64 {
    let size = x.abs();
    let density = (-x * x / 2.0).exp() / (2.0 * PI).sqrt();
    let tail = if size < 3.0 {
        let mut term = size;
        let mut sum = size;
        let mut n = 1.0;
        while term > sum * 1e-17 {
            n += 2.0;
            term *= x * x / n;
            sum += term;
        }
        0.5 - density * sum
    } else {
        let mut fraction = size;
        for n in (1..=60).rev() {
            fraction = size + f64::from(n) / fraction;
        }
        density / fraction
    };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// The place from zero on at which a growing function reaches `p`.
fn inverse(p: f64, cdf: impl Fn(f64) -> f64) -> f64 {
    let mut high = SQRT_2;
    while cdf(high) < p && high < 1e12 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= high * 1e-14 {
            break;
        }
    }
    f64::midpoint(low, high)
}

/// The regularized incomplete beta function, by its continued fraction (Abramowitz and Stegun
/// 26.5.8), evaluated as Lentz does.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // Where the fraction converges slowly, its mirror converges fast.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    let away_from_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut upper, mut lower) = (1.0, 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = lower;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for numerator in [even, odd] {
            lower = 1.0 / away_from_zero(1.0 + numerator * lower);
            upper = away_from_zero(1.0 + numerator / upper);
            fraction *= upper * lower;
        }
        if (fraction - before).abs() <= before.abs() * 1e-16 {
            break;
        }
    }
    front * fraction / a
}

/// The logarithm of the gamma function for arguments above zero: Stirling's series (Abramowitz and
/// Stegun 6.1.41) after the argument is moved to ten or more.
fn ln_gamma(x: f64) -> f64 {
    let mut shift = 0.0;
    let mut at = x;
    while at < 10.0 {
        shift += at.ln();
        at += 1.0;
    }
    let inverse = 1.0 / (at * at);
    let series = (1.0 / 12.0
        - inverse
            * (1.0 / 360.0
                - inverse * (1.0 / 1260.0 - inverse * (1.0 / 1680.0 - inverse / 1188.0))))
        / at;
    (at - 0.5) * at.ln() - at + 0.5 * (2.0 * PI).ln() + series - shift
}
