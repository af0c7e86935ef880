//! A share as a thin bar under or beside a number.

use super::Svg;

/// `share` of one, at least a sliver if it is not nothing. Says nothing that a number does not.
pub(crate) fn meter(share: f64) -> Svg {
    let share = if share.is_finite() { share } else { 0.0 };
    let width = (share.clamp(0.0, 1.0) * 100.0).max(if share > 0.0 { 0.6 } else { 0.0 });
    Svg(format!(
        "<svg class=\"meter\" width=\"100%\" height=\"3\" aria-hidden=\"true\"><rect width=\"{width:.1}%\" height=\"3\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_stays_within_its_bar() {
        assert!(meter(7.0).to_string().contains("<rect width=\"100.0%\""));
        assert!(meter(1e-9).to_string().contains("<rect width=\"0.6%\""));
        assert!(meter(f64::NAN).to_string().contains("<rect width=\"0.0%\""));
    }
}
