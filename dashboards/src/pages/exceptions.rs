//! `/exceptions`: groups, what is new or back first.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use futures_util::future::join_all;
use http::HeaderMap;
use watchfire_alerts::{ExceptionGroup, GroupStatus};
use watchfire_logsearch::ValueSearch;
use watchfire_schemas::{TimeRange, Timestamp};

use super::{Page, posted, render};
use crate::ask::{self, MOST_LISTED};
use crate::charts::{Svg, sparkline};
use crate::figures::{self, When};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, chain, query_text};

/// Groups on the page.
const SHOWN: usize = 100;
/// Of so many groups users are counted.
const COUNTED: usize = 25;
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
    pub(crate) id: String,
    pub(crate) is_escalating: bool,
    pub(crate) first_release: String,
    pub(crate) last_release: String,
    pub(crate) merged: usize,
    /// How many users are affected; empty if that is not told.
    pub(crate) users: String,
    query: String,
    began: Timestamp,
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
    pub(crate) shows: Vec<Choice>,
    /// What narrows it, and the list without that.
    pub(crate) pills: Vec<(String, String)>,
    pub(crate) search: String,
    /// Kept by the form of the search.
    pub(crate) kept: Vec<(&'static str, String)>,
    /// Where a decision leads back to.
    pub(crate) back: String,
    pub(crate) who: String,
    pub(crate) groups: Vec<GroupRow>,
    pub(crate) total: usize,
}

/// How the list is narrowed and ordered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Narrowed {
    pub(crate) status: String,
    pub(crate) service: String,
    pub(crate) order: String,
    /// `new`, `regressed` or `escalating`; all, if empty.
    pub(crate) show: String,
    /// Words within type, message and culprit.
    pub(crate) search: String,
    pub(crate) assignee: String,
    pub(crate) release: String,
}

impl Narrowed {
    pub(crate) fn from_params(params: &Params, status: &str) -> Result<Self, BadParam> {
        let show = params.text("show");
        if !matches!(
            show.as_str(),
            "" | "all" | "new" | "regressed" | "escalating"
        ) {
            return Err(BadParam::new(
                "show",
                "expected all, new, regressed or escalating",
            ));
        }
        let order = params.get("sort").unwrap_or("change").to_owned();
        if !matches!(order.as_str(), "change" | "count" | "newest" | "first") {
            return Err(BadParam::new(
                "sort",
                "expected change, count, newest or first",
            ));
        }
        Ok(Self {
            status: params.get("status").unwrap_or(status).to_owned(),
            service: params.text("service"),
            order,
            show: if show == "all" { String::new() } else { show },
            search: params.text("q"),
            assignee: params.text("assignee"),
            release: params.text("release"),
        })
    }

    /// Whether a group is in the list, apart from service and status.
    pub(crate) fn keeps(&self, group: &ExceptionGroup, range: TimeRange) -> bool {
        let since = |at: Option<Timestamp>| at.is_some_and(|at| at >= range.start);
        let shown = match self.show.as_str() {
            "new" => group.first_seen >= range.start,
            "regressed" => since(group.regressed_at),
            "escalating" => since(group.triage.escalated_at),
            _ => true,
        };
        let text = format!(
            "{} {} {} {}",
            group.kind, group.message, group.culprit, group.id
        );
        let text = text.to_lowercase();
        let search = self.search.to_lowercase();
        let found = search.split_whitespace().all(|word| text.contains(word));
        let assigned = match self.assignee.as_str() {
            "" => true,
            "nobody" => group.assignee.is_none(),
            name => group.assignee.as_deref() == Some(name),
        };
        let released = self.release.is_empty() || group.releases.contains(&self.release);
        let lived = group.last_seen >= range.start && group.first_seen < range.end;
        lived && shown && found && assigned && released
    }

    /// The parameters that say this.
    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("status", &self.status),
            ("service", &self.service),
            ("sort", &self.order),
            ("show", &self.show),
            ("q", &self.search),
            ("assignee", &self.assignee),
            ("release", &self.release),
        ]
    }

    /// What narrows it beside status and order, and the list without that.
    fn pills(&self, asked: &Asked) -> Vec<(String, String)> {
        let all = [
            ("service", &self.service),
            ("assignee", &self.assignee),
            ("release", &self.release),
        ];
        let said = all.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| (format!("{name}:{value}"), self.link(asked, name, "")))
            .collect()
    }

    /// What the form of the search keeps.
    fn kept(&self, asked: &Asked) -> Vec<(&'static str, String)> {
        let own = self.pairs().map(|(name, value)| (name, value.to_owned()));
        let all = own.into_iter().chain(asked.parameters());
        all.filter(|(name, value)| *name != "q" && !value.is_empty())
            .collect()
    }

    /// A link to the list with one parameter said otherwise.
    fn link(&self, asked: &Asked, name: &str, value: &str) -> String {
        let pairs = self
            .pairs()
            .map(|(other, said)| (other, if other == name { value } else { said }));
        asked.link("/exceptions", &pairs)
    }
}

/// The query for the log records of a group.
pub(crate) fn group_query(group: &ExceptionGroup) -> String {
    if group.triage.members.is_empty() {
        return query_text::term("exception_group", &group.id);
    }
    let all: Vec<&str> = group.fingerprints().collect();
    format!("exception_group:({})", all.join(" or "))
}

/// Fields that name who was affected, the first one that is told counts.
pub(crate) const USER_FIELDS: [&str; 3] = ["user.id", "enduser.id", "user.email"];

/// How many different users a group's records name, and whether there are more.
pub(crate) async fn users_of(
    console: &Console,
    query: &str,
    range: TimeRange,
) -> Option<(usize, bool, &'static str)> {
    const MOST: usize = 1000;
    const PATIENCE: Duration = Duration::from_millis(500);
    for field in USER_FIELDS {
        let search = ValueSearch {
            query: query.to_owned(),
            range,
            field: field.to_owned(),
            limit: MOST,
            deadline: PATIENCE,
        };
        let found = console.events.field_values(search).await.ok()?;
        if !found.values.is_empty() {
            let is_more = found.values.len() == MOST || found.partial;
            return Some((found.values.len(), is_more, field));
        }
    }
    None
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

pub(crate) async fn page(
    State(console): State<Console>,
    params: Params,
    headers: HeaderMap,
) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "24h")?;
    let status = status_param(&params, "open")?;
    let narrowed = Narrowed::from_params(&params, "open")?;
    let kept = narrowed.pairs();
    let mut shell = Shell::ranged(&house, "/exceptions", "Exceptions", &asked, &kept);
    let found = console
        .alerts
        .exception_groups(params.get("service"), status, MOST_LISTED)
        .await;
    let groups: Vec<ExceptionGroup> = shell
        .take("exception groups", found)
        .into_iter()
        .filter(|group| narrowed.keeps(group, asked.range))
        .collect();
    let trends = trends_of(&console, &groups, &asked).await;
    let trends = shell.take("trends", trends);
    let mut page = view(shell, &asked, &narrowed, &groups, &trends);
    page.who = posted::remembered_name(&headers);
    let first = page.groups.iter_mut().take(COUNTED);
    let counted = first.map(|row| async {
        if let Some((count, is_more, _)) = users_of(&console, &row.query, asked.range).await {
            let more = if is_more { "+" } else { "" };
            row.users = format!("{}{more}", figures::count(count as u64));
        }
    });
    join_all(counted).await;
    render(&page)
}

/// Occurrences of each group over the range, in bins.
pub(crate) async fn trends_of(
    console: &Console,
    groups: &[ExceptionGroup],
    asked: &Asked,
) -> Result<Vec<Vec<f64>>, watchfire_tsdb::QueryError> {
    let selectors = groups.iter().map(ExceptionGroup::selector).collect();
    ask::growth(console, selectors, asked.range, BINS).await
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
        "first" => rows.sort_by_key(|row| std::cmp::Reverse(row.began)),
        _ => rows.sort_by_key(|row| std::cmp::Reverse(row.rank)),
    }
    let total = rows.len();
    rows.truncate(SHOWN);
    let choices = |name: &str, current: &str, all: &[(&'static str, &str)]| -> Vec<Choice> {
        let choice = |(label, value): &(&'static str, &str)| Choice {
            label,
            href: narrowed.link(asked, name, value),
            is_current: *value == current,
        };
        all.iter().map(choice).collect()
    };
    let back = narrowed.link(asked, "", "");
    Exceptions {
        shell,
        statuses: choices(
            "status",
            &narrowed.status,
            &["open", "resolved", "ignored", "archived", "any"].map(|name| (name, name)),
        ),
        orders: choices(
            "sort",
            &narrowed.order,
            &[
                ("what changed", "change"),
                ("count", "count"),
                ("last seen", "newest"),
                ("first seen", "first"),
            ],
        ),
        shows: choices(
            "show",
            &narrowed.show,
            &[
                ("all", ""),
                ("new", "new"),
                ("regressed", "regressed"),
                ("escalating", "escalating"),
            ],
        ),
        pills: narrowed.pills(asked),
        search: narrowed.search.clone(),
        kept: narrowed.kept(asked),
        back: back
            .strip_prefix("/exceptions")
            .unwrap_or_default()
            .to_owned(),
        who: String::new(),
        groups: rows,
        total,
    }
}

fn group_row(group: &ExceptionGroup, trend: Option<&Vec<f64>>, asked: &Asked) -> GroupRow {
    let now = asked.range.end;
    let count = occurrences(trend);
    let is_new = group.first_seen >= asked.range.start;
    let within = |at: Option<Timestamp>| at.is_some_and(|at| at >= asked.range.start);
    let is_regressed = within(group.regressed_at);
    let is_escalating = within(group.triage.escalated_at);
    GroupRow {
        href: chain::group(asked, &group.id),
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
        id: group.id.clone(),
        is_escalating,
        first_release: group.triage.first_release.clone().unwrap_or_default(),
        last_release: group.triage.last_release.clone().unwrap_or_default(),
        merged: group.triage.members.len(),
        users: String::new(),
        query: group_query(group),
        began: group.first_seen,
        rank: (
            is_new || is_regressed || is_escalating,
            count,
            group.last_seen,
        ),
    }
}
