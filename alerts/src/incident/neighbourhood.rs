//! Who calls whom, as the service graph shows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use watchfire_schemas::Timestamp;

use super::JoinReason;
use crate::{SignalError, Signals};

/// Calls of the last hour: a failure must not hide its own edges. Those from outside join nothing:
/// everybody outside has one name.
const CALLS: &str = "sum by (client, server) \
    (increase(traces_service_graph_request_total{virtual_node!=\"client\"}[1h])) > 0";

/// The calls between services.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Neighbourhood {
    calls: BTreeMap<String, BTreeSet<String>>,
}

impl Neighbourhood {
    pub(crate) fn new<'a>(calls: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (client, server) in calls {
            if client != server {
                let of_client = known.entry(client.to_owned()).or_default();
                of_client.insert(server.to_owned());
            }
        }
        Self { calls: known }
    }

    pub(crate) async fn ask(signals: &dyn Signals, at: Timestamp) -> Result<Self, SignalError> {
        let edges = signals.instant(CALLS, at).await?;
        let named = edges
            .iter()
            .filter_map(|edge| Some((edge.labels.get("client")?, edge.labels.get("server")?)));
        Ok(Self::new(named))
    }

    /// The shortest way by calls between a service and one of others, in either direction.
    pub(super) fn nearest(
        &self,
        service: &str,
        others: &[String],
        most_hops: usize,
    ) -> Option<JoinReason> {
        let way = |client: &str, server: &str| {
            let hops = self.hops(client, server)?;
            Some((hops, client.to_owned(), server.to_owned()))
        };
        let ways = others
            .iter()
            .flat_map(|other| [way(service, other), way(other, service)]);
        let (hops, client, server) = ways.flatten().min()?;
        (hops <= most_hops).then_some(JoinReason::Dependency {
            client,
            server,
            hops,
        })
    }

    /// Whether calls of both are known, and no calls connect them.
    pub(super) fn are_apart(&self, service: &str, others: &[String]) -> bool {
        let around = self.around(service);
        let is_known = |name: &String| self.around(name).len() > 1;
        around.len() > 1
            && others.iter().any(is_known)
            && !others.iter().any(|other| around.contains(other.as_str()))
    }

    fn hops(&self, client: &str, server: &str) -> Option<usize> {
        let mut seen = BTreeSet::from([client]);
        let mut next = VecDeque::from([(client, 0)]);
        while let Some((service, hops)) = next.pop_front() {
            if service == server {
                return Some(hops).filter(|hops| *hops > 0);
            }
            let called = self.calls.get(service).into_iter().flatten();
            for other in called.map(String::as_str) {
                if seen.insert(other) {
                    next.push_back((other, hops + 1));
                }
            }
        }
        None
    }

    /// All that calls connect with a service, itself among them.
    fn around<'a>(&'a self, service: &'a str) -> BTreeSet<&'a str> {
        let mut seen = BTreeSet::from([service]);
        let mut next = vec![service];
        while let Some(one) = next.pop() {
            let called = self.calls.get(one).into_iter().flatten();
            let clients = self.calls.iter();
            let clients = clients.filter(|(_, called)| called.contains(one));
            let beside = called.chain(clients.map(|(client, _)| client));
            for other in beside.map(String::as_str) {
                if seen.insert(other) {
                    next.push(other);
                }
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_follow_the_direction_of_calls() {
        let known =
            Neighbourhood::new([("web", "api"), ("api", "db"), ("batch", "db"), ("a", "a")]);
        assert_eq!(known.hops("web", "db"), Some(2));
        assert_eq!(known.hops("db", "web"), None);
        assert_eq!(known.hops("web", "web"), None);
        let nearest = known.nearest("db", &["web".to_owned(), "api".to_owned()], 3);
        let expected = JoinReason::Dependency {
            client: "api".to_owned(),
            server: "db".to_owned(),
            hops: 1,
        };
        assert_eq!(nearest, Some(expected));
        // They share a dependency, and neither calls the other: connected, but no way.
        assert_eq!(known.nearest("batch", &["web".to_owned()], 3), None);
        assert!(!known.are_apart("batch", &["web".to_owned()]));
        assert!(!known.are_apart("stranger", &["web".to_owned()]));
    }
}
