use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::MetricKind;
use watchfire_tsdb::{DeltaBatch, DeltaLabels};

use super::super::OTHER;
use super::super::durations::{Durations, ExemplarOf, HistogramNames, SharedLabels};

const TOTAL: &str = "traces_service_graph_request_total";
const FAILED: &str = "traces_service_graph_request_failed_total";
const SERVER: HistogramNames = HistogramNames {
    native: "traces_service_graph_request_server_seconds",
    bucket: "traces_service_graph_request_server_seconds_bucket",
    sum: "traces_service_graph_request_server_seconds_sum",
    count: "traces_service_graph_request_server_seconds_count",
};
const CLIENT: HistogramNames = HistogramNames {
    native: "traces_service_graph_request_client_seconds",
    bucket: "traces_service_graph_request_client_seconds_bucket",
    sum: "traces_service_graph_request_client_seconds_sum",
    count: "traces_service_graph_request_client_seconds_count",
};

/// So many edges are told apart: 38 series each.
const MOST: usize = 5_000;

/// What connects the two ends of an edge: the values of the labels `connection_type` and
/// `virtual_node`, as the service graphs of OpenTelemetry and Tempo have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Connection {
    /// A request of which both spans are there.
    Request,
    /// A message of which both spans are there.
    Messaging,
    /// A database, which never has spans of its own.
    Database,
    /// The caller has no spans: somebody outside.
    VirtualClient,
    /// What is called has no spans.
    VirtualServer,
}

impl Connection {
    const fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::Request => ("", ""),
            Self::Messaging => ("messaging_system", ""),
            Self::Database => ("database", ""),
            Self::VirtualClient => ("virtual_node", "client"),
            Self::VirtualServer => ("virtual_node", "server"),
        }
    }
}

/// One call, as far as its sides are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) at: i64,
    pub(super) failed: bool,
    /// How long it took as each side saw it.
    pub(super) client_seconds: Option<f64>,
    pub(super) server_seconds: Option<f64>,
    pub(super) span: ExemplarOf,
}

/// The series of edges, known by numbers.
#[derive(Debug, Default)]
pub(super) struct Edges {
    known: FxHashMap<(u32, u32, Connection), u32>,
    all: Vec<Edge>,
    touched: Vec<u32>,
    /// How many calls counted as another edge for want of room.
    pub(super) limited: u64,
}

#[derive(Debug)]
struct Edge {
    labels: SharedLabels,
    key: u64,
    is_touched: bool,
    /// Calls and failures by second.
    calls: Vec<(i64, f64, f64)>,
    client: Durations,
    server: Durations,
}

impl Edges {
    const SERIES: u64 = 2 + 2 * Durations::SERIES;

    /// Counts a call between two names, `text` being what they stand for.
    pub(super) fn count<'n>(
        &mut self,
        (client, server, connection): (u32, u32, Connection),
        call: &Call,
        text: impl Fn(u32) -> &'n str,
        number: &mut impl FnMut(u64) -> u64,
    ) {
        let index = match self.known.get(&(client, server, connection)) {
            Some(index) => *index,
            None => self.begin(
                (client, server, connection),
                (text(client), text(server)),
                number,
            ),
        };
        let edge = &mut self.all[index as usize];
        if !edge.is_touched {
            edge.is_touched = true;
            self.touched.push(index);
        }
        let failed = f64::from(u8::from(call.failed));
        match edge.calls.iter_mut().rfind(|(at, ..)| *at == call.at) {
            Some((_, calls, failures)) => {
                *calls += 1.0;
                *failures += failed;
            }
            None => edge.calls.push((call.at, 1.0, failed)),
        }
        if let Some(seconds) = call.client_seconds {
            edge.client.add(call.at, seconds, &call.span);
        }
        if let Some(seconds) = call.server_seconds {
            edge.server.add(call.at, seconds, &call.span);
        }
    }

    /// Hands over what was counted since this was last asked.
    pub(super) fn write(&mut self, batch: &mut DeltaBatch) {
        for index in self.touched.drain(..) {
            let edge = &mut self.all[index as usize];
            edge.is_touched = false;
            edge.calls.sort_by_key(|(at, ..)| *at);
            let labels = |name| DeltaLabels {
                name,
                le: "",
                shared: Arc::clone(&edge.labels),
            };
            batch.begin(edge.key, labels(TOTAL), MetricKind::Counter);
            for (at, calls, _) in &edge.calls {
                batch.sample(*at, *calls);
            }
            batch.begin(edge.key + 1, labels(FAILED), MetricKind::Counter);
            for (at, _, failures) in edge.calls.drain(..) {
                batch.sample(at, failures);
            }
            let key = edge.key + 2;
            edge.server.write(&SERVER, &edge.labels, key, batch);
            let key = key + Durations::SERIES;
            edge.client.write(&CLIENT, &edge.labels, key, batch);
        }
    }

    fn begin(
        &mut self,
        edge: (u32, u32, Connection),
        (client, server): (&str, &str),
        number: &mut impl FnMut(u64) -> u64,
    ) -> u32 {
        let (client, server) = if self.all.len() < MOST {
            (client, server)
        } else {
            self.limited += 1;
            (OTHER, OTHER)
        };
        let (connection_type, virtual_node) = edge.2.labels();
        let labels: SharedLabels = [
            ("client", client.into()),
            ("server", server.into()),
            ("connection_type", connection_type.into()),
            ("virtual_node", virtual_node.into()),
        ]
        .into();
        let other = self.all.iter().skip(MOST);
        let known = other.zip(MOST..).find(|(one, _)| one.labels == labels);
        if let Some((_, index)) = known {
            return u32::try_from(index).expect("few edges");
        }
        let index = u32::try_from(self.all.len()).expect("few edges");
        self.all.push(Edge {
            labels,
            key: number(Self::SERIES),
            is_touched: false,
            calls: Vec::new(),
            client: Durations::default(),
            server: Durations::default(),
        });
        if self.all.len() <= MOST {
            self.known.insert(edge, index);
        }
        index
    }
}
