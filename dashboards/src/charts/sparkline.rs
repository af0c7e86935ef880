//! A trend without axes, to stand in a table's cell.

use std::fmt::Write;

use super::{Svg, escape};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

/// Bars from the earliest to the latest value, the last one strong. `label` says in words what is
/// drawn. Nothing is drawn of values that are not numbers.
pub(crate) fn sparkline(values: &[f64], class: &str, label: &str) -> Svg {
    let most = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let mut out = format!(
        "<svg class=\"spark {class}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
        escape(label)
    );
    out.push_str("<line class=\"guide\" x1=\"0\" x2=\"120\" y1=\"23.5\" y2=\"23.5\"/>");
    if most > 0.0 {
        let slot = WIDTH / values.len() as f64;
        let gap = if slot > 3.0 { 1.0 } else { 0.0 };
        for (at, value) in values.iter().enumerate() {
            if !value.is_finite() || *value <= 0.0 {
                continue;
            }
            let height = (value / most * (HEIGHT - 1.0)).max(1.5);
            write!(
                out,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"/>",
                at as f64 * slot,
                HEIGHT - height,
                slot - gap
            )
            .expect("writing to memory does not fail");
        }
    }
    out.push_str("</svg>");
    Svg(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_for_numbers_only() {
        let drawn = sparkline(&[0.0, 1.0, f64::NAN, 2.0], "calm", "a & b").to_string();
        assert_eq!(drawn.matches("<rect").count(), 2);
        assert!(drawn.contains("aria-label=\"a &amp; b\""));
        assert!(!drawn.contains("NaN"));
        assert!(!sparkline(&[], "calm", "").to_string().contains("<rect"));
    }
}
