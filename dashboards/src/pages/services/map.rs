//! The map as it is drawn: each box and each call with its figures, its link and its marks.

use std::collections::{BTreeMap, BTreeSet};

use watchfire_alerts::Incident;
use watchfire_schemas::ChangeEvent;

use super::Wanted;
use super::network::{Member, Network, Tie};
use super::origin::{origin, reason};
use crate::charts::{Edge, Fare, Node, NodeKind, Svg, graph};
use crate::range::Asked;
use crate::{chain, figures};

/// Names of those that fail above the origin.
const MOST_ABOVE: usize = 6;
/// Members in which it seems to begin.
const MOST_ORIGINS: usize = 3;

/// A member in which trouble seems to begin.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Began {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) why: String,
}

/// What the map says about open incidents.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Hint {
    /// (title, link)
    pub(crate) incidents: Vec<(String, String)>,
    pub(crate) begins: Vec<Began>,
    /// Those above it, in words.
    pub(crate) above: String,
}

/// One call of the table.
#[derive(Debug)]
pub(crate) struct CallRow {
    pub(crate) client: String,
    pub(crate) client_href: String,
    pub(crate) server: String,
    pub(crate) server_href: String,
    pub(crate) kind: &'static str,
    pub(crate) fare: &'static str,
    pub(crate) state: &'static str,
    pub(crate) words: String,
    pub(crate) href: String,
}

/// Services with what happened to them.
#[derive(Debug)]
pub(super) struct Marks<'a> {
    incidents: BTreeMap<&'a str, &'a Incident>,
    changes: BTreeMap<&'a str, &'a ChangeEvent>,
}

impl<'a> Marks<'a> {
    /// Of several incidents the newest, of several changes the newest.
    pub(super) fn new(open: &'a [Incident], changes: &'a [ChangeEvent]) -> Self {
        let mut marks = Self {
            incidents: BTreeMap::new(),
            changes: BTreeMap::new(),
        };
        for incident in open {
            for service in &incident.services {
                let known = marks.incidents.entry(service).or_insert(incident);
                if known.detected_at < incident.detected_at {
                    *known = incident;
                }
            }
        }
        for change in changes {
            let known = marks.changes.entry(&change.service).or_insert(change);
            if known.at < change.at {
                *known = change;
            }
        }
        marks
    }

    /// Services that a bounded map keeps.
    pub(super) fn names(&self) -> BTreeSet<&'a str> {
        self.incidents.keys().copied().collect()
    }
}

pub(super) fn draw(network: &Network, marks: &Marks<'_>, wanted: &Wanted) -> Svg {
    let busiest = network
        .ties
        .iter()
        .map(|tie| tie.judged.rate())
        .fold(0.0, f64::max);
    let nodes: Vec<Node> = network
        .members
        .iter()
        .enumerate()
        .map(|(at, member)| node(network, at, member, marks, wanted))
        .collect();
    let edges: Vec<Edge> = network
        .ties
        .iter()
        .map(|tie| Edge {
            client: tie.client,
            server: tie.server,
            share: tie.judged.rate() / busiest.max(1e-12),
            fare: tie.judged.worst(),
            href: href_of(network, tie, &wanted.asked),
            label: tie.judged.label(),
            title: format!(
                "{} → {}\n{}",
                network.members[tie.client].name,
                network.members[tie.server].name,
                tie.judged.words()
            ),
        })
        .collect();
    graph(&nodes, &edges, "Who calls whom")
}

fn node(network: &Network, at: usize, member: &Member, marks: &Marks<'_>, wanted: &Wanted) -> Node {
    let incident = marks.incidents.get(member.name.as_str());
    let kind = match member.kind {
        NodeKind::Service => String::new(),
        other => format!(", {}", kind_word(other)),
    };
    Node {
        href: member_href(network, at, &wanted.asked),
        kind: member.kind,
        figures: member.judged.figures(),
        fare: member.judged.worst(),
        title: format!("{}{kind}\n{}", member.name, member.judged.words()),
        is_focus: wanted.focus.as_deref() == Some(member.name.as_str()),
        incident: incident.map(|incident| {
            let href = chain::incident(&wanted.asked, &incident.id);
            (href, format!("open incident: {}", incident.title))
        }),
        change: marks.changes.get(member.name.as_str()).map(|change| {
            let version = change.version.as_deref().unwrap_or_default();
            let text = format!(
                "{} {version} at {}: {}",
                change.kind.as_str(),
                figures::clock(change.at),
                change.summary
            );
            figures::cut(&text, 200).0.to_owned()
        }),
        name: member.name.clone(),
    }
}

pub(super) const fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "service",
        NodeKind::Database => "database",
        NodeKind::Queue => "queue",
        NodeKind::Outside => "sends no spans",
    }
}

/// The page of a service; of what has none, the spans of the busiest calls of it.
fn member_href(network: &Network, at: usize, asked: &Asked) -> String {
    let member = &network.members[at];
    if member.kind == NodeKind::Service {
        return chain::service(asked, &member.name);
    }
    let of_it = network
        .ties
        .iter()
        .filter(|tie| tie.client == at || tie.server == at);
    let busiest = of_it.max_by(|a, b| a.judged.rate().total_cmp(&b.judged.rate()));
    busiest.map_or_else(
        || chain::service(asked, &member.name),
        |tie| href_of(network, tie, asked),
    )
}

/// The spans of a call: those of the client, or of the server where the client sends none.
fn href_of(network: &Network, tie: &Tie, asked: &Asked) -> String {
    let (client, server) = (&network.members[tie.client], &network.members[tie.server]);
    let query = if client.kind == NodeKind::Service {
        chain::spans_of_calls(&client.name, &server.name, &tie.kind)
    } else {
        chain::spans_answered(&server.name)
    };
    chain::traces(asked, &query)
}

/// The same in words: what is out of the usual first, then the busiest.
pub(super) fn rows(network: &Network, asked: &Asked) -> Vec<CallRow> {
    let mut ties: Vec<&Tie> = network.ties.iter().collect();
    ties.sort_by(|a, b| {
        let worst = b
            .judged
            .worst()
            .max(Fare::Usual)
            .cmp(&a.judged.worst().max(Fare::Usual));
        worst.then_with(|| b.judged.rate().total_cmp(&a.judged.rate()))
    });
    let row = |tie: &&Tie| CallRow {
        client: network.members[tie.client].name.clone(),
        client_href: member_href(network, tie.client, asked),
        server: network.members[tie.server].name.clone(),
        server_href: member_href(network, tie.server, asked),
        kind: match tie.kind.as_str() {
            "database" => "database",
            "messaging_system" => "messages",
            "" => "requests",
            _ => "outside",
        },
        fare: tie.judged.worst().as_str(),
        state: tie.judged.state(),
        words: tie.judged.words(),
        href: href_of(network, tie, asked),
    };
    ties.iter().map(row).collect()
}

/// Where it began, if an incident is open.
pub(super) fn hint(network: &Network, open: &[Incident], wanted: &Wanted) -> Option<Hint> {
    if open.is_empty() {
        return None;
    }
    let incidents = open.iter().take(MOST_ORIGINS).map(|incident| {
        let href = chain::incident(&wanted.asked, &incident.id);
        (incident.title.clone(), href)
    });
    let mut hint = Hint {
        incidents: incidents.collect(),
        ..Hint::default()
    };
    if let Some(found) = origin(network) {
        let began = |at: &usize| {
            let name = network.members[*at].name.clone();
            Began {
                href: wanted.focused(&name),
                why: reason(network, *at, found.is_slowness),
                name,
            }
        };
        hint.begins = found.begins.iter().take(MOST_ORIGINS).map(began).collect();
        let above = found.above.iter().take(MOST_ABOVE);
        let mut felt: Vec<String> = above.map(|at| network.members[*at].name.clone()).collect();
        if found.above.len() > MOST_ABOVE {
            felt.push(format!("{} more", found.above.len() - MOST_ABOVE));
        }
        hint.above = felt.join(", ");
    }
    Some(hint)
}
