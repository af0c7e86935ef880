//! How observations lie over time: a cell for each step and bucket.

use std::fmt::Write;

use super::TimePlot;
use crate::charts::{Steps, escape};
use crate::figures;

/// Shades of a cell.
pub(super) const SHADES: usize = 8;

/// Observations by bucket and step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Cells {
    /// The bounds of rows from the foot up, one more than there are rows.
    pub(crate) bounds: Vec<f64>,
    /// Each with a count a step; the first at the foot.
    pub(crate) rows: Vec<Vec<f64>>,
}

impl Cells {
    pub(crate) fn most(&self) -> f64 {
        let all = self.rows.iter().flatten().copied();
        all.filter(|count| count.is_finite()).fold(0.0, f64::max)
    }

    /// How high a value lies on the scale of rows; none outside of them.
    pub(crate) fn height_of(&self, value: f64) -> Option<f64> {
        let row = self
            .bounds
            .windows(2)
            .position(|pair| pair[0] < value && value <= pair[1])?;
        let (low, high) = (self.bounds[row], self.bounds[row + 1]);
        let within = (value - low) / (high - low);
        // Towards infinity there is no middle but that of the row.
        Some(
            row as f64
                + if within > 0.0 && high.is_finite() {
                    within
                } else {
                    0.5
                },
        )
    }
}

impl TimePlot {
    /// Draws the cells, and over each step what is clicked. The scale has a row for each bucket.
    /// `links` leads to what was observed in a step.
    pub(crate) fn heat(&mut self, steps: Steps, cells: &Cells, links: impl Fn(usize) -> String) {
        let most = cells.most();
        let mut paths = vec![String::new(); SHADES];
        let height = f64::from(self.height) * 2.0 / cells.rows.len().max(1) as f64;
        for (row, counts) in cells.rows.iter().enumerate() {
            let foot = f64::from(self.height) * 2.0 - row as f64 * height;
            let mut at = 0;
            while at < counts.len() {
                let shade = shade(counts[at], most);
                let same = counts[at..]
                    .iter()
                    .take_while(|count| self::shade(**count, most) == shade);
                let width = same.count();
                if let Some(shade) = shade {
                    write!(
                        paths[shade],
                        "M{at} {foot:.0}h{width}v-{height:.1}h-{width}z"
                    )
                    .expect("writing to memory does not fail");
                }
                at += width;
            }
        }
        let mut drawn = String::new();
        for (shade, path) in paths
            .iter()
            .enumerate()
            .filter(|(_, path)| !path.is_empty())
        {
            write!(drawn, "<path class=\"heat-{shade}\" d=\"{path}\"/>")
                .expect("writing to memory does not fail");
        }
        self.layer("lines heat", steps, &drawn);
        self.columns(steps, links);
        write!(
            self.attributes,
            " data-heat=\"{}\"",
            escape(&told(steps, cells))
        )
        .expect("writing to memory does not fail");
    }

    fn columns(&mut self, steps: Steps, links: impl Fn(usize) -> String) {
        let length = self.range.end.millis() - steps.first;
        for at in 0..steps.count {
            let share = |step: usize| {
                (step as f64 * steps.width as f64 / length.max(1) as f64 * 100.0).min(100.0)
            };
            let (x, end) = (share(at), share(at + 1));
            if end <= x {
                continue;
            }
            write!(
                self.over,
                "<a href=\"{}\" tabindex=\"-1\" aria-label=\"Traces of {}\"><rect class=\"hit\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{}\" height=\"{}\"/></a>",
                escape(&links(at)),
                figures::clock(steps.at(at)),
                end - x,
                self.top,
                self.height
            )
            .expect("writing to memory does not fail");
        }
    }
}

/// By the logarithm, since one slow request among thousands must be seen.
pub(super) fn shade(count: f64, most: f64) -> Option<usize> {
    if !count.is_finite() || count <= 0.0 || most <= 0.0 {
        return None;
    }
    let share = (1.0 + count / most * 1000.0).ln() / 1001.0_f64.ln();
    Some(((share * SHADES as f64) as usize).min(SHADES - 1))
}

/// `f`, `d` as of lines; `b` the bounds, the last one null if it is infinite; `r` the rows.
fn told(steps: Steps, cells: &Cells) -> String {
    let number = |value: f64| {
        if value.is_finite() {
            figures::rounded(value).to_string()
        } else {
            "null".to_owned()
        }
    };
    let list = |values: &[f64]| {
        let texts: Vec<String> = values.iter().map(|value| number(*value)).collect();
        format!("[{}]", texts.join(","))
    };
    let rows: Vec<String> = cells.rows.iter().map(|row| list(row)).collect();
    format!(
        "{{\"f\":{},\"d\":{},\"b\":{},\"r\":[{}]}}",
        steps.first,
        steps.width,
        list(&cells.bounds),
        rows.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::{Scale, Unit};
    use watchfire_schemas::Timestamp;

    #[test]
    fn equal_neighbours_are_one_stroke_and_nothing_is_no_cell() {
        let steps = Steps {
            first: 0,
            width: 1000,
            count: 3,
        };
        let cells = Cells {
            bounds: vec![0.0, 0.1, f64::INFINITY],
            rows: vec![vec![5.0, 5.0, 0.0], vec![0.0, f64::NAN, 5.0]],
        };
        let bounds = ["0".to_owned(), "100 ms".to_owned(), "∞".to_owned()];
        let range = steps.range(Timestamp::from_millis(3000));
        let mut plot = TimePlot::scaled(range, 20, Scale::rows(&bounds), Unit::Seconds);
        plot.heat(steps, &cells, |at| format!("/traces?x={at}&y"));
        let drawn = plot.finish("").to_string();
        assert!(
            drawn.contains("class=\"heat-7\" d=\"M0 40h2v-20.0h-2zM2 20h1v-20.0h-1z\""),
            "{drawn}"
        );
        assert_eq!(drawn.matches("class=\"hit\"").count(), 3);
        assert!(drawn.contains("/traces?x=2&amp;y"));
        assert!(drawn.contains("&quot;b&quot;:[0,0.1,null]"), "{drawn}");
    }

    #[test]
    fn a_value_lies_in_the_row_of_its_bucket() {
        let cells = Cells {
            bounds: vec![0.0, 0.1, 0.5, f64::INFINITY],
            rows: vec![Vec::new(); 3],
        };
        let is_at = |value: f64, height: f64| {
            cells
                .height_of(value)
                .is_some_and(|found| (found - height).abs() < 1e-9)
        };
        assert!(is_at(0.1, 1.0) && is_at(0.3, 1.5) && is_at(7.0, 2.5));
        assert_eq!(cells.height_of(0.0), None);
        assert_eq!(cells.height_of(f64::NAN), None);
    }

    #[test]
    fn one_among_thousands_has_a_shade() {
        assert_eq!(shade(0.0, 10.0), None);
        assert_eq!(shade(10.0, 10.0), Some(7));
        assert!(shade(1.0, 5000.0).is_some());
    }
}
