//! Who calls whom: boxes in columns, from callers on the left to what they lean on.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Svg, escape};

const BOX: (f64, f64) = (150.0, 42.0);
const GAP: (f64, f64) = (96.0, 16.0);
/// Columns at most: a cycle must not make a chain without end.
const MOST_COLUMNS: usize = 8;

/// Calls of one service by another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Edge {
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) per_second: f64,
    /// Of one.
    pub(crate) failed: f64,
    pub(crate) title: String,
}

/// A box, as the page wants it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) href: String,
    /// A second line.
    pub(crate) note: String,
    pub(crate) class: String,
}

/// Draws the map. `node` says what a name's box leads to and shows.
pub(crate) fn graph(edges: &[Edge], node: impl Fn(&str) -> Node, label: &str) -> Svg {
    let places = places(edges);
    let columns = places
        .values()
        .map(|(column, _)| column + 1)
        .max()
        .unwrap_or(1);
    let rows = places.values().map(|(_, row)| row + 1).max().unwrap_or(1);
    let width = columns as f64 * (BOX.0 + GAP.0) - GAP.0 + 4.0;
    let height = rows as f64 * (BOX.1 + GAP.1) - GAP.1 + 4.0;
    let at = |name: &str| {
        let (column, row) = places.get(name).copied().unwrap_or_default();
        let x = 2.0 + column as f64 * (BOX.0 + GAP.0);
        (x, 2.0 + row as f64 * (BOX.1 + GAP.1))
    };
    let busiest = edges.iter().map(|edge| edge.per_second).fold(0.0, f64::max);
    let mut out = format!(
        "<svg class=\"graph\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"group\" aria-label=\"{}\">",
        escape(label)
    );
    for edge in edges {
        let (from, to) = (at(&edge.client), at(&edge.server));
        draw_edge(&mut out, edge, from, to, busiest);
    }
    for name in places.keys() {
        let ((x, y), node) = (at(name), node(name));
        let shown: String = name.chars().take(20).collect();
        write!(
            out,
            "<a class=\"node {}\" href=\"{}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" rx=\"6\"/>\
             <text x=\"{}\" y=\"{}\">{}</text><text class=\"soft\" x=\"{}\" y=\"{}\">{}</text></a>",
            node.class,
            escape(&node.href),
            escape(name),
            BOX.0,
            BOX.1,
            x + 10.0,
            y + 18.0,
            escape(&shown),
            x + 10.0,
            y + 33.0,
            escape(&node.note)
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</svg>");
    Svg(out)
}

fn draw_edge(out: &mut String, edge: &Edge, from: (f64, f64), to: (f64, f64), busiest: f64) {
    let share = if busiest > 0.0 {
        edge.per_second / busiest
    } else {
        0.0
    };
    let class = if edge.failed >= 0.05 {
        "edge failing"
    } else if edge.failed >= 0.01 {
        "edge troubled"
    } else {
        "edge"
    };
    let (x1, y1) = (from.0 + BOX.0, from.1 + BOX.1 / 2.0);
    let (x2, y2) = (to.0, to.1 + BOX.1 / 2.0);
    let bend = ((x2 - x1).abs() / 2.0).max(36.0);
    write!(
        out,
        "<path class=\"{class}\" stroke-width=\"{:.1}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\"><title>{}</title></path>",
        1.25 + share.sqrt() * 3.0,
        x1 + bend,
        x2 - bend,
        escape(&edge.title)
    )
    .expect("writing to memory does not fail");
}

/// (column, row) of each name: right of everyone who calls it, as far as there are no cycles.
fn places(edges: &[Edge]) -> BTreeMap<String, (usize, usize)> {
    let mut columns: BTreeMap<&str, usize> = BTreeMap::new();
    for edge in edges {
        columns.entry(&edge.client).or_default();
        columns.entry(&edge.server).or_default();
    }
    let most = columns.len().min(MOST_COLUMNS);
    for _ in 0..most {
        for edge in edges.iter().filter(|edge| edge.client != edge.server) {
            let client = columns[edge.client.as_str()];
            let server = columns.get_mut(edge.server.as_str()).expect("just put in");
            *server = (*server).max(client + 1).min(most.saturating_sub(1));
        }
    }
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    let place = |(name, column): (&str, usize)| {
        let row = used.entry(column).or_default();
        *row += 1;
        (name.to_owned(), (column, *row - 1))
    };
    columns.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(client: &str, server: &str) -> Edge {
        Edge {
            client: client.to_owned(),
            server: server.to_owned(),
            per_second: 1.0,
            failed: 0.0,
            title: "1/s".to_owned(),
        }
    }

    #[test]
    fn callees_stand_right_of_callers() {
        let places = places(&[edge("web", "api"), edge("api", "db"), edge("web", "db")]);
        assert_eq!(places["web"].0, 0);
        assert_eq!(places["api"].0, 1);
        assert_eq!(places["db"].0, 2);
    }

    #[test]
    fn a_cycle_ends_and_names_are_escaped() {
        let edges = [edge("<a>", "b"), edge("b", "<a>"), edge("b", "b")];
        let node = |name: &str| Node {
            href: format!("/services/{name}"),
            note: String::new(),
            class: "ok".to_owned(),
        };
        let drawn = graph(&edges, node, "map").to_string();
        assert!(!drawn.contains("<a>") && drawn.contains("&lt;a&gt;"));
        assert_eq!(drawn.matches("<path").count(), 3);
    }
}
