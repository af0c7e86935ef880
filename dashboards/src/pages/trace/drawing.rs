//! The drawings of a waterfall: bars, ticks and the small map of the whole. Places are thousandths of
//! the width, which the browser stretches; colours come from classes.

use std::fmt::Write;

use super::times::seconds;
use crate::charts::{Svg, escape};
use crate::figures;

/// The narrowest bar, in thousandths.
const NARROWEST: i64 = 3;
/// Parts of one bar, at most; what lies closer together than can be seen is one.
const FINEST: usize = 250;

/// The part of the time that is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Extent {
    /// Of a trace that lasts `length`, or the part of it that was asked for.
    pub(crate) fn of(length: i64, zoom: Option<(i64, i64)>) -> Self {
        let (from, to) = zoom.unwrap_or((0, length));
        let from = from.clamp(0, length);
        let to = to.clamp(from, length.max(from));
        Self {
            from,
            to: if to > from {
                to
            } else {
                from.saturating_add(1)
            },
        }
    }

    pub(crate) const fn length(self) -> i64 {
        self.to - self.from
    }

    /// In thousandths of the width, within it.
    fn place(self, at: i64) -> i64 {
        let share = (at.clamp(self.from, self.to) - self.from) as f64 / self.length() as f64;
        (share * 1000.0).round() as i64
    }

    /// Where a bar begins and how wide it is, if any of it is to be seen.
    fn bar(self, from: i64, to: i64) -> Option<(i64, i64)> {
        if to < self.from || from > self.to {
            return None;
        }
        let x = self.place(from).min(1000 - NARROWEST);
        Some((x, (self.place(to) - x).max(NARROWEST)))
    }
}

/// A rectangle as a part of a path.
fn rectangle(path: &mut String, (x, width): (i64, i64), (y, height): (i64, i64)) {
    write!(path, "M{x} {y}h{width}v{height}h-{width}z").expect("writing to memory does not fail");
}

/// Intervals in thousandths, with those that touch made one.
fn merged(extent: Extent, intervals: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut places: Vec<(i64, i64)> = intervals
        .filter_map(|(from, to)| extent.bar(from, to))
        .collect();
    places.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (x, width) in places {
        let is_full = merged.len() >= FINEST;
        match merged.last_mut() {
            Some((last, wide)) if is_full || x <= *last + *wide + 1 => {
                *wide = (*wide).max(x + width - *last);
            }
            _ => merged.push((x, width)),
        }
    }
    merged
}

/// A bar of a waterfall, part by part.
#[derive(Debug)]
pub(crate) struct Bar {
    extent: Extent,
    parts: String,
}

impl Bar {
    pub(crate) const fn new(extent: Extent) -> Self {
        Self {
            extent,
            parts: String::new(),
        }
    }

    /// The span itself; a mark at the edge where it lies outside of what is drawn.
    pub(crate) fn span(&mut self, from: i64, to: i64, class: &str) {
        let mut path = String::new();
        match self.extent.bar(from, to) {
            Some(place) => rectangle(&mut path, place, (3, 8)),
            None if to < self.extent.from => path.push_str("M0 7l8-4v8z"),
            None => path.push_str("M1000 7l-8-4v8z"),
        }
        self.part(class, &path);
    }

    /// Many spans, as one line of pieces.
    pub(crate) fn many(&mut self, spans: impl Iterator<Item = (i64, i64)>, class: &str) {
        let mut path = String::new();
        for place in merged(self.extent, spans) {
            rectangle(&mut path, place, (3, 8));
        }
        self.part(class, &path);
    }

    /// The parts that are on the critical path, as a line below the bar.
    pub(crate) fn critical(&mut self, parts: impl Iterator<Item = (i64, i64)>) {
        let mut path = String::new();
        for place in merged(self.extent, parts) {
            rectangle(&mut path, place, (12, 2));
        }
        self.part("cp", &path);
    }

    /// An instant.
    pub(crate) fn instant(&mut self, at: i64, class: &str) {
        if at >= self.extent.from && at <= self.extent.to {
            let path = format!("M{} 2v10", self.extent.place(at));
            self.part(class, &path);
        }
    }

    fn part(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            write!(self.parts, "<path class=\"{class}\" d=\"{path}\"/>")
                .expect("writing to memory does not fail");
        }
    }

    pub(crate) fn finish(&self) -> Svg {
        Svg::of(format!(
            "<svg viewBox=\"0 0 1000 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{}</svg>",
            self.parts
        ))
    }
}

/// Round times within the extent: where in percent, and what is written there.
pub(crate) fn ticks(extent: Extent, most: usize) -> Vec<(f64, String)> {
    let step = round_step(extent.length(), most as i64);
    let first = (extent.from + step - 1).div_euclid(step) * step;
    let mut ticks = Vec::new();
    let mut at = first;
    while at <= extent.to && ticks.len() <= most + 1 {
        let share = (at - extent.from) as f64 / extent.length() as f64;
        ticks.push((share * 100.0, written(at, step)));
        let Some(next) = at.checked_add(step) else {
            break;
        };
        at = next;
    }
    ticks
}

fn round_step(length: i64, most: i64) -> i64 {
    const LONG: [i64; 9] = [60, 300, 600, 1800, 3600, 10_800, 43_200, 86_400, 604_800];
    let least = (length / most.max(1)).max(1);
    let mut power = 1_i64;
    while power <= 10_000_000_000 {
        for digit in [1, 2, 5] {
            if digit * power >= least && digit * power <= 20_000_000_000 {
                return digit * power;
            }
        }
        power *= 10;
    }
    let seconds = LONG
        .into_iter()
        .find(|seconds| seconds * 1_000_000_000 >= least);
    seconds.map_or(least, |seconds| seconds * 1_000_000_000)
}

/// In the unit of the step, so that neighbours never read the same.
fn written(at: i64, step: i64) -> String {
    match step {
        _ if at == 0 => "0".to_owned(),
        s if s < 1_000 => format!("{} ns", figures::count(at.unsigned_abs())),
        s if s < 1_000_000 => format!("{} µs", figures::count((at / 1_000).unsigned_abs())),
        s if s < 1_000_000_000 && at < 10_000_000_000 => {
            format!("{} ms", figures::count((at / 1_000_000).unsigned_abs()))
        }
        s if s < 1_000_000_000 => format!("{:.3} s", seconds(at)),
        _ => figures::duration(seconds(at)),
    }
}

/// The axis above the bars.
pub(crate) fn axis(extent: Extent) -> Svg {
    let mut out =
        String::from("<svg class=\"axis\" width=\"100%\" height=\"16\" aria-hidden=\"true\">");
    for (at, text) in ticks(extent, 5) {
        let anchor = match at {
            at if at > 94.0 => " text-anchor=\"end\"",
            at if at > 2.0 => " text-anchor=\"middle\"",
            _ => "",
        };
        write!(
            out,
            "<text x=\"{at:.2}%\" y=\"12\"{anchor}>{}</text>",
            escape(&text)
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg::of(out)
}

/// The lines that the axis draws through all rows.
pub(crate) fn grid(extent: Extent) -> Svg {
    let mut out =
        String::from("<svg class=\"grid\" width=\"100%\" height=\"100%\" aria-hidden=\"true\">");
    for (at, _) in ticks(extent, 5) {
        write!(out, "<line x1=\"{at:.2}%\" x2=\"{at:.2}%\" y2=\"100%\"/>")
            .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg::of(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn bars_lie_in_thousandths_and_are_never_too_thin() {
        let extent = Extent::of(1000 * MS, None);
        let mut bar = Bar::new(extent);
        bar.span(100 * MS, 400 * MS, "s0");
        bar.span(1000 * MS, 1000 * MS, "s1");
        let drawn = bar.finish().to_string();
        assert!(
            drawn.contains("class=\"s0\" d=\"M100 3h300v8h-300z\""),
            "{drawn}"
        );
        assert!(drawn.contains("d=\"M997 3h3v8h-3z\""), "{drawn}");
    }

    #[test]
    fn what_lies_outside_is_told_at_the_edge() {
        let mut bar = Bar::new(Extent::of(1000 * MS, Some((500 * MS, 600 * MS))));
        bar.span(0, 100 * MS, "s0");
        bar.span(700 * MS, 800 * MS, "s0");
        let drawn = bar.finish().to_string();
        assert!(drawn.contains("M0 7l8-4v8z") && drawn.contains("M1000 7l-8-4v8z"));
    }

    #[test]
    fn thousands_of_parts_are_drawn_as_few() {
        let extent = Extent::of(10_000 * MS, None);
        let mut bar = Bar::new(extent);
        bar.many((0..10_000).map(|n| (n * MS, n * MS + 1)), "s0");
        assert_eq!(bar.finish().to_string().matches('M').count(), 1);
        let sparse = (0..500).map(|n| (n * 20 * MS, n * 20 * MS + 1));
        assert!(merged(extent, sparse).len() <= FINEST);
    }

    #[test]
    fn ticks_are_round_and_told_apart() {
        let texts = |from: i64, to: i64| -> Vec<String> {
            let extent = Extent { from, to };
            ticks(extent, 5).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(
            texts(0, 812 * MS),
            ["0", "200 ms", "400 ms", "600 ms", "800 ms"]
        );
        assert_eq!(
            texts(4_210 * MS, 4_300 * MS),
            ["4,220 ms", "4,240 ms", "4,260 ms", "4,280 ms", "4,300 ms"]
        );
        assert_eq!(texts(0, 1), ["0", "1 ns"]);
        for length in [
            1,
            999,
            5 * MS,
            61_000 * MS,
            7 * 86_400_000 * MS,
            i64::MAX / 2,
        ] {
            let extent = Extent {
                from: 0,
                to: length,
            };
            let found = ticks(extent, 5);
            assert!((1..8).contains(&found.len()), "{length}: {found:?}");
        }
    }

    #[test]
    fn an_extent_is_never_empty() {
        for (length, zoom) in [(0, None), (10, Some((50, 90))), (10, Some((-5, 4)))] {
            assert!(Extent::of(length, zoom).length() > 0, "{length} {zoom:?}");
        }
    }
}
