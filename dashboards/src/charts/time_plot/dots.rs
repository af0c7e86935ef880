//! Single observations over a chart, each leading to its trace.

use std::fmt::Write;

use watchfire_schemas::Timestamp;

use super::TimePlot;
use crate::charts::axis::percent_of;
use crate::charts::escape;

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TraceDot {
    pub(crate) at: Timestamp,
    /// Where it lies on the axis of values; without, it stands at the head of the plot.
    pub(crate) value: Option<f64>,
    pub(crate) title: String,
    pub(crate) href: String,
}

impl TimePlot {
    /// Draws them as diamonds. What lies outside the range is left out.
    pub(crate) fn dots(&mut self, dots: &[TraceDot]) {
        for dot in dots {
            let share = percent_of(dot.at, self.range);
            let y = match dot.value {
                None => f64::from(self.top) + 5.0,
                Some(value) => self.y(value),
            };
            if !(0.0..=100.0).contains(&share) || !y.is_finite() {
                continue;
            }
            write!(
                self.over,
                "<a class=\"exemplar\" href=\"{}\" tabindex=\"-1\"><title>{}</title><svg x=\"{share:.2}%\" y=\"{y:.1}\" overflow=\"visible\"><path d=\"M0-5 5 0 0 5-5 0z\"/></svg></a>",
                escape(&dot.href),
                escape(&dot.title)
            )
            .expect("writing to memory does not fail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_schemas::TimeRange;

    #[test]
    fn a_dot_lies_at_its_value_and_leads_to_its_trace() {
        let at = |second: i64| Timestamp::from_secs(1000 + second);
        let range = TimeRange {
            start: at(0),
            end: at(100),
        };
        let mut plot = TimePlot::new(range, 100, 10.0, "");
        let dot = |second, value| TraceDot {
            at: at(second),
            value,
            title: "<slow>".to_owned(),
            href: "/traces/1&2".to_owned(),
        };
        plot.dots(&[dot(50, Some(5.0)), dot(20, None), dot(200, Some(1.0))]);
        let drawn = plot.finish("").to_string();
        assert_eq!(drawn.matches("class=\"exemplar\"").count(), 2);
        assert!(drawn.contains("x=\"50.00%\" y=\"56.0\""), "{drawn}");
        assert!(drawn.contains("&lt;slow&gt;") && drawn.contains("/traces/1&amp;2"));
    }
}
