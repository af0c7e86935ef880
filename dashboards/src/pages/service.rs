//! `/services/{name}`: rate, errors and duration of one service and of its operations, what of it
//! tells most, who it deals with, and what it uses up; all over one axis of time.

mod endpoints;
mod evidence;
mod exemplars;
mod neighbours;
mod panel;
mod requests;
mod saturation;

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use watchfire_alerts::{ExceptionGroup, GroupStatus, Incident};
use watchfire_logsearch::{LogPage, SpanPage};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};
use watchfire_tsdb::{ExemplarSeries, RangeSeries};

use self::endpoints::OperationRow;
use self::evidence::{ErrorLine, ExceptionRow};
use self::neighbours::NeighbourRow;
use self::panel::Panel;
use self::saturation::Saturation;
use super::explore::Against;
use super::incidents::{IncidentRow, incident_row};
use super::traces::SpanRow;
use super::{Page, exceptions, render};
use crate::ask::{self, Call, ServiceRed};
use crate::charts::{Steps, Svg};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, chain, query_text, url};

/// Points of a line, and columns of the heat map.
const POINTS: u64 = 90;

/// Failed requests read, of which some are of one trace.
const FAILED: usize = 30;

/// (label, link, is it the one)
type Choice = (&'static str, String, bool);

#[derive(Debug, Template)]
#[template(path = "service.html")]
pub(crate) struct ServicePage {
    pub(crate) shell: Shell,
    pub(crate) is_known: bool,
    pub(crate) links: Vec<(&'static str, String)>,
    pub(crate) against: Vec<Choice>,
    pub(crate) requests: Vec<Panel>,
    pub(crate) heat: Option<Svg>,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) orders: Vec<Choice>,
    pub(crate) operations: Vec<OperationRow>,
    pub(crate) operations_total: usize,
    pub(crate) exceptions: Vec<ExceptionRow>,
    pub(crate) errors: Vec<ErrorLine>,
    pub(crate) slow: Vec<SpanRow>,
    pub(crate) failed: Vec<SpanRow>,
    pub(crate) failed_href: String,
    pub(crate) callers: Vec<NeighbourRow>,
    pub(crate) called: Vec<NeighbourRow>,
    pub(crate) saturation: Vec<Saturation>,
}

/// What lies on the axis of time besides the lines.
#[derive(Debug, Default)]
pub(crate) struct Happened {
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) incidents: Vec<Incident>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) service: Option<ServiceRed>,
    /// The same at the earlier time, moved to this one.
    pub(crate) earlier: Option<ServiceRed>,
    pub(crate) operations: Vec<ServiceRed>,
    pub(crate) buckets: Vec<RangeSeries>,
    pub(crate) exemplars: Vec<ExemplarSeries>,
    /// Seconds that requests took in the range, by operation.
    pub(crate) busy: BTreeMap<String, f64>,
    pub(crate) happened: Happened,
    /// With how often each happened in the range.
    pub(crate) groups: Vec<(ExceptionGroup, f64)>,
    pub(crate) errors: Option<LogPage>,
    pub(crate) slow: Option<SpanPage>,
    pub(crate) failed: Option<SpanPage>,
    pub(crate) calls: Vec<Call>,
    pub(crate) saturation: Vec<Vec<RangeSeries>>,
}

/// How the page is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) sort: String,
    pub(crate) against: Against,
    pub(crate) asked: Asked,
}

impl Wanted {
    fn path(&self) -> String {
        format!("/services/{}", url::encode(&self.name))
    }

    fn link(&self, sort: &str, against: Against) -> String {
        let sort = if sort == "rate" { "" } else { sort };
        let kept = [("sort", sort), ("vs", against.name())];
        self.asked.link(&self.path(), &kept)
    }

    fn steps(&self) -> Steps {
        Steps::over(self.asked.range, self.step())
    }

    fn step(&self) -> Duration {
        self.asked.step(POINTS)
    }
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(name): Path<String>,
    params: Params,
) -> Page {
    let house = House::ask(&console).await;
    let sort = params.get("sort").unwrap_or("rate").to_owned();
    if endpoints::ORDERS.iter().all(|(order, _)| *order != sort) {
        return Err(BadParam::new("sort", "expected rate, errors, p50, p95 or p99").into());
    }
    let wanted = Wanted {
        name,
        sort,
        against: Against::from_params(&params)?,
        asked: Asked::from_params(&params, house.now, "1h")?,
    };
    let kept = [
        ("sort", wanted.sort.as_str()),
        ("vs", wanted.against.name()),
    ];
    let mut shell = Shell::ranged(
        &house,
        &wanted.path(),
        wanted.name.clone(),
        &wanted.asked,
        &kept,
    );
    let found = ask(&console, &mut shell, &wanted).await;
    render(&view(shell, house.now, &wanted, &found))
}

async fn ask(console: &Console, shell: &mut Shell, wanted: &Wanted) -> Found {
    let Wanted { name, asked, .. } = wanted;
    let (range, step) = (asked.range, wanted.step());
    let matcher = format!("service={name:?}");
    let of_service = query_text::term("service.name", name);
    let edges = [format!("client={name:?}"), format!("server={name:?}")];
    let failures = format!("{of_service} severity:(ERROR or FATAL)");
    let mut told = shell.clone();
    let measured = async {
        let mut exprs = saturation::questions(name);
        exprs.push(requests::buckets(name, step));
        ask::many(console, &mut told, "figures", exprs, range, step).await
    };
    let earlier = async {
        match wanted.against.shift(asked.length()) {
            None => Ok(Vec::new()),
            Some(shift) => ask::red_before(console, &matcher, range, step, shift).await,
        }
    };
    let (service, operations, earlier, mut measured, called, callers, happened, groups, errors) = tokio::join!(
        ask::red_of(console, "service", &matcher, range, step),
        ask::red_of(console, "operation", &matcher, range, step),
        earlier,
        measured,
        ask::calls(console, &edges[0], range.end, asked.length()),
        ask::calls(console, &edges[1], range.end, asked.length()),
        happened(console, name, range),
        groups(console, name, asked),
        ask::logs(console, &failures, range, evidence::MOST, None),
    );
    let buckets = measured.pop().unwrap_or_default();
    *shell = told;
    let service = shell.take("request figures", service).into_iter().next();
    let failing = format!("{of_service} kind:server status:error");
    let (slow, failed, exemplars, busy) = tokio::join!(
        slow(console, service.as_ref(), &of_service, range),
        ask::spans(console, &failing, range, FAILED, None),
        exemplars::exemplars(console, name, range),
        endpoints::busy(console, name, asked),
    );
    let mut calls = shell.take("who it calls", called);
    calls.extend(shell.take("who calls it", callers));
    Found {
        service,
        earlier: shell.take("earlier figures", earlier).into_iter().next(),
        operations: shell.take("operations", operations),
        buckets,
        happened: happened(shell),
        groups: shell.take("exception groups", groups),
        errors: errors
            .map_err(|error| tracing::warn!(%error, "a page could not read errors logged: {error}"))
            .ok(),
        slow,
        failed: failed
            .map_err(|error| tracing::warn!(%error, "a page could not read failed spans: {error}"))
            .ok(),
        exemplars: shell.take("exemplars", exemplars),
        busy: shell.take("time by operation", busy),
        calls,
        saturation: measured,
    }
}

async fn happened(
    console: &Console,
    name: &str,
    range: TimeRange,
) -> impl FnOnce(&mut Shell) -> Happened {
    let (changes, incidents) = tokio::join!(
        console.alerts.changes(range, Some(name)),
        console.alerts.incidents(range, false, 200),
    );
    let name = name.to_owned();
    move |shell: &mut Shell| {
        let mut incidents = shell.take("incidents", incidents);
        incidents.retain(|incident| incident.services.contains(&name));
        Happened {
            changes: shell.take("changes", changes),
            incidents,
        }
    }
}

/// Groups seen in the range, with how often.
async fn groups(
    console: &Console,
    name: &str,
    asked: &Asked,
) -> Result<Vec<(ExceptionGroup, f64)>, String> {
    let found = console
        .alerts
        .exception_groups(Some(name), None, ask::MOST_LISTED)
        .await;
    let mut groups = found.map_err(|error| error.to_string())?;
    groups.retain(|group| {
        group.last_seen >= asked.range.start && group.status != GroupStatus::Ignored
    });
    groups.sort_by_key(|group| std::cmp::Reverse(group.last_seen));
    groups.truncate(evidence::MOST);
    let trends = exceptions::trends_of(console, &groups, asked).await;
    let trends = trends.map_err(|error| error.to_string())?;
    let counts = trends.into_iter().map(|trend| trend.iter().sum());
    Ok(groups.into_iter().zip(counts).collect())
}

/// Requests slower than nearly all.
async fn slow(
    console: &Console,
    service: Option<&ServiceRed>,
    of_service: &str,
    range: TimeRange,
) -> Option<SpanPage> {
    let slow = ServiceRed::last(&service?.p95).unwrap_or(0.0) * 1e3;
    let query = format!("{of_service} kind:server duration:>={slow:.3}ms");
    ask::spans(console, &query, range, 100, None).await.ok()
}

pub(crate) fn view(shell: Shell, now: Timestamp, wanted: &Wanted, found: &Found) -> ServicePage {
    let Wanted { name, asked, .. } = wanted;
    let steps = wanted.steps();
    let of_service = query_text::term("service.name", name);
    let empty = ServiceRed {
        name: name.clone(),
        ..ServiceRed::default()
    };
    let service = found.service.as_ref().unwrap_or(&empty);
    let (callers, called) = neighbours::rows(&found.calls, name, asked);
    ServicePage {
        is_known: found.service.is_some(),
        links: links(name, &of_service, asked),
        against: Against::ALL
            .map(|against| {
                let is_it = against == wanted.against;
                (against.label(), wanted.link(&wanted.sort, against), is_it)
            })
            .into(),
        requests: requests::panels(
            service,
            found.earlier.as_ref(),
            asked,
            steps,
            &found.happened,
        ),
        heat: requests::heat_map(found, &of_service, asked, steps),
        incidents: found
            .happened
            .incidents
            .iter()
            .map(|incident| IncidentRow {
                href: chain::incident(asked, &incident.id),
                ..incident_row(incident, now)
            })
            .collect(),
        orders: endpoints::ORDERS
            .map(|(sort, label)| {
                (
                    label,
                    wanted.link(sort, wanted.against),
                    sort == wanted.sort,
                )
            })
            .into(),
        operations: endpoints::rows(found, &wanted.sort, &of_service, asked),
        operations_total: found.operations.len(),
        exceptions: evidence::exceptions(&found.groups, asked),
        errors: found
            .errors
            .as_ref()
            .map_or_else(Vec::new, |page| evidence::errors(page, asked)),
        slow: found
            .slow
            .as_ref()
            .map_or_else(Vec::new, |page| evidence::slowest(page, asked)),
        failed: found
            .failed
            .as_ref()
            .map_or_else(Vec::new, |page| evidence::failed(page, asked)),
        failed_href: chain::traces(asked, &format!("{of_service} kind:server status:error")),
        callers,
        called,
        saturation: saturation::view(&found.saturation, name, asked, steps, &found.happened),
        shell,
    }
}

fn links(name: &str, of_service: &str, asked: &Asked) -> Vec<(&'static str, String)> {
    let failures = format!("{of_service} severity:(ERROR or FATAL)");
    vec![
        ("Logs", chain::logs(asked, of_service)),
        ("Errors logged", chain::logs(asked, &failures)),
        ("Traces", chain::traces(asked, of_service)),
        (
            "Exceptions",
            asked.link("/exceptions", &[("service", name)]),
        ),
        ("On the map", asked.link("/services", &[("focus", name)])),
    ]
}
