//! Services and what they call, judged: the map before it is drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::fare::{Judged, together};
use crate::ask::{Compared, EdgeKey, Traffic};
use crate::charts::{Fare, NodeKind};

/// Boxes and calls drawn at most; what is in trouble first, then the busiest.
pub(super) const MOST_NODES: usize = 120;
pub(super) const MOST_EDGES: usize = 120;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) kind: NodeKind,
    pub(super) judged: Judged,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tie {
    /// By their place in [`Network::members`].
    pub(super) client: usize,
    pub(super) server: usize,
    /// `database`, `messaging_system`, `virtual_node`; empty for a plain request.
    pub(super) kind: String,
    pub(super) judged: Judged,
}

/// Members in the order of their names, which a map keeps.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Network {
    pub(super) members: Vec<Member>,
    pub(super) ties: Vec<Tie>,
}

impl Network {
    /// `queues` names destinations of messages.
    pub(super) fn new(traffic: &Traffic, queues: &BTreeSet<String>) -> Self {
        let ends = traffic.edges.keys();
        let names: BTreeSet<&str> = ends
            .flat_map(|(client, server, _)| [client.as_str(), server.as_str()])
            .chain(traffic.services.keys().map(String::as_str))
            .collect();
        let place: BTreeMap<&str, usize> = names
            .iter()
            .enumerate()
            .map(|(at, name)| (*name, at))
            .collect();
        let ties = traffic
            .edges
            .iter()
            .map(|((client, server, kind), compared)| Tie {
                client: place[client.as_str()],
                server: place[server.as_str()],
                kind: kind.clone(),
                judged: Judged::new(*compared, traffic.lately),
            });
        let members = names.iter().map(|name| Member {
            name: (*name).to_owned(),
            kind: kind_of(name, traffic, queues),
            judged: Judged::new(figures_of(name, traffic), traffic.lately),
        });
        Self {
            members: members.collect(),
            ties: ties.collect(),
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|member| member.name == name)
    }

    /// One member, those whose calls reach it within so many hops, and those that it reaches.
    pub(super) fn around(&self, name: &str, hops: usize) -> Option<Self> {
        let centre = self.position(name)?;
        let reached = |from_server: bool| {
            let mut found = BTreeSet::from([centre]);
            let mut edge = found.clone();
            for _ in 0..hops {
                let next = self.ties.iter().filter_map(|tie| {
                    let (near, far) = if from_server {
                        (tie.server, tie.client)
                    } else {
                        (tie.client, tie.server)
                    };
                    edge.contains(&near).then_some(far)
                });
                edge = next.filter(|far| !found.contains(far)).collect();
                found.extend(&edge);
            }
            found
        };
        let kept = &reached(true) | &reached(false);
        Some(self.only(&kept))
    }

    /// As much as can be read, with how many members and ties are left out. `keep` names members that
    /// stay in any case.
    pub(super) fn bounded(&self, keep: &BTreeSet<&str>) -> (Self, usize, usize) {
        let mut ranked: Vec<usize> = (0..self.members.len()).collect();
        ranked.sort_by(|a, b| {
            let rank = |at: usize| {
                let member = &self.members[at];
                let is_kept = keep.contains(member.name.as_str());
                (is_kept, member.judged.worst() > Fare::Usual)
            };
            let rate = |at: usize| self.members[at].judged.rate();
            rank(*b)
                .cmp(&rank(*a))
                .then_with(|| rate(*b).total_cmp(&rate(*a)))
                .then_with(|| a.cmp(b))
        });
        let kept: BTreeSet<usize> = ranked.into_iter().take(MOST_NODES).collect();
        let mut network = self.only(&kept);
        let ties = std::mem::take(&mut network.ties);
        // The busiest call of each, which ties it to the map, comes before further ones.
        let mut busiest: BTreeMap<usize, f64> = BTreeMap::new();
        for tie in &ties {
            let most = busiest.entry(tie.server).or_insert(0.0);
            *most = most.max(tie.judged.rate());
        }
        let mut ranked: Vec<(usize, Tie)> = ties.into_iter().enumerate().collect();
        ranked.sort_by(|(_, a), (_, b)| {
            let rank = |tie: &Tie| {
                let is_bad = tie.judged.worst() > Fare::Usual;
                (is_bad, tie.judged.rate() >= busiest[&tie.server])
            };
            rank(b)
                .cmp(&rank(a))
                .then_with(|| b.judged.rate().total_cmp(&a.judged.rate()))
        });
        ranked.truncate(MOST_EDGES);
        ranked.sort_by_key(|(at, _)| *at);
        network.ties = ranked.into_iter().map(|(_, tie)| tie).collect();
        let members = self.members.len() - network.members.len();
        let ties = self.ties.len() - network.ties.len();
        (network, members, ties)
    }

    fn only(&self, kept: &BTreeSet<usize>) -> Self {
        let place: BTreeMap<usize, usize> = kept
            .iter()
            .enumerate()
            .map(|(to, from)| (*from, to))
            .collect();
        let ties = self.ties.iter().filter_map(|tie| {
            Some(Tie {
                client: *place.get(&tie.client)?,
                server: *place.get(&tie.server)?,
                ..tie.clone()
            })
        });
        Self {
            members: kept.iter().map(|at| self.members[*at].clone()).collect(),
            ties: ties.collect(),
        }
    }
}

/// A service is who sends spans of its own: answers, or calls. Of the others the connection tells.
fn kind_of(name: &str, traffic: &Traffic, queues: &BTreeSet<String>) -> NodeKind {
    let edges = || traffic.edges.keys();
    let calls = |(client, _, kind): &EdgeKey| client == name && kind != "virtual_node";
    if traffic.services.contains_key(name) || edges().any(calls) {
        return NodeKind::Service;
    }
    let told = edges()
        .find(|(client, server, kind)| (server == name || client == name) && !kind.is_empty());
    match told.map(|(_, _, kind)| kind.as_str()) {
        Some("database") => NodeKind::Database,
        Some("messaging_system") => NodeKind::Queue,
        Some(_) if queues.contains(name) => NodeKind::Queue,
        Some(_) => NodeKind::Outside,
        None => NodeKind::Service,
    }
}

/// Its own, else those of the calls to it, else those of its calls.
fn figures_of(name: &str, traffic: &Traffic) -> Compared {
    if let Some(own) = traffic.services.get(name) {
        return *own;
    }
    let of = |is_it: fn(&EdgeKey, &str) -> bool| {
        let edges = traffic
            .edges
            .iter()
            .filter(move |(key, _)| is_it(key, name));
        together(edges.map(|(_, compared)| *compared))
    };
    let called = of(|(_, server, _), name| server == name);
    if called == Compared::default() {
        return of(|(client, _, _), name| client == name);
    }
    called
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Standing;
    use std::time::Duration;

    fn compared(per_second: f64, failed: f64) -> Compared {
        let standing = Standing {
            per_second,
            failed,
            p95: 0.05,
        };
        Compared {
            now: Some(standing),
            usual: Some(Standing {
                failed: 0.0,
                ..standing
            }),
        }
    }

    fn traffic(edges: &[(&str, &str, &str, f64)]) -> Traffic {
        let edge = |(client, server, kind, failed): &(&str, &str, &str, f64)| {
            let key = (
                (*client).to_owned(),
                (*server).to_owned(),
                (*kind).to_owned(),
            );
            (key, compared(10.0, *failed))
        };
        Traffic {
            services: BTreeMap::new(),
            edges: edges.iter().map(edge).collect(),
            lately: Duration::from_mins(5),
        }
    }

    fn network(traffic: &Traffic) -> Network {
        Network::new(traffic, &BTreeSet::from(["orders".to_owned()]))
    }

    fn names(network: &Network) -> Vec<&str> {
        network
            .members
            .iter()
            .map(|member| member.name.as_str())
            .collect()
    }

    #[test]
    fn what_sends_no_spans_is_told_by_how_it_is_reached() {
        let network = network(&traffic(&[
            ("web", "sqlite", "database", 0.0),
            ("web", "orders", "virtual_node", 0.0),
            ("web", "api.example", "virtual_node", 0.0),
            ("user", "web", "virtual_node", 0.0),
        ]));
        let kinds: Vec<(&str, NodeKind)> = network
            .members
            .iter()
            .map(|m| (m.name.as_str(), m.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("api.example", NodeKind::Outside),
                ("orders", NodeKind::Queue),
                ("sqlite", NodeKind::Database),
                ("user", NodeKind::Outside),
                ("web", NodeKind::Service),
            ]
        );
    }

    #[test]
    fn a_focus_shows_callers_and_callees_but_not_their_others() {
        let network = network(&traffic(&[
            ("a", "b", "", 0.0),
            ("b", "c", "", 0.0),
            ("c", "d", "", 0.0),
            ("a", "x", "", 0.0),
        ]));
        assert_eq!(names(&network.around("b", 1).unwrap()), ["a", "b", "c"]);
        assert_eq!(
            names(&network.around("b", 2).unwrap()),
            ["a", "b", "c", "d"]
        );
        assert!(network.around("nobody", 1).is_none());
    }

    #[test]
    fn trouble_is_kept_before_what_is_busy() {
        let mut edges: Vec<(String, String)> = (0..150)
            .map(|at| ("hub".to_owned(), format!("s{at:03}")))
            .collect();
        edges.push(("hub".to_owned(), "z-broken".to_owned()));
        let all: Vec<(&str, &str, &str, f64)> = edges
            .iter()
            .map(|(client, server)| {
                let failed = if server == "z-broken" { 0.5 } else { 0.0 };
                (client.as_str(), server.as_str(), "", failed)
            })
            .collect();
        let network = network(&traffic(&all));
        let (shown, members, ties) = network.bounded(&BTreeSet::from(["s149"]));
        assert_eq!(shown.members.len(), MOST_NODES);
        assert_eq!((members, ties), (152 - MOST_NODES, 151 - (MOST_NODES - 1)));
        assert!(names(&shown).contains(&"z-broken") && names(&shown).contains(&"s149"));
    }
}
