//! Every value of a distribution, on a logarithmic axis of seconds.

use std::fmt::Write;

use super::{Svg, escape};
use crate::figures;

const HEIGHT: f64 = 84.0;
const ROW: f64 = 46.0;
const AXIS: f64 = 18.0;
/// Of too many values, so many of the longest are always drawn.
const LONGEST: usize = 15;

/// A value with its name and where a click leads. Censored: it is at least so long.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dot {
    pub(crate) seconds: f64,
    pub(crate) text: String,
    pub(crate) href: String,
    pub(crate) is_censored: bool,
}

/// What is marked on a strip.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Marked {
    pub(crate) median: Option<f64>,
    /// Its 95 % interval; an end may be open.
    pub(crate) interval: Option<(Option<f64>, Option<f64>)>,
}

/// A strip among others: its name, its dots and what is marked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StripRow {
    pub(crate) name: String,
    pub(crate) dots: Vec<Dot>,
    pub(crate) marked: Marked,
}

/// Draws the dots, which come in the order of their values, the share that is over by each time (`curve`: seconds and share, ascending), the
/// median and its interval.
pub(crate) fn strip_plot(dots: &[Dot], curve: &[(f64, f64)], marked: Marked, label: &str) -> Svg {
    let scale = Scale::over(dots.iter());
    let mut out = opened(&scale, HEIGHT, label);
    mark(&mut out, &scale, marked, 0.0, HEIGHT);
    write!(
        out,
        "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"{HEIGHT}\" viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=\"none\"><path class=\"line ecdf\" d=\"{}\" vector-effect=\"non-scaling-stroke\"/></svg>",
        cumulative(curve, &scale)
    )
    .expect("writing to memory does not fail");
    place(&mut out, &scale, dots, HEIGHT - 10.0);
    out.push_str("</svg>");
    Svg(out)
}

/// Strips under each other on one axis, to be compared.
pub(crate) fn strip_rows(rows: &[StripRow], label: &str) -> Svg {
    let scale = Scale::over(rows.iter().flat_map(|row| &row.dots));
    let height = ROW * rows.len() as f64;
    let mut out = opened(&scale, height, label);
    for (at, row) in rows.iter().enumerate() {
        let top = at as f64 * ROW;
        mark(&mut out, &scale, row.marked, top + 2.0, top + ROW - 2.0);
        write!(
            out,
            "<text class=\"tick\" x=\"0\" y=\"{}\">{}</text>",
            top + 12.0,
            escape(&row.name)
        )
        .expect("writing to memory does not fail");
        place(&mut out, &scale, &row.dots, top + ROW - 10.0);
    }
    out.push_str("</svg>");
    Svg(out)
}

fn opened(scale: &Scale, height: f64, label: &str) -> String {
    let mut out = format!(
        "<svg class=\"chart strip\" width=\"100%\" height=\"{}\" role=\"group\" aria-label=\"{}\">",
        height + AXIS,
        escape(label)
    );
    for seconds in scale.ticks() {
        let x = scale.x(seconds);
        let anchor = match x {
            x if x > 92.0 => "end",
            x if x < 6.0 => "start",
            _ => "middle",
        };
        write!(
            out,
            "<line class=\"grid\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"0\" y2=\"{height}\"/>\
             <text class=\"tick\" x=\"{x:.2}%\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
            height + 14.0,
            round(seconds)
        )
        .expect("writing to memory does not fail");
    }
    out
}

/// A round duration without its zeros.
pub(super) fn round(seconds: f64) -> String {
    let text = figures::duration(seconds);
    let text = text.replace(" 00 s", "").replace(" 00 m", "");
    text.strip_suffix(" 0 h").unwrap_or(&text).to_owned()
}

fn mark(out: &mut String, scale: &Scale, marked: Marked, top: f64, bottom: f64) {
    if let Some((low, high)) = marked.interval {
        let from = low.map_or(0.0, |low| scale.x(low));
        let to = high.map_or(100.0, |high| scale.x(high));
        write!(
            out,
            "<rect class=\"interval\" x=\"{from:.2}%\" width=\"{:.2}%\" y=\"{top}\" height=\"{}\"><title>95 % interval of the median</title></rect>",
            (to - from).max(0.2),
            bottom - top
        )
        .expect("writing to memory does not fail");
    }
    if let Some(median) = marked.median {
        let x = scale.x(median);
        write!(
            out,
            "<line class=\"median\" x1=\"{x:.2}%\" x2=\"{x:.2}%\" y1=\"{top}\" y2=\"{bottom}\"><title>median {}</title></line>",
            figures::duration(median)
        )
        .expect("writing to memory does not fail");
    }
}

fn place(out: &mut String, scale: &Scale, dots: &[Dot], bottom: f64) {
    for (at, dot) in dots.iter().enumerate() {
        // Spread over three rows, so that equal values stay apart.
        let y = bottom - (at % 3) as f64 * 9.0;
        let class = if dot.is_censored {
            "dot censored"
        } else {
            "dot"
        };
        write!(
            out,
            "<a href=\"{}\"><circle class=\"{class}\" cx=\"{:.2}%\" cy=\"{y}\" r=\"4.5\"/><title>{}</title></a>",
            escape(&dot.href),
            scale.x(dot.seconds),
            escape(&dot.text)
        )
        .expect("writing to memory does not fail");
    }
}

/// Of ascending values all, or, of more than `most`, the longest and an even choice of the rest.
pub(crate) fn worth_drawing<T>(mut ascending: Vec<T>, most: usize) -> Vec<T> {
    if ascending.len() <= most {
        return ascending;
    }
    let longest = ascending.split_off(ascending.len() - LONGEST);
    let (kept, all) = (most - LONGEST, ascending.len());
    let mut next = 0;
    let even = ascending.into_iter().enumerate().filter(|(at, _)| {
        let is_next = *at == next * all / kept;
        next += usize::from(is_next);
        is_next
    });
    even.map(|(_, one)| one).chain(longest).collect()
}

fn cumulative(curve: &[(f64, f64)], scale: &Scale) -> String {
    let mut path = format!("M0 {HEIGHT}");
    for (seconds, share) in curve {
        let y = HEIGHT * (1.0 - share) + 1.0;
        write!(path, "H{:.1}V{y:.1}", scale.x(*seconds) * 10.0)
            .expect("writing to memory does not fail");
    }
    path.push_str("H1000");
    path
}

/// A logarithmic scale over whole powers.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn over<'d>(dots: impl Iterator<Item = &'d Dot>) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for dot in dots {
            let seconds = dot.seconds.max(1.0);
            low = low.min(seconds);
            high = high.max(seconds);
        }
        if !low.is_finite() {
            return Self {
                low: 1.0,
                high: 3600.0,
            };
        }
        Self {
            low: (low / 2.0).max(1.0),
            high: (high * 2.0).max(60.0),
        }
    }

    fn x(&self, seconds: f64) -> f64 {
        let share = (seconds.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        share.clamp(0.0, 1.0) * 97.0 + 1.5
    }

    fn ticks(&self) -> Vec<f64> {
        const ROUND: [f64; 12] = [
            1.0,
            3.0,
            10.0,
            30.0,
            60.0,
            300.0,
            1800.0,
            7200.0,
            21_600.0,
            86_400.0,
            259_200.0,
            1_209_600.0,
        ];
        ROUND
            .into_iter()
            .filter(|tick| (self.low..=self.high).contains(tick))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(seconds: f64, is_censored: bool) -> Dot {
        Dot {
            seconds,
            text: "i<1".to_owned(),
            href: "/incidents/i1".to_owned(),
            is_censored,
        }
    }

    #[test]
    fn what_still_runs_is_shown_as_that() {
        let dots = [dot(10.0, false), dot(1000.0, true), dot(100.0, false)];
        let marked = Marked {
            median: Some(55.0),
            interval: Some((Some(10.0), None)),
        };
        let drawn = strip_plot(&dots, &[(10.0, 0.3), (100.0, 0.6)], marked, "TTD").to_string();
        assert_eq!(drawn.matches("<circle").count(), 3);
        assert_eq!(drawn.matches("dot censored").count(), 1);
        let path = drawn.split("d=\"").nth(1).unwrap();
        let path = &path[..path.find('"').unwrap()];
        assert_eq!(path.matches('V').count(), 2, "{path}");
        assert!(drawn.contains("i&lt;1"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let drawn = strip_plot(&[], &[], Marked::default(), "TTD").to_string();
        assert!(
            !drawn.contains("circle") && !drawn.contains("NaN"),
            "{drawn}"
        );
        assert!(!strip_rows(&[], "TTD").to_string().contains("NaN"));
    }

    #[test]
    fn of_many_the_longest_are_kept() {
        let kept = worth_drawing((0..5_000).collect(), 120);
        assert_eq!(kept.len(), 120);
        assert_eq!(kept[0], 0);
        assert!(kept.is_sorted());
        assert!(
            kept[120 - LONGEST..]
                .iter()
                .all(|value| *value >= 5_000 - LONGEST)
        );
        assert_eq!(worth_drawing(vec![1, 2], 120), [1, 2]);
    }
}
