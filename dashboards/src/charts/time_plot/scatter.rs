//! Observations by time and size: their mass in cells, those that stand out one by one, and a
//! region that somebody marked.

use std::fmt::Write;

use watchfire_schemas::{TimeRange, Timestamp};

use super::TimePlot;
use super::heat::{SHADES, shade};
use crate::charts::axis::percent_of;
use crate::charts::escape;

/// Observations of a step of time and of size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MassCell {
    pub(crate) column: u32,
    /// From the foot up.
    pub(crate) row: u32,
    pub(crate) count: u64,
    /// How many of them failed.
    pub(crate) bad: u64,
}

/// Cells over the whole plot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mass {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) cells: Vec<MassCell>,
}

/// A part of the plot that leads somewhere: columns and rows from the first up to, not with, the
/// last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) columns: (u32, u32),
    pub(crate) rows: (u32, u32),
    pub(crate) title: String,
    pub(crate) href: String,
}

/// One observation that stands out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outlier {
    pub(crate) at: Timestamp,
    pub(crate) value: f64,
    pub(crate) is_bad: bool,
    pub(crate) title: String,
    pub(crate) href: String,
}

/// A rectangle of times and values; what is not bounded is all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) times: Option<TimeRange>,
    pub(crate) values: Option<(f64, f64)>,
}

/// How wide the core of a cell is, in tenths of the cell: by the share that failed, so that a cell
/// of failures is told from one with a failure in it. The least share of a size, the size.
const CORES: [(f64, u32); 3] = [(0.5, 9), (0.1, 6), (0.0, 4)];

/// A path for each shade.
fn shades(mass: &Mass) -> Vec<String> {
    let most = mass.cells.iter().map(|cell| cell.count).max().unwrap_or(0);
    let mut cells: Vec<(u32, u32, Option<usize>)> = Vec::with_capacity(mass.cells.len());
    for cell in &mass.cells {
        let shade = shade(cell.count as f64, most as f64);
        cells.push((cell.row, cell.column, shade));
    }
    // Neighbours of one shade are one stroke.
    cells.sort_unstable();
    let mut paths = vec![String::new(); SHADES];
    for run in cells.chunk_by(|a, b| a.0 == b.0 && a.1 + 1 == b.1 && a.2 == b.2) {
        let (row, column, shade) = run[0];
        if let Some(shade) = shade {
            let (top, wide) = (mass.rows as u64 - u64::from(row) - 1, run.len());
            write!(paths[shade], "M{column} {top}h{wide}v1h-{wide}z")
                .expect("writing to memory does not fail");
        }
    }
    paths
}

/// A path for each size of cores, in tenths of a cell: strokes as wide as they are long.
fn cores(mass: &Mass) -> [String; 3] {
    let mut paths = [const { String::new() }; 3];
    for cell in mass.cells.iter().filter(|cell| cell.bad > 0) {
        let failed = cell.bad as f64 / cell.count.max(1) as f64;
        let size = CORES.iter().position(|(least, _)| failed >= *least);
        let at = size.unwrap_or(CORES.len() - 1);
        let long = CORES[at].1;
        let x = cell.column * 10 + (10 - long) / 2;
        let y = (mass.rows as u64 - u64::from(cell.row)) * 10 - 5;
        write!(paths[at], "M{x} {y}h{long}").expect("writing to memory does not fail");
    }
    paths
}

impl TimePlot {
    /// Draws the cells, darker where there is more, with a core in those where something failed.
    pub(crate) fn mass(&mut self, mass: &Mass) {
        let mut drawn = String::new();
        for (shade, path) in shades(mass).iter().enumerate() {
            if !path.is_empty() {
                write!(drawn, "<path class=\"mass-{shade}\" d=\"{path}\"/>")
                    .expect("writing to memory does not fail");
            }
        }
        drawn.push_str("<g class=\"core\" transform=\"scale(.1)\">");
        for (path, (_, wide)) in cores(mass).iter().zip(CORES) {
            if !path.is_empty() {
                write!(drawn, "<path stroke-width=\"{wide}\" d=\"{path}\"/>")
                    .expect("writing to memory does not fail");
            }
        }
        drawn.push_str("</g>");
        let (top, height) = (self.top, self.height);
        write!(
            self.layers,
            "<svg class=\"lines mass\" x=\"0\" y=\"{top}\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\">{drawn}</svg>",
            mass.columns, mass.rows
        )
        .expect("writing to memory does not fail");
    }

    /// What of the cells is clicked.
    pub(crate) fn ways(&mut self, mass: &Mass, ways: &[Way]) {
        let wide = 100.0 / mass.columns.max(1) as f64;
        let tall = f64::from(self.height) / mass.rows.max(1) as f64;
        for way in ways {
            let (x, end) = (f64::from(way.columns.0), f64::from(way.columns.1));
            let (foot, head) = (f64::from(way.rows.0), f64::from(way.rows.1));
            write!(
                self.over,
                "<a href=\"{}\" tabindex=\"-1\"><title>{}</title><rect class=\"hit\" x=\"{:.2}%\" width=\"{:.2}%\" y=\"{:.1}\" height=\"{:.1}\"/></a>",
                escape(&way.href),
                escape(&way.title),
                x * wide,
                (end - x) * wide,
                f64::from(self.bottom()) - head * tall,
                (head - foot) * tall
            )
            .expect("writing to memory does not fail");
        }
    }

    /// A ring for each that went well, a cross for each that failed.
    pub(crate) fn outliers(&mut self, outliers: &[Outlier]) {
        for outlier in outliers {
            let x = percent_of(outlier.at, self.range);
            let y = self.y(outlier.value);
            if !(0.0..=100.0).contains(&x) || !y.is_finite() {
                continue;
            }
            let (class, shape) = if outlier.is_bad {
                ("outlier bad", "M-4-4 4 4M-4 4 4-4")
            } else {
                ("outlier", "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0")
            };
            write!(
                self.over,
                "<a class=\"{class}\" href=\"{}\" tabindex=\"-1\"><title>{}</title><svg x=\"{x:.2}%\" y=\"{y:.1}\" overflow=\"visible\"><circle class=\"hit\" r=\"7\"/><path d=\"{shape}\"/></svg></a>",
                escape(&outlier.href),
                escape(&outlier.title)
            )
            .expect("writing to memory does not fail");
        }
    }

    /// A frame around a region; what the pointer finds under it stays within reach.
    pub(crate) fn frame(&mut self, marked: Frame) {
        let (x, end) = marked.times.map_or((0.0, 100.0), |times| {
            (self.x(times.start), self.x(times.end))
        });
        let (head, foot) = match marked.values {
            None => (f64::from(self.top), f64::from(self.bottom())),
            Some((low, high)) => {
                let foot = if low > 0.0 { self.y(low) } else { f64::NAN };
                let foot = if foot.is_finite() {
                    foot
                } else {
                    f64::from(self.bottom())
                };
                (self.y(high).max(f64::from(self.top)), foot)
            }
        };
        write!(
            self.over,
            "<rect class=\"marked\" x=\"{x:.2}%\" width=\"{:.2}%\" y=\"{head:.1}\" height=\"{:.1}\"/>",
            (end - x).max(0.4),
            (foot - head).max(3.0)
        )
        .expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::{Scale, Unit};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_secs(1000 + second)
    }

    fn plot() -> TimePlot {
        let range = TimeRange {
            start: at(0),
            end: at(100),
        };
        let scale = Scale::between(0.001, 10.0, Unit::Seconds);
        TimePlot::scaled(range, 80, scale, Unit::Seconds)
    }

    #[test]
    fn a_cell_lies_from_the_foot_up_and_its_core_grows_with_what_failed() {
        let cell = |row, bad| MassCell {
            column: 2,
            row,
            count: 10,
            bad,
        };
        let mass = Mass {
            columns: 10,
            rows: 4,
            cells: vec![
                cell(0, 0),
                cell(1, 1),
                cell(3, 10),
                MassCell {
                    column: 3,
                    ..cell(3, 0)
                },
            ],
        };
        let mut plot = plot();
        plot.mass(&mass);
        plot.ways(
            &mass,
            &[Way {
                columns: (2, 4),
                rows: (1, 3),
                title: "<2>".to_owned(),
                href: "?a=1&b=2".to_owned(),
            }],
        );
        let drawn = plot.finish("").to_string();
        assert!(
            drawn.contains("d=\"M2 3h1v1h-1zM2 2h1v1h-1zM2 0h2v1h-2z\""),
            "{drawn}"
        );
        assert!(
            drawn.contains("<path stroke-width=\"9\" d=\"M20 5h9\"/><path stroke-width=\"6\" d=\"M22 25h6\"/></g>"),
            "{drawn}"
        );
        assert!(
            drawn.contains("x=\"20.00%\" width=\"20.00%\" y=\"26.0\" height=\"40.0\""),
            "{drawn}"
        );
        assert!(drawn.contains("?a=1&amp;b=2") && drawn.contains("&lt;2&gt;"));
    }

    #[test]
    fn what_failed_has_another_shape() {
        let outlier = |second, is_bad| Outlier {
            at: at(second),
            value: 0.1,
            is_bad,
            title: String::new(),
            href: "/traces/1".to_owned(),
        };
        let mut plot = plot();
        plot.outliers(&[outlier(10, false), outlier(20, true), outlier(900, true)]);
        let drawn = plot.finish("").to_string();
        assert_eq!(drawn.matches("class=\"outlier\"").count(), 1);
        assert_eq!(drawn.matches("class=\"outlier bad\"").count(), 1);
        // Two of four decades up.
        assert!(drawn.contains("x=\"10.00%\" y=\"46.0\""), "{drawn}");
    }

    #[test]
    fn a_frame_is_as_large_as_what_bounds_it() {
        let times = TimeRange {
            start: at(25),
            end: at(50),
        };
        let drawn = |marked| {
            let mut plot = plot();
            plot.frame(marked);
            plot.finish("").to_string()
        };
        let both = drawn(Frame {
            times: Some(times),
            values: Some((0.01, 1.0)),
        });
        assert!(
            both.contains("x=\"25.00%\" width=\"25.00%\" y=\"26.0\" height=\"40.0\""),
            "{both}"
        );
        let all = drawn(Frame {
            times: None,
            values: Some((0.0, f64::INFINITY)),
        });
        assert!(
            all.contains("width=\"100.00%\" y=\"6.0\" height=\"80.0\""),
            "{all}"
        );
    }
}
