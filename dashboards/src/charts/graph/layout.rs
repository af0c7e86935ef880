//! Where each box of a map lies and how each edge runs. Pure: the same boxes and edges always give
//! the same places, whatever their traffic is.

use super::columns::columns;
use super::heights::{Room, heights};
use super::tracks::{Stop, Tracks};

/// How large things are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizes {
    pub(super) width: f64,
    pub(super) height: f64,
    /// Between boxes, one below the other.
    pub(super) gap: f64,
    /// Between two columns.
    pub(super) aisle: f64,
    /// Width of the words on an edge, within the aisle; none are written without.
    pub(super) label: Option<f64>,
}

/// Around the drawing; calls of oneself are drawn over the head of a box.
pub(super) const MARGIN: f64 = 18.0;
const LABEL_HEIGHT: f64 = 17.0;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) height: f64,
    /// The upper left corner of each box.
    pub(super) boxes: Vec<(f64, f64)>,
    pub(super) routes: Vec<Route>,
    /// Where those begin that no edge touches, if there are some.
    pub(super) alone: Option<f64>,
}

/// The course of an edge from its client to its server.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Route {
    /// In pairs: a curve leads from each to the next, a straight line from the first of a pair to
    /// its second. Empty for a call of oneself.
    pub(super) points: Vec<(f64, f64)>,
    /// The middle of its words.
    pub(super) label: Option<(f64, f64)>,
}

/// Edges are (client, server), by the numbers of boxes below `count`.
pub(super) fn layout(count: usize, edges: &[(usize, usize)], sizes: Sizes) -> Layout {
    let mut is_tied = vec![false; count];
    for (client, server) in edges.iter().filter(|(client, server)| client != server) {
        is_tied[*client] = true;
        is_tied[*server] = true;
    }
    let (tied, alone): (Vec<usize>, Vec<usize>) = (0..count).partition(|at| is_tied[*at]);
    let mut layout = Layout {
        width: 2.0 * MARGIN + sizes.width,
        height: MARGIN,
        boxes: vec![(MARGIN, MARGIN); count],
        routes: vec![Route::default(); edges.len()],
        alone: None,
    };
    if !tied.is_empty() {
        layered(&mut layout, &tied, edges, sizes);
    }
    if !alone.is_empty() {
        in_rows(&mut layout, &alone, sizes);
    }
    layout
}

fn layered(layout: &mut Layout, tied: &[usize], edges: &[(usize, usize)], sizes: Sizes) {
    let columns = columns(layout.boxes.len(), edges);
    let mut tracks = Tracks::new(tied, &columns, edges, sizes.label.is_some());
    tracks.untangle();
    let room = Room {
        of_box: sizes.height,
        of_label: LABEL_HEIGHT,
        gap: sizes.gap,
    };
    let middles = heights(&tracks, room);
    let pitch = sizes.width + sizes.aisle;
    // Left and right end of a stop in a layer.
    let ends = |layer: usize| match sizes.label {
        None => (MARGIN + layer as f64 * pitch, sizes.width),
        Some(width) if layer % 2 == 1 => {
            let aisle = MARGIN + (layer / 2) as f64 * pitch + sizes.width;
            (aisle + (sizes.aisle - width) / 2.0, width)
        }
        Some(_) => (MARGIN + (layer / 2) as f64 * pitch, sizes.width),
    };
    let mut left_of = vec![(0.0, 0.0); tracks.stops.len()];
    for (layer, stops) in tracks.layers.iter().enumerate() {
        for stop in stops {
            let (left, width) = ends(layer);
            left_of[*stop] = (left, left + width);
            if let Stop::Box(at) = tracks.stops[*stop] {
                layout.boxes[at] = (left, MARGIN + middles[*stop] - sizes.height / 2.0);
                layout.width = layout.width.max(left + width + MARGIN);
            }
        }
    }
    let lowest = tied.iter().map(|at| layout.boxes[*at].1 + sizes.height);
    let passing = middles
        .iter()
        .map(|middle| MARGIN + middle + LABEL_HEIGHT / 2.0);
    layout.height = lowest.chain(passing).fold(layout.height, f64::max) + MARGIN;
    for ((route, chain), turned) in layout
        .routes
        .iter_mut()
        .zip(&tracks.chains)
        .zip(&columns.turned)
    {
        // What runs back runs beside what runs there.
        let aside = if *turned { sizes.height / 4.0 } else { 0.0 };
        let last = chain.len().saturating_sub(1);
        for (at, stop) in chain.iter().enumerate() {
            let ((left, right), y) = (left_of[*stop], MARGIN + middles[*stop]);
            if at == 0 {
                route.points.push((right, y + aside));
            } else if at == last {
                route.points.push((left, y + aside));
            } else {
                route.points.extend([(left, y), (right, y)]);
            }
            if matches!(tracks.stops[*stop], Stop::Label(_)) {
                route.label = Some((f64::midpoint(left, right), y));
            }
        }
        if *turned {
            route.points.reverse();
        }
    }
}

/// Those that no edge touches, in rows below.
fn in_rows(layout: &mut Layout, alone: &[usize], sizes: Sizes) {
    const HEADING: f64 = 16.0;
    const LEAST: usize = 5;
    let across = sizes.width + 24.0;
    let fitting = ((layout.width - 2.0 * MARGIN + 24.0) / across).floor() as usize;
    let in_row = fitting.max(LEAST);
    let top = layout.height + HEADING;
    layout.alone = Some(top - 6.0);
    for (place, at) in alone.iter().enumerate() {
        let x = MARGIN + (place % in_row) as f64 * across;
        let y = top + (place / in_row) as f64 * (sizes.height + sizes.gap.max(8.0));
        layout.boxes[*at] = (x, y);
        layout.width = layout.width.max(x + sizes.width + MARGIN);
        layout.height = layout.height.max(y + sizes.height + MARGIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [Sizes; 2] = [
        Sizes {
            width: 172.0,
            height: 54.0,
            gap: 20.0,
            aisle: 150.0,
            label: Some(110.0),
        },
        Sizes {
            width: 140.0,
            height: 22.0,
            gap: 6.0,
            aisle: 44.0,
            label: None,
        },
    ];

    /// Numbers that are the same at each run.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, most: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % most.max(1) as u64) as usize
        }
    }

    /// Any graph: with rings, calls of oneself, and the same pair twice.
    fn any(dice: &mut Dice) -> (usize, Vec<(usize, usize)>) {
        let count = 1 + dice.below(130);
        let edges = dice.below(count * 2 + 1);
        let edges = (0..edges).map(|_| (dice.below(count), dice.below(count)));
        (count, edges.collect())
    }

    fn overlap(a: (f64, f64), b: (f64, f64), width: f64, height: f64) -> bool {
        (a.0 - b.0).abs() < width - 1e-6 && (a.1 - b.1).abs() < height - 1e-6
    }

    #[test]
    fn no_two_boxes_overlap_and_all_lie_within_the_drawing() {
        let mut dice = Dice(0x5eed);
        for case in 0..250 {
            let (count, edges) = any(&mut dice);
            for sizes in SIZES {
                let found = layout(count, &edges, sizes);
                for (at, one) in found.boxes.iter().enumerate() {
                    assert!(one.0 >= 0.0 && one.0 + sizes.width <= found.width, "{case}");
                    assert!(
                        one.1 >= 0.0 && one.1 + sizes.height <= found.height,
                        "{case}"
                    );
                    for other in &found.boxes[at + 1..] {
                        let overlap = overlap(*one, *other, sizes.width, sizes.height);
                        assert!(!overlap, "case {case}: {one:?} {other:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn words_on_edges_lie_over_no_box_and_over_no_other_words() {
        let mut dice = Dice(0xbeef);
        let sizes = SIZES[0];
        let width = sizes.label.unwrap();
        for case in 0..120 {
            let (count, edges) = any(&mut dice);
            let found = layout(count, &edges, sizes);
            let labels: Vec<(f64, f64)> = found.routes.iter().filter_map(|r| r.label).collect();
            for (at, (x, y)) in labels.iter().enumerate() {
                for other in &labels[at + 1..] {
                    assert!(
                        !overlap((*x, *y), *other, width, LABEL_HEIGHT),
                        "case {case}"
                    );
                }
                for (left, top) in &found.boxes {
                    let beside = x + width / 2.0 <= left + 1e-6
                        || left + sizes.width <= x - width / 2.0 + 1e-6;
                    let apart = y + 8.0 <= *top || top + sizes.height <= y - 8.0;
                    assert!(beside || apart, "case {case}: {x} {y} at {left} {top}");
                }
            }
        }
    }

    #[test]
    fn the_same_edges_give_the_same_places() {
        let mut dice = Dice(7);
        for _ in 0..40 {
            let (count, edges) = any(&mut dice);
            assert_eq!(
                layout(count, &edges, SIZES[1]),
                layout(count, &edges, SIZES[1])
            );
        }
    }

    #[test]
    fn an_edge_runs_from_its_client_to_its_server_around_what_lies_between() {
        let mut dice = Dice(42);
        for case in 0..120 {
            let (count, edges) = any(&mut dice);
            let sizes = SIZES[1];
            let found = layout(count, &edges, sizes);
            for ((client, server), route) in edges.iter().zip(&found.routes) {
                assert_eq!(route.points.is_empty(), client == server, "case {case}");
                let Some((first, last)) = route.points.first().zip(route.points.last()) else {
                    continue;
                };
                let touches = |point: &(f64, f64), at: usize| {
                    let (x, y) = found.boxes[at];
                    let is_side =
                        (point.0 - x).abs() < 1e-6 || (point.0 - x - sizes.width).abs() < 1e-6;
                    is_side && point.1 >= y && point.1 <= y + sizes.height
                };
                assert!(
                    touches(first, *client) && touches(last, *server),
                    "case {case}"
                );
                // What passes a column passes it between boxes.
                for pass in route.points[1..route.points.len() - 1].chunks(2) {
                    let y = pass[0].1;
                    let hit = found.boxes.iter().any(|(x, top)| {
                        (x - pass[0].0.min(pass[1].0)).abs() < 1e-6
                            && y > *top
                            && y < top + sizes.height
                    });
                    assert!(!hit, "case {case}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_drawn_small() {
        let none = layout(0, &[], SIZES[0]);
        assert!(none.width > 0.0 && none.height > 0.0 && none.boxes.is_empty());
        let alone = layout(1, &[(0, 0)], SIZES[0]);
        assert!(alone.alone.is_some() && alone.routes[0].points.is_empty());
    }
}
