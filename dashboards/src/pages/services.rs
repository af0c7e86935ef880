//! `/services`: who calls whom as a map, and every service that answers, in trouble first.

mod fare;
mod map;
mod network;
mod origin;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::Incident;
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};
use watchfire_tsdb::{QueryError, QueryValue};

use self::map::{CallRow, Hint, Marks};
use self::network::Network;
use super::overview::{ServiceRow, service_row};
use super::{Page, render};
use crate::ask::{self, ServiceRed, Traffic};
use crate::assets::MAP_SCRIPT;
use crate::charts::Svg;
use crate::params::Params;
use crate::shell::{House, Shell};
use crate::{Console, chain, figures, query_text};

pub(crate) use wanted::Wanted;

/// Services with lines of their own beside the map, and rows beside it at most: the list has all.
const MOST_TRENDS: usize = 25;
const MOST_BESIDE: usize = 25;
/// Beside a large map there is less room: a page has a weight.
const MOST_BESIDE_MANY: usize = 12;
const MANY: usize = 60;
/// Rows of the list; a focus narrows it.
const MOST_LISTED: usize = 80;
/// How long what is usual is looked at.
const USUAL: Duration = Duration::from_hours(1);

/// (label, link, is it the one)
type Choice = (String, String, bool);

#[derive(Debug)]
pub(crate) struct ListedService {
    pub(crate) row: ServiceRow,
    pub(crate) p95: String,
    /// Requests of the range against the range before: `+12 %`.
    pub(crate) change: String,
    pub(crate) incidents: Vec<(String, String)>,
    /// Against its own usual: `slow`, with the figures.
    pub(crate) standing: Option<(&'static str, String)>,
    pub(crate) focus: String,
}

#[derive(Debug, Template)]
#[template(path = "services.html")]
pub(crate) struct ServicesPage {
    pub(crate) shell: Shell,
    pub(crate) script: &'static str,
    pub(crate) is_list: bool,
    pub(crate) faces: Vec<Choice>,
    pub(crate) range: Vec<(&'static str, String)>,
    pub(crate) focus: String,
    pub(crate) hops: Vec<Choice>,
    pub(crate) whole: String,
    pub(crate) names: Vec<String>,
    pub(crate) hint: Option<Hint>,
    pub(crate) map: Option<Svg>,
    /// What the figures of the map are of.
    pub(crate) note: String,
    /// What is not drawn; empty if nothing.
    pub(crate) left_out: String,
    pub(crate) has_trends: bool,
    pub(crate) services: Vec<ListedService>,
    pub(crate) services_total: usize,
    pub(crate) calls: Vec<CallRow>,
    pub(crate) calls_total: usize,
    pub(crate) list: String,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) services: Vec<ServiceRed>,
    pub(crate) open: Vec<Incident>,
    pub(crate) changes: Vec<ChangeEvent>,
    /// Requests per second over the range and over the range before, by service.
    pub(crate) rates: BTreeMap<String, (f64, f64)>,
    pub(crate) traffic: Traffic,
    /// Destinations of messages.
    pub(crate) queues: BTreeSet<String>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let wanted = Wanted::from_params(&params, house.now)?;
    let kept = wanted.kept();
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, v)| (*name, v.as_str())).collect();
    let asked = &wanted.asked;
    let mut shell = Shell::ranged(&house, "/services", "Services", asked, &kept);
    let open = console.alerts.incidents(asked.range, true, 50).await;
    let open = shell.take("incidents", open);
    let usual = usual(asked.range, &open);
    let (services, changes, rates, traffic, queues) = tokio::join!(
        ask::red(&console, asked.range, asked.step(60)),
        console.alerts.changes(asked.range, None),
        rates(&console, asked.range.end, asked.length()),
        ask::traffic(&console, asked.range, usual),
        ask::destinations(&console, asked.range),
    );
    let found = Found {
        services: shell.take("request figures", services),
        changes: shell.take("changes", changes),
        rates: shell.take("rates before", rates),
        traffic: shell.take("calls between services", traffic),
        queues: shell.take("destinations of messages", queues),
        open,
    };
    render(&view(shell, house.now, &wanted, &found))
}

/// A time at which all was well, as far as is known: before the first incident that is open, and
/// before the second half of the range.
fn usual(range: TimeRange, open: &[Incident]) -> TimeRange {
    let half = range.end - range.end.since(range.start) / 2;
    let onset = open.iter().map(|incident| incident.onset.earliest).min();
    let end = onset.map_or(half, |onset| onset.min(half));
    TimeRange {
        start: end - USUAL,
        end,
    }
}

async fn rates(
    console: &Console,
    at: Timestamp,
    length: Duration,
) -> Result<BTreeMap<String, (f64, f64)>, QueryError> {
    let window = length.as_secs().max(60);
    let calls = "traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}";
    let now = format!("sum by (service) (rate({calls}[{window}s]))");
    // A service that was not there over the whole time before would seem to have grown.
    let before = format!(
        "sum by (service) (rate({calls}[{window}s] offset {window}s)) \
         and sum by (service) ({calls} offset {}s)",
        2 * window
    );
    let (now, before) = tokio::try_join!(
        ask::instant(console, now, at),
        ask::instant(console, before, at),
    )?;
    let mut rates: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let mut take = |value: QueryValue, write: fn(&mut (f64, f64), f64)| {
        let QueryValue::Vector(samples) = value else {
            return;
        };
        for one in samples {
            let service = one.labels.get("service").unwrap_or_default().to_owned();
            write(rates.entry(service).or_insert((0.0, 0.0)), one.sample.v);
        }
    };
    take(now.value, |pair, value| pair.0 = value);
    take(before.value, |pair, value| pair.1 = value);
    Ok(rates)
}

pub(crate) fn view(shell: Shell, now: Timestamp, wanted: &Wanted, found: &Found) -> ServicesPage {
    let network = Network::new(&found.traffic, &found.queues);
    let marks = Marks::new(&found.open, &found.changes);
    let in_focus = wanted
        .focus
        .as_deref()
        .and_then(|focus| network.around(focus, wanted.hops));
    let in_focus = in_focus.as_ref().unwrap_or(&network);
    let mut services = listed(in_focus, now, wanted, found);
    let services_total = services.len();
    let most = match (wanted.is_list, in_focus.members.len()) {
        (true, _) => MOST_LISTED,
        (false, members) if members > MANY => MOST_BESIDE_MANY,
        _ => MOST_BESIDE,
    };
    services.truncate(most);
    let (shown, members, ties) = in_focus.bounded(&marks.names());
    let has_map = !wanted.is_list && !shown.members.is_empty();
    let mut calls = map::rows(in_focus, &wanted.asked);
    let calls_total = calls.len();
    calls.truncate(most);
    ServicesPage {
        script: &MAP_SCRIPT.href,
        is_list: wanted.is_list,
        faces: vec![
            ("Map".to_owned(), wanted.face(false), !wanted.is_list),
            ("List".to_owned(), wanted.face(true), wanted.is_list),
        ],
        range: wanted
            .asked
            .parameters()
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        hops: hops(wanted),
        whole: wanted.whole(),
        names: network
            .members
            .iter()
            .map(|member| member.name.clone())
            .collect(),
        hint: map::hint(&network, &found.open, wanted),
        map: has_map.then(|| map::draw(&shown, &marks, wanted)),
        note: note(wanted, &network, found),
        left_out: if has_map {
            left_out(members, ties)
        } else {
            String::new()
        },
        has_trends: !wanted.is_list && services_total <= MOST_TRENDS,
        services,
        services_total,
        calls,
        calls_total,
        list: wanted.face(true),
        focus: wanted.focus.clone().unwrap_or_default(),
        shell,
    }
}

fn listed(network: &Network, now: Timestamp, wanted: &Wanted, found: &Found) -> Vec<ListedService> {
    let asked = &wanted.asked;
    let one = |service: &ServiceRed| {
        let of_service = query_text::term("service.name", &service.name);
        let incidents = found
            .open
            .iter()
            .filter(|one| one.services.contains(&service.name));
        let standing = network.position(&service.name).map(|at| {
            let judged = &network.members[at].judged;
            (judged.state(), judged.words())
        });
        ListedService {
            row: ServiceRow {
                href: chain::service(asked, &service.name),
                errors_href: chain::traces(asked, &format!("{of_service} status:error")),
                logs_href: chain::logs(asked, &format!("{of_service} severity:(ERROR or FATAL)")),
                ..service_row(service, now, &found.open)
            },
            p95: ServiceRed::last(&service.p95).map_or_else(|| "–".to_owned(), figures::duration),
            change: found
                .rates
                .get(&service.name)
                .map_or_else(String::new, |rates| change(*rates)),
            incidents: incidents
                .map(|incident| (incident.title.clone(), chain::incident(asked, &incident.id)))
                .collect(),
            standing: standing
                .filter(|(state, _)| !["as usual", "idle", "failing"].contains(state)),
            focus: wanted.focused(&service.name),
        }
    };
    let of_network =
        |service: &&ServiceRed| wanted.focus.is_none() || network.position(&service.name).is_some();
    let mut services: Vec<ListedService> =
        found.services.iter().filter(of_network).map(one).collect();
    services.sort_by(|a, b| {
        b.row
            .rank
            .cmp(&a.row.rank)
            .then_with(|| a.row.name.cmp(&b.row.name))
    });
    services
}

fn hops(wanted: &Wanted) -> Vec<Choice> {
    if wanted.focus.is_none() {
        return Vec::new();
    }
    let choice = |hops: usize| {
        let label = if hops == 1 {
            "1 hop".to_owned()
        } else {
            format!("{hops} hops")
        };
        (label, wanted.with_hops(hops), hops == wanted.hops)
    };
    wanted::HOPS.map(choice).into()
}

fn note(wanted: &Wanted, network: &Network, found: &Found) -> String {
    let minutes = found.traffic.lately.as_secs() / 60;
    let figures = format!(
        "requests, share failed and p95 of the last {minutes} min of the range, each against its own usual"
    );
    match &wanted.focus {
        Some(name) if network.position(name).is_none() => {
            format!("nothing called {name} was seen in this range; {figures}")
        }
        _ => figures,
    }
}

fn left_out(members: usize, ties: usize) -> String {
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{} {many}", figures::count(count as u64))),
    };
    let members = counted(members, "quieter box", "quieter boxes");
    let ties = counted(ties, "rarer call", "rarer calls");
    let parts: Vec<String> = [members, ties].into_iter().flatten().collect();
    if parts.is_empty() {
        return String::new();
    }
    format!("{} not drawn", parts.join(" and "))
}

/// Against nothing there is no change.
fn change((now, before): (f64, f64)) -> String {
    if before <= 0.0 {
        return if now > 0.0 {
            "new".to_owned()
        } else {
            String::new()
        };
    }
    let change = (now / before - 1.0) * 100.0;
    match change {
        change if change.abs() < 0.5 => "±0 %".to_owned(),
        change if change >= 900.0 => format!("×{:.0}", now / before),
        change if change > 0.0 => format!("+{change:.0} %"),
        change => format!("−{:.0} %", -change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_well() {
        let cases = [
            ((1.12, 1.0), "+12 %"),
            ((0.5, 1.0), "−50 %"),
            ((1.0, 1.0), "±0 %"),
            ((41.0, 1.0), "×41"),
            ((1.0, 0.0), "new"),
            ((0.0, 0.0), ""),
        ];
        for (rates, expected) in cases {
            assert_eq!(change(rates), expected);
        }
    }

    #[test]
    fn what_is_not_drawn_is_told() {
        assert_eq!(left_out(0, 0), "");
        assert_eq!(left_out(1, 2), "1 quieter box and 2 rarer calls not drawn");
        assert_eq!(left_out(30, 0), "30 quieter boxes not drawn");
    }

    #[test]
    fn usual_is_before_trouble() {
        let end = Timestamp::from_secs(1_795_327_200);
        let range = TimeRange {
            start: end - Duration::from_hours(1),
            end,
        };
        let calm = usual(range, &[]);
        assert_eq!(calm.end, end - Duration::from_mins(30));
        let incident = crate::gallery::samples::incident(crate::gallery::samples::Mood::Full);
        let onset = incident.onset.earliest;
        let with = usual(range, &[incident]);
        assert_eq!(with.end, onset.min(calm.end));
    }
}
