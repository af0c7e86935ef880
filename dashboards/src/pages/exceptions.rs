//! `/exceptions`: groups, what is new or back first.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{ExceptionGroup, GroupStatus};
use watchfire_schemas::Timestamp;

use super::{Page, posted, render};
use crate::ask::{self, MOST_LISTED};
use crate::charts::{Svg, sparkline};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, url};

/// Groups on the page.
const SHOWN: usize = 100;
/// Bins of a trend.
pub(crate) const BINS: usize = 40;

#[derive(Debug, Clone)]
pub(crate) struct GroupRow {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) culprit: String,
    pub(crate) service: String,
    pub(crate) status: &'static str,
    pub(crate) is_new: bool,
    pub(crate) is_regressed: bool,
    pub(crate) count: String,
    pub(crate) trend: Svg,
    pub(crate) first_seen: When,
    pub(crate) last_seen: When,
    pub(crate) assignee: String,
    rank: (bool, u64, Timestamp),
}

#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) label: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

#[derive(Debug, Template)]
#[template(path = "exceptions.html")]
pub(crate) struct Exceptions {
    pub(crate) shell: Shell,
    pub(crate) statuses: Vec<Choice>,
    pub(crate) orders: Vec<Choice>,
    pub(crate) service: Option<(String, String)>,
    pub(crate) groups: Vec<GroupRow>,
    pub(crate) total: usize,
}

/// How the list is narrowed and ordered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowed {
    pub(crate) status: String,
    pub(crate) service: String,
    pub(crate) order: String,
}

/// The selector of a fingerprint's counter.
pub(crate) fn selector(group: &str) -> String {
    format!("exceptions_total{{group={group:?}}}")
}

/// `any`, or a status; open ones if nothing is said.
pub(crate) fn status_param(
    params: &Params,
    default: &str,
) -> Result<Option<GroupStatus>, BadParam> {
    match params.get("status").unwrap_or(default) {
        "any" => Ok(None),
        name => posted::group_status(name).map(Some).map_err(|_| {
            BadParam::new(
                "status",
                "expected open, resolved, ignored, archived or any",
            )
        }),
    }
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "24h")?;
    let status = status_param(&params, "open")?;
    let narrowed = Narrowed {
        status: params.get("status").unwrap_or("open").to_owned(),
        service: params.text("service"),
        order: params.get("sort").unwrap_or("change").to_owned(),
    };
    let kept = [
        ("status", narrowed.status.as_str()),
        ("service", narrowed.service.as_str()),
        ("sort", narrowed.order.as_str()),
    ];
    let mut shell = Shell::ranged(&house, "/exceptions", "Exceptions", &asked, &kept);
    let found = console
        .alerts
        .exception_groups(params.get("service"), status, MOST_LISTED)
        .await;
    let groups: Vec<ExceptionGroup> = shell
        .take("exception groups", found)
        .into_iter()
        .filter(|group| group.last_seen >= asked.range.start && group.first_seen < asked.range.end)
        .collect();
    let trends = trends_of(&console, &groups, &asked).await;
    let trends = shell.take("trends", trends);
    render(&view(shell, &asked, &narrowed, &groups, &trends))
}

/// Occurrences of each group over the range, in bins.
pub(crate) async fn trends_of(
    console: &Console,
    groups: &[ExceptionGroup],
    asked: &Asked,
) -> Result<Vec<Vec<f64>>, watchfire_tsdb::QueryError> {
    let bin = (asked.length() / BINS as u32).max(Duration::from_secs(1));
    let selectors = groups.iter().map(ExceptionGroup::selector).collect();
    ask::trends(console, selectors, asked.range.start, bin, BINS).await
}

/// How often a group occurred, from its trend.
pub(crate) fn occurrences(trend: Option<&Vec<f64>>) -> u64 {
    trend.map_or(0, |trend| trend.iter().sum::<f64>().round() as u64)
}

pub(crate) fn view(
    shell: Shell,
    asked: &Asked,
    narrowed: &Narrowed,
    groups: &[ExceptionGroup],
    trends: &[Vec<f64>],
) -> Exceptions {
    let mut rows: Vec<GroupRow> = groups
        .iter()
        .enumerate()
        .map(|(at, group)| group_row(group, trends.get(at), asked))
        .collect();
    match narrowed.order.as_str() {
        "count" => rows.sort_by_key(|row| std::cmp::Reverse(row.rank.1)),
        "newest" => rows.sort_by_key(|row| std::cmp::Reverse(row.rank.2)),
        _ => rows.sort_by_key(|row| std::cmp::Reverse(row.rank)),
    }
    let total = rows.len();
    rows.truncate(SHOWN);
    let link = |status: &str, service: &str, order: &str| {
        let parameters = [("status", status), ("service", service), ("sort", order)];
        asked.link("/exceptions", &parameters)
    };
    let choice = |label, value: &str, current: &str, href| Choice {
        label,
        href,
        is_current: value == current,
    };
    let Narrowed {
        status,
        service,
        order,
    } = narrowed;
    Exceptions {
        shell,
        statuses: ["open", "resolved", "ignored", "archived", "any"]
            .map(|name| choice(name, name, status, link(name, service, order)))
            .into(),
        orders: [
            ("what changed", "change"),
            ("count", "count"),
            ("newest", "newest"),
        ]
        .map(|(label, name)| choice(label, name, order, link(status, service, name)))
        .into(),
        service: (!service.is_empty()).then(|| (service.clone(), link(status, "", order))),
        groups: rows,
        total,
    }
}

fn group_row(group: &ExceptionGroup, trend: Option<&Vec<f64>>, asked: &Asked) -> GroupRow {
    let now = asked.range.end;
    let count = occurrences(trend);
    let is_new = group.first_seen >= asked.range.start;
    let is_regressed = group.regressed_at.is_some_and(|at| at >= asked.range.start);
    GroupRow {
        // What is looked at for a day is left to fit the group.
        href: match asked.last.as_deref() {
            Some("24h") => format!("/exceptions/{}", url::encode(&group.id)),
            _ => asked.link(&format!("/exceptions/{}", url::encode(&group.id)), &[]),
        },
        kind: group.kind.clone(),
        message: super::log_view::one_line(&group.message),
        culprit: group.culprit.clone(),
        service: group.service.clone(),
        status: group.status.as_str(),
        is_new,
        is_regressed,
        count: figures::count(count),
        trend: sparkline(
            trend.map_or(&[][..], Vec::as_slice),
            0.0,
            "occurrences over the range",
        ),
        first_seen: When::ago(group.first_seen, now),
        last_seen: When::ago(group.last_seen, now),
        assignee: group.assignee.clone().unwrap_or_default(),
        rank: (is_new || is_regressed, count, group.last_seen),
    }
}
