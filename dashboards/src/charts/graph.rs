//! Who calls whom: boxes in columns, from callers on the left to what they lean on. Each looks as it
//! fares against its own usual, and says so in words as well.

mod columns;
mod heights;
mod layout;
mod shape;
mod tracks;

use std::fmt::Write;

use self::layout::{Layout, MARGIN, Route, Sizes, layout};
use self::shape::outline;
use super::{Svg, escape};

pub(crate) use shape::NodeKind;

/// How it fares, worst last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fare {
    /// Nothing was seen of it lately.
    Idle,
    #[default]
    Usual,
    Troubled,
    Failing,
}

impl Fare {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Usual => "usual",
            Self::Troubled => "troubled",
            Self::Failing => "failing",
        }
    }
}

/// A box, as the page wants it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) href: String,
    /// `12/s`, `3.2 %`, `120 ms ×2`: requests, share of failures, p95.
    pub(crate) figures: Vec<Figure>,
    pub(crate) fare: Fare,
    /// Everything in words.
    pub(crate) title: String,
    pub(crate) is_focus: bool,
    /// (link, title) of an open incident.
    pub(crate) incident: Option<(String, String)>,
    /// The newest deploy or other change of the range.
    pub(crate) change: Option<String>,
}

/// A figure, and how far it is out of the usual.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) text: String,
    pub(crate) fare: Fare,
}

/// Calls of one by another, both by their place in the list of boxes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Edge {
    pub(crate) client: usize,
    pub(crate) server: usize,
    /// Of the busiest, from zero to one.
    pub(crate) share: f64,
    pub(crate) fare: Fare,
    pub(crate) href: String,
    /// A few words, drawn where there is room.
    pub(crate) label: String,
    pub(crate) title: String,
}

/// Boxes and edges up to which there is room for words on edges, and for figures in boxes.
const ROOMY: (usize, usize) = (16, 22);
const FAIR: usize = 48;
/// The width of a page's content.
const WIDEST: f64 = 1180.0;

/// Draws the map.
pub(crate) fn graph(nodes: &[Node], edges: &[Edge], label: &str) -> Svg {
    let ends: Vec<(usize, usize)> = edges.iter().map(|e| (e.client, e.server)).collect();
    let (scale, placed) = fitting(nodes.len(), &ends);
    let mut out = format!(
        "<svg class=\"graph {}\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" role=\"group\" aria-label=\"{}\">",
        scale.class(),
        escape(label),
        w = placed.width,
        h = placed.height,
    );
    arrows(&mut out);
    // The calls are told in words beside the map.
    out.push_str("<g aria-hidden=\"true\">");
    // What is in trouble is drawn over what is not.
    let mut order: Vec<usize> = (0..edges.len()).collect();
    order.sort_by_key(|at| edges[*at].fare);
    for at in order {
        draw_edge(&mut out, &edges[at], &placed, &placed.routes[at], scale);
    }
    out.push_str("</g>");
    if let Some(y) = placed.alone {
        write!(
            out,
            "<text class=\"aside\" x=\"{MARGIN}\" y=\"{y:.0}\">no calls between these and others were seen</text>"
        )
        .expect("writing to memory does not fail");
    }
    for (node, at) in nodes.iter().zip(&placed.boxes) {
        draw_node(&mut out, node, *at, scale);
    }
    out.push_str("</svg>");
    Svg(out)
}

/// The most telling scale at which the map fits beside the navigation.
fn fitting(nodes: usize, ends: &[(usize, usize)]) -> (Scale, Layout) {
    let scale = Scale::of(nodes, ends.len());
    let placed = layout(nodes, ends, scale.sizes());
    if scale == Scale::Roomy && placed.width > WIDEST {
        return (Scale::Fair, layout(nodes, ends, Scale::Fair.sizes()));
    }
    (scale, placed)
}

/// How much is said of each box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    Roomy,
    Fair,
    Dense,
}

impl Scale {
    fn of(nodes: usize, edges: usize) -> Self {
        if nodes <= ROOMY.0 && edges <= ROOMY.1 {
            Self::Roomy
        } else if nodes <= FAIR {
            Self::Fair
        } else {
            Self::Dense
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Roomy => "roomy",
            Self::Fair => "fair",
            Self::Dense => "dense",
        }
    }

    const fn sizes(self) -> Sizes {
        match self {
            Self::Roomy => Sizes {
                width: 178.0,
                height: 56.0,
                gap: 22.0,
                aisle: 140.0,
                label: Some(112.0),
            },
            Self::Fair => Sizes {
                width: 158.0,
                height: 42.0,
                gap: 14.0,
                aisle: 62.0,
                label: None,
            },
            Self::Dense => Sizes {
                width: 150.0,
                height: 24.0,
                gap: 7.0,
                aisle: 54.0,
                label: None,
            },
        }
    }

    /// Characters of a name that fit in a box, beside its marks.
    fn name(self, node: &Node) -> usize {
        match self {
            Self::Roomy => 21,
            Self::Fair => 19,
            Self::Dense if worst_of(&node.figures).is_empty() => 20,
            Self::Dense => 13,
        }
    }
}

/// One head for each look: a marker cannot take the colour of its line everywhere.
fn arrows(out: &mut String) {
    out.push_str("<defs>");
    for fare in [Fare::Idle, Fare::Usual, Fare::Troubled, Fare::Failing] {
        let name = fare.as_str();
        write!(
            out,
            "<marker id=\"to-{name}\" class=\"to {name}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>"
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</defs>");
}

fn draw_edge(out: &mut String, edge: &Edge, placed: &Layout, route: &Route, scale: Scale) {
    let path = if route.points.is_empty() {
        let (x, y) = placed.boxes[edge.client];
        let right = x + scale.sizes().width;
        format!("M{:.0} {y:.0}c0-16 24-16 24 0", right - 52.0)
    } else {
        course(&route.points)
    };
    let fare = edge.fare.as_str();
    let widest = if scale == Scale::Dense { 2.0 } else { 3.5 };
    write!(
        out,
        "<a href=\"{}\" tabindex=\"-1\" data-ends=\"{} {}\"><title>{}</title><path class=\"edge {fare}\" stroke-width=\"{:.1}\" d=\"{path}\"/>",
        escape(&edge.href),
        edge.client,
        edge.server,
        escape(&edge.title),
        1.0 + edge.share.clamp(0.0, 1.0).sqrt() * widest,
    )
    .expect("writing to memory does not fail");
    if let Some((x, y)) = route.label {
        write!(
            out,
            "<text class=\"words {fare}\" x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            y + 4.0,
            escape(&edge.label)
        )
        .expect("writing to memory does not fail");
    }
    out.push_str("</a>");
}

/// Curves between columns, straight lines through them.
fn course(points: &[(f64, f64)]) -> String {
    let whole = |(x, y): (f64, f64)| (x.round() as i64, y.round() as i64);
    let mut from = whole(points[0]);
    let mut path = format!("M{} {}", from.0, from.1);
    for (at, to) in points.iter().enumerate().skip(1) {
        let to = whole(*to);
        let (across, down) = (to.0 - from.0, to.1 - from.1);
        let middle = across / 2;
        let written = if at % 2 == 0 || down == 0 {
            write!(path, "h{across}")
        } else {
            write!(path, "c{middle} 0 {middle} {down} {across} {down}")
        };
        written.expect("writing to memory does not fail");
        from = to;
    }
    path
}

fn draw_node(out: &mut String, node: &Node, (x, y): (f64, f64), scale: Scale) {
    let sizes = scale.sizes();
    let focus = if node.is_focus { " focus" } else { "" };
    write!(
        out,
        "<a class=\"node {} {}{focus}\" href=\"{}\" transform=\"translate({x:.0} {y:.0})\"><title>{}</title>{}",
        node.kind.as_str(),
        node.fare.as_str(),
        escape(&node.href),
        escape(&node.title),
        outline(node.kind, sizes.width, sizes.height),
    )
    .expect("writing to memory does not fail");
    let inset = if node.kind == NodeKind::Queue { 18 } else { 10 };
    let baseline = if scale == Scale::Dense { 16 } else { 18 };
    write!(
        out,
        "<text x=\"{inset}\" y=\"{baseline}\">{}</text>",
        escape(&cut(&node.name, scale.name(node)))
    )
    .expect("writing to memory does not fail");
    match (scale, node.figures.as_slice()) {
        (Scale::Roomy, figures) => {
            let (first, second) = figures.split_at(figures.len().min(2));
            draw_figures(out, first, (inset, 34), "");
            draw_figures(out, second, (inset, 48), "");
        }
        (Scale::Fair, figures) => draw_figures(out, figures, (inset, 34), ""),
        (Scale::Dense, figures) => {
            let end = (sizes.width - 8.0) as usize;
            let worst = worst_of(figures);
            draw_figures(out, worst, (end, 16), " text-anchor=\"end\"");
        }
    }
    out.push_str("</a>");
    marks(out, node, x + sizes.width, y);
}

/// What is out of the usual most, if something is.
fn worst_of(figures: &[Figure]) -> &[Figure] {
    let worst = figures.iter().map(|figure| figure.fare).max();
    let worst = worst.filter(|fare| *fare > Fare::Usual);
    let at = figures.iter().position(|figure| Some(figure.fare) == worst);
    at.map_or(&[], |at| std::slice::from_ref(&figures[at]))
}

fn draw_figures(out: &mut String, figures: &[Figure], (x, y): (usize, usize), anchor: &str) {
    if figures.is_empty() {
        return;
    }
    write!(out, "<text class=\"soft\" x=\"{x}\" y=\"{y}\"{anchor}>")
        .expect("writing to memory does not fail");
    for (at, figure) in figures.iter().enumerate() {
        let gap = if at == 0 { "" } else { " dx=\"6\"" };
        let class = match figure.fare {
            Fare::Troubled | Fare::Failing => format!(" class=\"{}\"", figure.fare.as_str()),
            Fare::Idle | Fare::Usual => String::new(),
        };
        let text = escape(&figure.text);
        write!(out, "<tspan{gap}{class}>{text}</tspan>").expect("writing to memory does not fail");
    }
    out.push_str("</text>");
}

/// On the upper right corner: an open incident as a flag that leads to it, a change as a ring.
fn marks(out: &mut String, node: &Node, right: f64, top: f64) {
    let mut x = right - 12.0;
    if let Some((href, title)) = &node.incident {
        write!(
            out,
            "<a class=\"alarm\" href=\"{}\"><title>{}</title><path d=\"M{x:.0} {:.0}l7 12h-14z\"/></a>",
            escape(href),
            escape(title),
            top - 7.0,
        )
        .expect("writing to memory does not fail");
        x -= 18.0;
    }
    if let Some(title) = &node.change {
        write!(
            out,
            "<g class=\"flag change\"><title>{}</title><circle cx=\"{x:.0}\" cy=\"{top:.0}\" r=\"4.5\"/></g>",
            escape(title),
        )
        .expect("writing to memory does not fail");
    }
}

/// The head of a name, as long as fits.
fn cut(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let head: String = name.chars().take(most - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> Node {
        Node {
            name: name.to_owned(),
            href: format!("/services/{name}"),
            figures: vec![
                figure("12/s", Fare::Usual),
                figure("3 %", Fare::Troubled),
                figure("20 ms", Fare::Usual),
            ],
            title: name.to_owned(),
            ..Node::default()
        }
    }

    fn figure(text: &str, fare: Fare) -> Figure {
        Figure {
            text: text.to_owned(),
            fare,
        }
    }

    fn edge(client: usize, server: usize) -> Edge {
        Edge {
            client,
            server,
            share: 1.0,
            label: "12/s <3 %".to_owned(),
            title: "a".to_owned(),
            ..Edge::default()
        }
    }

    #[test]
    fn rings_and_calls_of_oneself_are_drawn_and_names_are_escaped() {
        let nodes = [node("<a>"), node("b")];
        let edges = [edge(0, 1), edge(1, 0), edge(1, 1)];
        let drawn = graph(&nodes, &edges, "map").to_string();
        assert!(!drawn.contains("<a>") && drawn.contains("&lt;a&gt;"));
        assert_eq!(drawn.matches("class=\"edge ").count(), 3);
        assert_eq!(
            drawn.matches("12/s &lt;3 %").count(),
            2,
            "a call of oneself has no words"
        );
    }

    #[test]
    fn the_more_there_is_the_less_is_said_of_each() {
        let drawn = |count: usize| {
            let nodes: Vec<Node> = (0..count)
                .map(|at| node(&format!("service-{at}")))
                .collect();
            let edges: Vec<Edge> = (1..count).map(|at| edge(at / 3, at)).collect();
            graph(&nodes, &edges, "map").to_string()
        };
        assert!(drawn(12).contains("graph roomy") && drawn(12).contains("class=\"words usual\""));
        assert!(drawn(40).contains("graph fair") && !drawn(40).contains("words"));
        let dense = drawn(120);
        assert!(dense.contains("graph dense") && !dense.contains("20 ms"));
        assert!(
            dense.contains(">3 %</tspan>"),
            "what is in trouble says so in words"
        );
        assert!(dense.len() < 90_000, "{}", dense.len());
    }

    #[test]
    fn a_long_name_is_cut_where_it_ends() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("äöüäöü", 5), "äöüä…");
    }
}
