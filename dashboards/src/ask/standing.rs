//! How services fare lately, and how they usually do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::try_join3;
use watchfire_logsearch::SpanGroupSearch;
use watchfire_schemas::{LabelSet, TimeRange, Timestamp};
use watchfire_tsdb::{QueryError, QueryValue};

use super::{Call, calls, instant};
use crate::Console;

/// What was answered in a stretch of time: by a service, or over an edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub(crate) per_second: f64,
    /// Of one.
    pub(crate) failed: f64,
    /// Seconds; not a number if nothing was measured.
    pub(crate) p95: f64,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            per_second: 0.0,
            failed: 0.0,
            p95: f64::NAN,
        }
    }
}

impl From<&Call> for Standing {
    fn from(call: &Call) -> Self {
        Self {
            per_second: call.per_second,
            failed: call.failed,
            p95: call.p95,
        }
    }
}

/// Now, and as it usually is; none where nothing was seen then.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Compared {
    pub(crate) now: Option<Standing>,
    pub(crate) usual: Option<Standing>,
}

/// Requests and messages alike.
const ANSWERED: &str = "kind=~\"SPAN_KIND_(SERVER|CONSUMER)\"";

/// An edge: client, server, kind of connection.
pub(crate) type EdgeKey = (String, String, String);

/// All that a map of a range is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Traffic {
    pub(crate) services: BTreeMap<String, Compared>,
    /// Also those that were quiet lately, if there were calls in the range.
    pub(crate) edges: BTreeMap<EdgeKey, Compared>,
    /// How long "lately" is.
    pub(crate) lately: Duration,
}

/// The figures of a range are those of its last part: what broke a few minutes ago would drown in
/// hours. Who was there is told by all of it, so that a map keeps its shape.
fn lately(range: TimeRange) -> Duration {
    let length = range.end.since(range.start);
    (length / 12)
        .clamp(Duration::from_mins(2), Duration::from_hours(2))
        .min(length.max(Duration::from_mins(1)))
}

/// `usual` is a time at which all was well.
pub(crate) async fn traffic(
    console: &Console,
    range: TimeRange,
    usual: TimeRange,
) -> Result<Traffic, QueryError> {
    let lately = lately(range);
    let before = usual.end.since(usual.start);
    let whole = range.end.since(range.start);
    let services = try_join3(
        seen_services(console, range.end, whole),
        served(console, range.end, lately),
        served(console, usual.end, before),
    );
    let edges = try_join3(
        seen_edges(console, range.end, whole),
        calls(console, "", range.end, lately),
        calls(console, "", usual.end, before),
    );
    let (services, edges) = tokio::try_join!(services, edges)?;
    let keyed = |calls: Vec<Call>| -> BTreeMap<EdgeKey, Standing> {
        let key = |call: &Call| (call.client.clone(), call.server.clone(), call.kind.clone());
        calls.iter().map(|call| (key(call), call.into())).collect()
    };
    let (seen, now, usual) = edges;
    Ok(Traffic {
        services: compared(services.0, &services.1, &services.2),
        edges: compared(seen, &keyed(now), &keyed(usual)),
        lately,
    })
}

/// Where producers of the last part of a range send messages: a map cannot tell by its edges alone
/// what is a queue and what a host.
pub(crate) async fn destinations(
    console: &Console,
    range: TimeRange,
) -> Result<BTreeSet<String>, watchfire_logsearch::QueryError> {
    let search = SpanGroupSearch {
        query: "kind:producer messaging.destination.name:*".to_owned(),
        range: TimeRange {
            start: range.end - lately(range),
            end: range.end,
        },
        by: vec!["messaging.destination.name".to_owned()],
        limit: 100,
        deadline: super::DEADLINE,
    };
    let found = console.events.span_groups(search).await?;
    let names = found.groups.into_iter().flat_map(|group| group.values);
    Ok(names.collect())
}

/// The labels `by` of the series of a counter that grew.
async fn grown<const N: usize>(
    console: &Console,
    counter: &str,
    by: [&str; N],
    (at, length): (Timestamp, Duration),
) -> Result<BTreeSet<[String; N]>, QueryError> {
    let window = length.as_secs().max(60);
    let expression = format!(
        "sum by ({}) (rate({counter}[{window}s])) > 0",
        by.join(", ")
    );
    let QueryValue::Vector(samples) = instant(console, expression, at).await?.value else {
        return Ok(BTreeSet::new());
    };
    let labels = |labels: &LabelSet| by.map(|name| labels.get(name).unwrap_or_default().to_owned());
    Ok(samples.iter().map(|one| labels(&one.labels)).collect())
}

async fn seen_services(
    console: &Console,
    at: Timestamp,
    length: Duration,
) -> Result<BTreeSet<String>, QueryError> {
    let counter = format!("traces_span_metrics_calls_total{{{ANSWERED}}}");
    let found = grown(console, &counter, ["service"], (at, length)).await?;
    Ok(found.into_iter().map(|[service]| service).collect())
}

async fn seen_edges(
    console: &Console,
    at: Timestamp,
    length: Duration,
) -> Result<BTreeSet<EdgeKey>, QueryError> {
    let by = ["client", "server", "connection_type"];
    let counter = "traces_service_graph_request_total";
    let found = grown(console, counter, by, (at, length)).await?;
    let keys = found.into_iter();
    Ok(keys
        .map(|[client, server, kind]| (client, server, kind))
        .collect())
}

fn compared<K: Ord>(
    seen: BTreeSet<K>,
    now: &BTreeMap<K, Standing>,
    usual: &BTreeMap<K, Standing>,
) -> BTreeMap<K, Compared> {
    let of = |key: K| {
        let compared = Compared {
            now: now.get(&key).copied(),
            usual: usual.get(&key).copied(),
        };
        (key, compared)
    };
    seen.into_iter().map(of).collect()
}

/// What services answered up to `at`, requests and messages alike.
async fn served(
    console: &Console,
    at: Timestamp,
    length: Duration,
) -> Result<BTreeMap<String, Standing>, QueryError> {
    let window = length.as_secs().max(60);
    let of = |name: &str, more: &str, by: &str| {
        format!("sum by ({by}) (rate(traces_span_metrics_{name}{{{ANSWERED}{more}}}[{window}s]))")
    };
    let failed = of("calls_total", ",status=\"STATUS_CODE_ERROR\"", "service");
    let buckets = of("duration_seconds_bucket", "", "service, le");
    let (all, failed, p95) = try_join3(
        instant(console, of("calls_total", "", "service"), at),
        instant(console, failed, at),
        instant(console, format!("histogram_quantile(0.95, {buckets})"), at),
    )
    .await?;
    let mut found: BTreeMap<String, Standing> = BTreeMap::new();
    let mut take = |value: QueryValue, write: fn(&mut Standing, f64)| {
        let QueryValue::Vector(samples) = value else {
            return;
        };
        for one in samples {
            let service = one.labels.get("service").unwrap_or_default();
            write(found.entry(service.to_owned()).or_default(), one.sample.v);
        }
    };
    take(all.value, |standing, value| standing.per_second = value);
    take(failed.value, |standing, value| standing.failed = value);
    take(p95.value, |standing, value| standing.p95 = value);
    found.retain(|_, standing| standing.per_second > 0.0);
    for standing in found.values_mut() {
        standing.failed = (standing.failed / standing.per_second).clamp(0.0, 1.0);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lately_is_a_part_of_the_range() {
        let of = |minutes: u64| {
            let end = Timestamp::from_secs(1_795_327_200);
            let start = end - Duration::from_mins(minutes);
            lately(TimeRange { start, end }).as_secs()
        };
        assert_eq!(of(60), 300);
        assert_eq!(of(5), 120);
        assert_eq!(of(1), 60);
        assert_eq!(of(24 * 60), 7200);
        assert_eq!(of(30 * 24 * 60), 7200);
    }

    #[test]
    fn what_was_quiet_lately_is_still_there() {
        let one = |per_second| Standing {
            per_second,
            ..Standing::default()
        };
        let seen = BTreeSet::from(["a", "b"]);
        let now = BTreeMap::from([("a", one(3.0))]);
        let found = compared(seen, &now, &BTreeMap::new());
        assert_eq!(found["a"].now.map(|now| now.per_second), Some(3.0));
        assert!(found["b"].now.is_none() && found["b"].usual.is_none());
    }
}
