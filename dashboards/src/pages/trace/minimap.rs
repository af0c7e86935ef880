//! The whole trace in a few lines: each stands for as many spans as it must, in the order of the
//! waterfall, coloured by service. Links lead to the rows.

use std::fmt::Write;

use super::drawing::Extent;
use crate::charts::Svg;

const LINES: usize = 32;
const COLUMNS: usize = 90;
/// Parts of the map that lead to their rows.
const BANDS: usize = 16;
const EMPTY: u8 = u8::MAX;

/// A span as the map draws it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// The class of its service.
    pub(crate) colour: u8,
    pub(crate) is_error: bool,
}

/// What the map marks on itself.
#[derive(Debug, Clone)]
pub(crate) struct Marked {
    /// The spans that the rows on the page stand for, by their order: first and one past the last.
    pub(crate) rows: (usize, usize),
    pub(crate) zoom: Option<Extent>,
}

/// `link` gives the page that shows the span at a place of the order.
pub(crate) fn minimap(
    spans: &[Drawn],
    length: i64,
    marked: &Marked,
    link: impl Fn(usize) -> String,
) -> Svg {
    if spans.is_empty() {
        return Svg::default();
    }
    let per_line = spans.len().div_ceil(LINES);
    let lines = spans.len().div_ceil(per_line);
    let column = |at: i64| (at as f64 / length.max(1) as f64 * COLUMNS as f64) as usize;
    let mut paths = vec![String::new(); 9];
    let mut errors = String::new();
    for (y, line) in spans.chunks(per_line).enumerate() {
        let mut cells = [EMPTY; COLUMNS];
        let mut failed = [EMPTY; COLUMNS];
        for span in line {
            let from = column(span.from).min(COLUMNS - 1);
            let to = column(span.to).clamp(from + 1, COLUMNS);
            cells[from..to].fill(span.colour.min(8));
            if span.is_error {
                failed[from..to].fill(0);
            }
        }
        for (x, width, colour) in stretches(&cells) {
            write!(paths[usize::from(colour)], "M{x} {y}h{width}")
                .expect("writing to memory does not fail");
        }
        for (x, width, _) in stretches(&failed) {
            write!(errors, "M{x} {y}h{width}").expect("writing to memory does not fail");
        }
    }
    let mut out = format!(
        "<svg class=\"minimap\" width=\"100%\" height=\"{}\" viewBox=\"0 -.5 {COLUMNS} {lines}\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\" data-length=\"{length}\">",
        (lines * 7).clamp(14, 64)
    );
    for (colour, path) in paths
        .iter()
        .enumerate()
        .filter(|(_, path)| !path.is_empty())
    {
        write!(out, "<path class=\"k{colour}\" d=\"{path}\"/>")
            .expect("writing to memory does not fail");
    }
    if !errors.is_empty() {
        write!(out, "<path class=\"failed\" d=\"{errors}\"/>")
            .expect("writing to memory does not fail");
    }
    mark(&mut out, marked, (length, per_line, lines));
    bands(&mut out, spans.len(), (per_line, lines), link);
    out.push_str("</svg>");
    Svg::of(out)
}

/// What is on the page.
fn mark(out: &mut String, marked: &Marked, (length, per_line, lines): (i64, usize, usize)) {
    let (first, past) = marked.rows;
    if marked.zoom.is_none() && first == 0 && past >= per_line * lines {
        return;
    }
    let top = first / per_line;
    let bottom = past.div_ceil(per_line).clamp(top + 1, lines.max(top + 1));
    let share = |at: i64| at as f64 / length.max(1) as f64 * COLUMNS as f64;
    let (left, right) = marked.zoom.map_or((0.0, COLUMNS as f64), |zoom| {
        (share(zoom.from), share(zoom.to))
    });
    write!(
        out,
        "<rect class=\"window\" x=\"{left:.2}\" y=\"{}\" width=\"{:.2}\" height=\"{}\"/>",
        top as f64 - 0.5,
        (right - left).max(0.5),
        bottom - top
    )
    .expect("writing to memory does not fail");
}

fn bands(
    out: &mut String,
    spans: usize,
    (per_line, lines): (usize, usize),
    link: impl Fn(usize) -> String,
) {
    if lines < BANDS {
        return;
    }
    let height = lines.div_ceil(BANDS);
    for top in (0..lines).step_by(height) {
        let place = (top * per_line).min(spans - 1);
        let href = crate::charts::escape(&link(place));
        let tall = height.min(lines - top);
        write!(
            out,
            "<a href=\"{href}\" tabindex=\"-1\"><rect class=\"hit\" y=\"{}\" width=\"{COLUMNS}\" height=\"{tall}\"/></a>",
            top as f64 - 0.5
        )
        .expect("writing to memory does not fail");
    }
}

/// Where a line has one colour: begin, width, colour.
fn stretches(cells: &[u8; COLUMNS]) -> Vec<(usize, usize, u8)> {
    let mut found = Vec::new();
    let mut at = 0;
    for stretch in cells.chunk_by(|a, b| a == b) {
        if stretch[0] != EMPTY {
            found.push((at, stretch.len(), stretch[0]));
        }
        at += stretch.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn drawn(from: i64, to: i64, colour: u8, is_error: bool) -> Drawn {
        Drawn {
            from,
            to,
            colour,
            is_error,
        }
    }

    const ROWS: Marked = Marked {
        rows: (0, 2),
        zoom: None,
    };

    #[test]
    fn few_spans_have_a_line_each() {
        let spans = [drawn(0, 100, 0, false), drawn(50, 100, 1, true)];
        let map = minimap(&spans, 100, &ROWS, |_| String::new()).to_string();
        assert!(map.contains("class=\"k0\" d=\"M0 0h90\""), "{map}");
        assert!(map.contains("class=\"k1\" d=\"M45 1h45\""), "{map}");
        assert!(map.contains("class=\"failed\" d=\"M45 1h45\""), "{map}");
        assert!(!map.contains("<a "));
    }

    #[test]
    fn fifty_thousand_spans_weigh_little_and_lead_to_their_rows() {
        let spans: Vec<Drawn> = (0..50_000)
            .map(|n| drawn(n, n + 3, (n % 11) as u8, n % 100 == 0))
            .collect();
        let marked = Marked {
            rows: (25_000, 25_100),
            zoom: Some(Extent {
                from: 0,
                to: 25_000,
            }),
        };
        let map = minimap(&spans, 50_003, &marked, |place| {
            format!("?a=1&from={place}")
        })
        .to_string();
        assert!(map.len() < 14_000, "{}", map.len());
        assert_eq!(map.matches("<a ").count(), 16);
        assert!(map.contains("?a=1&amp;from=3126"), "{map}");
        assert!(
            map.contains("class=\"window\" x=\"0.00\" y=\"14.5\" width=\"45.00\" height=\"2\""),
            "{map}"
        );
    }

    #[test]
    fn a_trace_without_spans_has_no_map() {
        assert_eq!(minimap(&[], 0, &ROWS, |_| String::new()), Svg::default());
    }
}
