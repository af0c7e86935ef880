/// The quantile of a triangle over `low..=high` whose peak is `mode` (Johnson, "The Triangular
/// Distribution as a Proxy for the Beta Distribution in Risk Analysis", 1997): what is taken of an
/// onset that is known by its likeliest time and an interval.
pub(super) fn triangle_quantile(share: f64, low: f64, mode: f64, high: f64) -> f64 {
    let width = high - low;
    if width <= 0.0 {
        return mode;
    }
    let peak = (mode - low) / width;
    if share < peak {
        low + (share * width * (mode - low)).sqrt()
    } else {
        high - ((1.0 - share) * width * (high - mode)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_ends_and_its_peak() {
        assert!((triangle_quantile(0.0, 10.0, 20.0, 40.0) - 10.0).abs() < 1e-9);
        assert!((triangle_quantile(1.0 / 3.0, 10.0, 20.0, 40.0) - 20.0).abs() < 1e-9);
        assert!((triangle_quantile(1.0, 10.0, 20.0, 40.0) - 40.0).abs() < 1e-9);
        assert!((triangle_quantile(0.9, 7.0, 7.0, 7.0) - 7.0).abs() < 1e-9);
    }
}
