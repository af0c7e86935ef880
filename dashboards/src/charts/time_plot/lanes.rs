//! Lines of series on a grid of steps: any number of them, light on the page.

use std::fmt::Write;

use super::TimePlot;
use crate::charts::{Lane, Steps, escape};
use crate::figures;

/// How many points all lines of a chart are drawn with.
const MOST_POINTS: usize = 8_000;
/// Units of the drawing to a pixel of height.
const FINE: f64 = 2.0;

/// How lines stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Look {
    #[default]
    Lines,
    /// One upon the other, the first at the foot.
    Stacked,
}

impl TimePlot {
    /// Draws lines, broken where there is no value. The plot's range begins with the first step.
    pub(crate) fn lanes(&mut self, steps: Steps, lanes: &[Lane], look: Look) {
        let most = (MOST_POINTS / lanes.len().max(1)).max(16);
        let mut drawn = String::new();
        match look {
            Look::Lines => {
                for lane in lanes {
                    let path = self.lane_path(&thinned(&lane.values, most));
                    push(&mut drawn, "lane", lane, &path);
                }
            }
            Look::Stacked => self.stack(&mut drawn, lanes, most),
        }
        self.layer("lines", steps, &drawn);
    }

    /// From the highest sum down, so that each area covers the foot of the one before.
    fn stack(&self, drawn: &mut String, lanes: &[Lane], most: usize) {
        let mut sums: Vec<Vec<f64>> = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let below = sums.last();
            let sum = lane.values.iter().enumerate().map(|(at, value)| {
                let value = if value.is_finite() { *value } else { 0.0 };
                below.map_or(0.0, |below| below[at]) + value
            });
            sums.push(sum.collect());
        }
        let foot = self.drawn_y(0.0_f64.max(self.scale.ends().0)).unwrap_or(0);
        for (lane, sum) in lanes.iter().zip(&sums).rev() {
            let last = sum.len().saturating_sub(1);
            let path = self.lane_path(&thinned(sum, most));
            push(
                drawn,
                "lane area",
                lane,
                &format!("{path}L{last} {foot}L0 {foot}Z"),
            );
        }
    }

    /// A drawing over the whole plot whose width is the number of steps.
    pub(super) fn layer(&mut self, class: &str, steps: Steps, drawn: &str) {
        let length = self.range.end.millis() - steps.first;
        let width = length as f64 / steps.width as f64;
        let (top, height) = (self.top, self.height);
        write!(
            self.layers,
            "<svg class=\"{class}\" x=\"0\" y=\"{top}\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {width:.3} {}\" preserveAspectRatio=\"none\">{drawn}</svg>",
            f64::from(height) * FINE
        )
        .expect("writing to memory does not fail");
    }

    /// What the script tells under the pointer: all values.
    pub(crate) fn told(&mut self, steps: Steps, lanes: &[Lane]) {
        let told = readings(steps, lanes.iter());
        write!(self.attributes, " data-lanes=\"{}\"", escape(&told))
            .expect("writing to memory does not fail");
    }

    /// Where the script finds them when it is asked for them.
    pub(crate) fn told_at(&mut self, href: &str) {
        write!(self.attributes, " data-readings=\"{}\"", escape(href))
            .expect("writing to memory does not fail");
    }

    fn drawn_y(&self, value: f64) -> Option<i64> {
        let share = self.scale.share(value);
        share
            .is_finite()
            .then(|| ((1.0 - share) * f64::from(self.height) * FINE).round() as i64)
    }

    /// Steps to the right by small numbers; a point that stands alone is a dot.
    fn lane_path(&self, points: &[(usize, f64)]) -> String {
        let mut path = String::with_capacity(points.len() * 5);
        let mut pen: Option<(usize, i64)> = None;
        let mut is_alone = false;
        for &(x, value) in points {
            let Some(y) = self.drawn_y(value) else {
                if is_alone {
                    path.push_str("h0");
                }
                (pen, is_alone) = (None, false);
                continue;
            };
            match pen {
                None => {
                    write!(path, "M{x} {y}").expect("writing to memory does not fail");
                    is_alone = true;
                }
                Some((before_x, before_y)) => {
                    path.push(if is_alone { 'l' } else { ' ' });
                    write!(path, "{}", x - before_x).expect("writing to memory does not fail");
                    if y >= before_y {
                        path.push(' ');
                    }
                    write!(path, "{}", y - before_y).expect("writing to memory does not fail");
                    is_alone = false;
                }
            }
            pen = Some((x, y));
        }
        if is_alone {
            path.push_str("h0");
        }
        path
    }
}

fn push(drawn: &mut String, what: &str, lane: &Lane, path: &str) {
    write!(
        drawn,
        "<path class=\"{what} {}\" data-k=\"{}\" d=\"{path}\"/>",
        lane.class,
        escape(&lane.key)
    )
    .expect("writing to memory does not fail");
}

/// At most about `most` of the values, each with its step: of neighbours the least and the
/// greatest stay, in the order in which they came, so that no peak is lost.
fn thinned(values: &[f64], most: usize) -> Vec<(usize, f64)> {
    if values.len() <= most {
        return values.iter().copied().enumerate().collect();
    }
    let width = values.len().div_ceil(most / 2);
    let mut kept = Vec::with_capacity(most + 2);
    for (group, few) in values.chunks(width).enumerate() {
        let finite = few
            .iter()
            .enumerate()
            .filter(|(_, value)| value.is_finite());
        let least = finite.clone().min_by(|a, b| a.1.total_cmp(b.1));
        let greatest = finite.max_by(|a, b| a.1.total_cmp(b.1));
        let at = |(place, value): (usize, &f64)| (group * width + place, *value);
        match (least.map(at), greatest.map(at)) {
            (Some(a), Some(b)) if a.0 == b.0 => kept.push(a),
            (Some(a), Some(b)) => kept.extend([a.min_by_step(b), a.max_by_step(b)]),
            _ => kept.push((group * width, f64::NAN)),
        }
    }
    kept
}

trait ByStep {
    fn min_by_step(self, other: Self) -> Self;
    fn max_by_step(self, other: Self) -> Self;
}

impl ByStep for (usize, f64) {
    fn min_by_step(self, other: Self) -> Self {
        if self.0 < other.0 { self } else { other }
    }

    fn max_by_step(self, other: Self) -> Self {
        if self.0 < other.0 { other } else { self }
    }
}

/// The values of lines as JSON: `f` the first step in milliseconds, `d` the distance of steps, and
/// of each line its name `n`, class `c`, key `k` and values `v`.
pub(crate) fn readings<'a>(steps: Steps, lanes: impl Iterator<Item = &'a Lane>) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let mut out = format!("{{\"f\":{},\"d\":{},\"s\":[", steps.first, steps.width);
    for (at, lane) in lanes.enumerate() {
        if at > 0 {
            out.push(',');
        }
        write!(
            out,
            "{{\"n\":{},\"c\":{},\"k\":{},\"v\":[",
            text(&lane.name),
            text(&lane.class),
            text(&lane.key)
        )
        .expect("writing to memory does not fail");
        for (at, value) in lane.values.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            if value.is_finite() {
                write!(out, "{}", figures::rounded(*value))
                    .expect("writing to memory does not fail");
            }
            // What is left out between two commas is not JSON.
            else {
                out.push_str("null");
            }
        }
        out.push_str("]}");
    }
    out.push_str("]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::{Scale, Unit};
    use watchfire_schemas::Timestamp;

    const STEPS: Steps = Steps {
        first: 0,
        width: 1000,
        count: 5,
    };

    fn plot() -> TimePlot {
        let range = STEPS.range(Timestamp::from_millis(4000));
        TimePlot::scaled(
            range,
            50,
            Scale::from_zero(10.0, Unit::Number),
            Unit::Number,
        )
    }

    fn lane(values: &[f64]) -> Lane {
        Lane {
            name: "a \"b\"".to_owned(),
            key: "a.1".to_owned(),
            class: "series-0".to_owned(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn a_line_is_steps_of_small_numbers() {
        let mut plot = plot();
        plot.lanes(
            STEPS,
            &[lane(&[0.0, 10.0, 5.0, f64::NAN, 10.0])],
            Look::Lines,
        );
        let drawn = plot.finish("x").to_string();
        assert!(drawn.contains("d=\"M0 100l1-100 1 50M4 0h0\""), "{drawn}");
        assert!(drawn.contains("viewBox=\"0 0 4.000 100\""), "{drawn}");
    }

    #[test]
    fn a_stack_adds_up_from_the_first() {
        let mut plot = plot();
        let lanes = [lane(&[1.0, 1.0]), lane(&[f64::NAN, 11.0])];
        plot.lanes(STEPS, &lanes, Look::Stacked);
        let drawn = plot.finish("x").to_string();
        assert!(drawn.contains("d=\"M0 90l1-90L1 100L0 100Z\""), "{drawn}");
    }

    #[test]
    fn thinning_keeps_the_peaks() {
        let mut values = vec![1.0; 1000];
        values[777] = 99.0;
        values[10] = -3.0;
        let kept = thinned(&values, 100);
        assert!(kept.len() <= 100, "{}", kept.len());
        assert!(kept.contains(&(777, 99.0)) && kept.contains(&(10, -3.0)));
        assert!(kept.is_sorted_by_key(|(at, _)| *at));
        assert_eq!(
            thinned(&[f64::NAN; 40], 10)
                .iter()
                .filter(|p| p.1.is_finite())
                .count(),
            0
        );
    }

    #[test]
    fn readings_are_json_with_gaps() {
        let told = readings(STEPS, [lane(&[1.23456, f64::NAN])].iter());
        let read: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(read["s"][0]["v"], serde_json::json!([1.235, null]));
        assert_eq!(read["s"][0]["n"], "a \"b\"");
    }
}
