//! A trend without axes, to stand in a table's cell.

use std::fmt::Write;

use super::{Svg, escape};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

/// Bars from the earliest to the latest value. The tallest is at least `floor`, so that a trifle
/// does not look like a disaster. `label` says in words what is drawn.
pub(crate) fn sparkline(values: &[f64], floor: f64, label: &str) -> Svg {
    let most = highest(values).max(floor);
    let mut out = opened("bad", label);
    if most > 0.0 {
        let slot = WIDTH / values.len() as f64;
        let gap = if slot > 2.5 { 1.0 } else { 0.0 };
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

/// A line over its area, for what flows rather than happens.
pub(crate) fn flow(values: &[f64], label: &str) -> Svg {
    let most = highest(values);
    let mut out = opened("calm", label);
    let slot = WIDTH / (values.len().max(2) - 1) as f64;
    let mut line = String::new();
    for (at, value) in values.iter().enumerate() {
        let share = if value.is_finite() && most > 0.0 {
            value / most
        } else {
            0.0
        };
        let command = if line.is_empty() { 'M' } else { 'L' };
        let y = HEIGHT - 1.0 - share * (HEIGHT - 3.0);
        write!(line, "{command}{:.1} {y:.1}", at as f64 * slot)
            .expect("writing to memory does not fail");
    }
    if !line.is_empty() && most > 0.0 {
        write!(
            out,
            "<path class=\"area\" d=\"{line}V{HEIGHT}H0Z\"/><path class=\"stroke\" d=\"{line}\"/>"
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg(out)
}

fn highest(values: &[f64]) -> f64 {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    finite.fold(0.0, f64::max)
}

fn opened(class: &str, label: &str) -> String {
    format!(
        "<svg class=\"spark {class}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\
         <line class=\"guide\" x1=\"0\" x2=\"{WIDTH}\" y1=\"23.5\" y2=\"23.5\"/>",
        escape(label)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_drawn_for_numbers_only() {
        let drawn = sparkline(&[0.0, 1.0, f64::NAN, 2.0], 0.0, "a & b").to_string();
        assert_eq!(drawn.matches("<rect").count(), 2);
        assert!(drawn.contains("aria-label=\"a &amp; b\""));
        assert!(!drawn.contains("NaN"));
        assert!(!sparkline(&[], 1.0, "").to_string().contains("<rect"));
    }

    #[test]
    fn a_trifle_stays_small() {
        let drawn = sparkline(&[0.0, 1.0], 10.0, "").to_string();
        assert!(drawn.contains("height=\"2.3\""), "{drawn}");
    }

    #[test]
    fn a_flow_is_one_line() {
        let drawn = flow(&[1.0, f64::NAN, 2.0], "").to_string();
        assert!(
            drawn.contains("d=\"M0.0 12.5L60.0 23.0L120.0 2.0\""),
            "{drawn}"
        );
        assert!(!flow(&[], "").to_string().contains("<path"));
    }
}
