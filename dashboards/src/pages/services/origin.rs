//! Where a failure began: in those that fail while nothing that they call does.

use std::collections::BTreeSet;

use super::fare::Judged;
use super::network::Network;
use crate::charts::{Fare, NodeKind};
use crate::figures;

/// What the map tells of the beginning of trouble.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Origin {
    /// Members, by their place, the worst first.
    pub(super) begins: Vec<usize>,
    /// Members above them that fail as well.
    pub(super) above: Vec<usize>,
    /// By slowness, for want of failures.
    pub(super) is_slowness: bool,
}

/// None if nothing is out of the usual.
pub(super) fn origin(network: &Network) -> Option<Origin> {
    by(network, |judged| judged.errors, false)
        .or_else(|| by(network, |judged| judged.latency, true))
}

fn by(network: &Network, of: fn(&Judged) -> Fare, is_slowness: bool) -> Option<Origin> {
    let is_bad = |judged: &Judged| of(judged) > Fare::Usual;
    let mut bad: BTreeSet<usize> = (0..network.members.len())
        .filter(|at| is_bad(&network.members[*at].judged))
        .collect();
    // Of what sends no spans of its own, and of callers, the calls tell.
    bad.extend(
        network
            .ties
            .iter()
            .filter(|tie| is_bad(&tie.judged))
            .map(|tie| tie.server),
    );
    let leads_on = |at: usize| {
        network
            .ties
            .iter()
            .any(|tie| tie.client == at && tie.server != at && bad.contains(&tie.server))
    };
    let mut begins: Vec<usize> = bad.iter().copied().filter(|at| !leads_on(*at)).collect();
    if begins.is_empty() {
        // All of a ring: nobody can be told from the others.
        begins = bad.iter().copied().collect();
    }
    let weight = |at: usize| {
        let now = network.members[at].judged.compared.now.unwrap_or_default();
        if is_slowness {
            now.per_second * now.p95
        } else {
            now.per_second * now.failed
        }
    };
    begins.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)).then(a.cmp(b)));
    let above = bad
        .iter()
        .copied()
        .filter(|at| !begins.contains(at))
        .collect();
    (!begins.is_empty()).then_some(Origin {
        begins,
        above,
        is_slowness,
    })
}

/// `31 % of its answers fail, and nothing that it calls does`.
pub(super) fn reason(network: &Network, at: usize, is_slowness: bool) -> String {
    let member = &network.members[at];
    let now = member.judged.compared.now.unwrap_or_default();
    let calls_others = network
        .ties
        .iter()
        .any(|tie| tie.client == at && tie.server != at);
    let what = match (is_slowness, member.kind) {
        (true, _) => format!("p95 is {}", figures::duration(now.p95)),
        (false, NodeKind::Service) => {
            format!("{} of its answers fail", figures::percent(now.failed))
        }
        (false, _) => format!("{} of the calls to it fail", figures::percent(now.failed)),
    };
    match (member.kind, calls_others, is_slowness) {
        (NodeKind::Service, true, false) => format!("{what}, and nothing that it calls does"),
        (NodeKind::Service, true, true) => {
            format!("{what}, and nothing that it calls is slower than usual")
        }
        _ => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Compared, Standing, Traffic};
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::Duration;

    fn network(services: &[(&str, f64, f64)], edges: &[(&str, &str, &str, f64)]) -> Network {
        let compared = |failed, p95| Compared {
            now: Some(Standing {
                per_second: 10.0,
                failed,
                p95,
            }),
            usual: Some(Standing {
                per_second: 10.0,
                failed: 0.0,
                p95: 0.05,
            }),
        };
        let edge = |(client, server, kind, failed): &(&str, &str, &str, f64)| {
            let key = (
                (*client).to_owned(),
                (*server).to_owned(),
                (*kind).to_owned(),
            );
            (key, compared(*failed, 0.05))
        };
        Network::new(
            &Traffic {
                services: services
                    .iter()
                    .map(|(name, failed, p95)| ((*name).to_owned(), compared(*failed, *p95)))
                    .collect::<BTreeMap<_, _>>(),
                edges: edges.iter().map(edge).collect(),
                lately: Duration::from_mins(5),
            },
            &BTreeSet::new(),
        )
    }

    fn told(network: &Network) -> Option<(Vec<&str>, Vec<&str>)> {
        let found = origin(network)?;
        let names = |all: &[usize]| {
            all.iter()
                .map(|at| network.members[*at].name.as_str())
                .collect()
        };
        Some((names(&found.begins), names(&found.above)))
    }

    #[test]
    fn it_begins_in_what_fails_while_its_callees_do_not() {
        let edges = [("web", "api", "", 0.3), ("api", "db", "database", 0.0)];
        let found = network(&[("web", 0.3, 0.05), ("api", 0.3, 0.05)], &edges);
        assert_eq!(told(&found), Some((vec!["api"], vec!["web"])));
        assert_eq!(
            reason(&found, 0, false),
            "30 % of its answers fail, and nothing that it calls does"
        );
        // The same with a database that fails.
        let edges = [("web", "api", "", 0.3), ("api", "db", "database", 0.4)];
        let found = network(&[("web", 0.3, 0.05), ("api", 0.3, 0.05)], &edges);
        assert_eq!(told(&found), Some((vec!["db"], vec!["api", "web"])));
        assert_eq!(reason(&found, 1, false), "40 % of the calls to it fail");
    }

    #[test]
    fn slowness_counts_where_nothing_fails_and_a_ring_is_all_of_it() {
        let edges = [("web", "api", "", 0.0)];
        let slow = network(&[("web", 0.0, 0.9), ("api", 0.0, 0.8)], &edges);
        assert_eq!(told(&slow), Some((vec!["api"], vec!["web"])));
        assert!(origin(&slow).unwrap().is_slowness);
        let ring = [("a", "b", "", 0.3), ("b", "a", "", 0.3)];
        assert_eq!(told(&network(&[], &ring)), Some((vec!["a", "b"], vec![])));
        assert_eq!(told(&network(&[("a", 0.0, 0.05)], &[])), None);
    }
}
