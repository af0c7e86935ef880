//! What the page asks of the stores, all at once.

use std::time::Duration;

use futures_util::future::join_all;
use watchfire_logsearch::{
    FieldValues, QueryError, SpanComparison, SpanComparisonSearch, SpanGroupSearch, SpanGroups,
    SpanOutlier, SpanPage, SpanScatter, SpanScatterSearch, ValueSearch,
};
use watchfire_schemas::TraceId;

use super::list::{self, Match, Outlines};
use super::state::{Order, TracesUrl};
use super::{comparison, groups, scatter};
use crate::pages::Fault;
use crate::pages::marks::Marks;
use crate::params::BadParam;
use crate::shell::{House, Shell};
use crate::{Console, ask};

/// What is counted over all spans may not hold the page up: what is counted until then is shown,
/// and asked for again with patience.
const BESIDE: Duration = Duration::from_millis(40);
/// What is known of the traces that were found is asked after that, and is there at once or not.
const OUTLINES: Duration = Duration::from_millis(25);
/// Services offered by one click.
const SERVICES: usize = 8;

/// What answers the query.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A page of spans, newest first.
    Newest(SpanPage),
    /// Told by a scatter: that of the region if there is one, else that of the page.
    Slowest(Option<SpanScatter>),
    /// The query cannot be read: at which column, and why.
    Unreadable(usize, String),
}

/// How a region compares with the rest.
#[derive(Debug)]
pub(crate) enum Comparison {
    Found(SpanComparison),
    /// Not in time.
    Late,
    /// The region cannot be read: at which column, and why.
    Unreadable(usize, String),
}

/// What the page is made of. What was not answered in time is nothing.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) outlines: Outlines,
    pub(crate) scatter: Option<SpanScatter>,
    pub(crate) groups: Option<SpanGroups>,
    pub(crate) comparison: Option<Comparison>,
    pub(crate) services: FieldValues,
    pub(crate) marks: Marks,
    /// It was asked for again, and waited for.
    pub(crate) is_patient: bool,
}

impl Found {
    fn unreadable(column: usize, reason: String) -> Self {
        Self {
            answer: Answer::Unreadable(column, reason),
            outlines: Outlines::default(),
            scatter: None,
            groups: None,
            comparison: None,
            services: FieldValues::default(),
            marks: Marks::default(),
            is_patient: true,
        }
    }

    /// The slowest spans of what the page lists.
    pub(crate) fn slowest(&self) -> &[SpanOutlier] {
        let of = match &self.answer {
            Answer::Slowest(Some(inside)) => Some(inside),
            _ => self.scatter.as_ref(),
        };
        of.map_or(&[], |found| &found.outliers)
    }

    /// The traces that the page lists, and of how many spans they were made.
    pub(crate) fn listed(&self) -> (Vec<Match>, usize) {
        match &self.answer {
            Answer::Newest(page) => list::newest(page),
            Answer::Slowest(_) => {
                let found = list::slowest(self.slowest(), scatter::OUTLIERS);
                let count = found.len();
                (found, count)
            }
            Answer::Unreadable(..) => (Vec::new(), 0),
        }
    }
}

pub(super) async fn ask(
    console: &Console,
    house: &House,
    url: &TracesUrl,
    is_patient: bool,
) -> Result<(Shell, Found), Fault> {
    let kept = url.kept(&[]);
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut shell = Shell::ranged(house, "/traces", "Traces", &url.asked, &kept);
    let beside = if is_patient { ask::DEADLINE } else { BESIDE };
    let (answer, scatter, groups, comparison, services, marks) = tokio::join!(
        answer(console, url, beside),
        scatter(console, url, beside),
        groups(console, url, beside),
        comparison(console, url, beside),
        services(console, url, beside),
        Marks::ask(&console.alerts, url.asked.range),
    );
    let answer = match answer {
        Ok(answer) => answer,
        Err(QueryError::Parse { column, reason }) => {
            return Ok((shell, Found::unreadable(column, reason)));
        }
        Err(QueryError::Cursor) => {
            return Err(BadParam::new("cursor", "is not one that a page gave").into());
        }
        Err(error) => return Err(Fault::Events(error)),
    };
    let comparison = match comparison {
        None => None,
        Some(Err(QueryError::Parse { column, reason })) => {
            Some(Comparison::Unreadable(column, reason))
        }
        Some(found) => {
            let found = shell.take("the comparison", in_time(found));
            Some(found.map_or(Comparison::Late, Comparison::Found))
        }
    };
    let mut found = Found {
        answer,
        outlines: Outlines::default(),
        scatter: shell.take("the scatter", in_time(scatter)),
        groups: shell.take("the groups", in_time(groups)),
        comparison,
        services: shell
            .take("the services", in_time(services))
            .unwrap_or_default(),
        marks: shell.take("incidents and changes", marks),
        is_patient,
    };
    let traces = found.listed().0.into_iter().map(|one| one.trace_id);
    let patience = if is_patient { beside } else { OUTLINES };
    found.outlines = outlines(console, traces.collect(), patience).await;
    Ok((shell, found))
}

/// Nothing where there was no time.
fn in_time<T>(answer: Result<T, QueryError>) -> Result<Option<T>, QueryError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(QueryError::TimedOut) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the page lists: what is in the region, if there is one that can be read.
async fn answer(
    console: &Console,
    url: &TracesUrl,
    beside: Duration,
) -> Result<Answer, QueryError> {
    let Some(region) = &url.region else {
        return listed(console, url, None).await;
    };
    match listed(console, &url.inside(region), Some(beside)).await {
        Err(QueryError::Parse { .. }) => listed(console, url, None).await,
        found => found,
    }
}

/// `inside`: how long a scatter of a region may take, if it is one that is listed.
async fn listed(
    console: &Console,
    url: &TracesUrl,
    inside: Option<Duration>,
) -> Result<Answer, QueryError> {
    let (limit, cursor) = match url.order {
        Order::Newest => (list::PAGE, url.cursor.as_deref()),
        // The list comes from a scatter; that the query can be read is asked all the same.
        Order::Slowest => (1, None),
    };
    let page = ask::spans(console, &url.query, url.asked.range, limit, cursor).await?;
    Ok(match (url.order, inside) {
        (Order::Newest, _) => Answer::Newest(page),
        (Order::Slowest, None) => Answer::Slowest(None),
        (Order::Slowest, Some(beside)) => {
            let inside = in_time(scatter(console, url, beside).await)?;
            Answer::Slowest(Some(inside.unwrap_or_else(|| SpanScatter {
                partial: true,
                ..SpanScatter::default()
            })))
        }
    })
}

async fn scatter(
    console: &Console,
    url: &TracesUrl,
    beside: Duration,
) -> Result<SpanScatter, QueryError> {
    let search = SpanScatterSearch {
        query: url.query.clone(),
        range: url.asked.range,
        columns: scatter::COLUMNS,
        rows: scatter::ROWS,
        outliers: scatter::OUTLIERS,
        deadline: beside,
    };
    console.events.span_scatter(search).await
}

async fn groups(
    console: &Console,
    url: &TracesUrl,
    beside: Duration,
) -> Result<SpanGroups, QueryError> {
    let search = SpanGroupSearch {
        query: url.query.clone(),
        range: url.asked.range,
        by: url.group.clone(),
        limit: groups::ASKED,
        deadline: beside,
    };
    console.events.span_groups(search).await
}

async fn comparison(
    console: &Console,
    url: &TracesUrl,
    beside: Duration,
) -> Option<Result<SpanComparison, QueryError>> {
    let search = SpanComparisonSearch {
        query: url.query.clone(),
        range: url.asked.range,
        region: url.region.as_ref()?.as_str().to_owned(),
        limit: comparison::ASKED,
        deadline: beside,
    };
    Some(console.events.span_comparison(search).await)
}

async fn services(
    console: &Console,
    url: &TracesUrl,
    beside: Duration,
) -> Result<FieldValues, QueryError> {
    let search = ValueSearch {
        query: url.query.clone(),
        range: url.asked.range,
        field: "service".to_owned(),
        limit: SERVICES,
        deadline: beside,
    };
    console.events.span_values(search).await
}

/// What is known of these traces in time; those of which it takes longer are left out.
async fn outlines(console: &Console, traces: Vec<TraceId>, beside: Duration) -> Outlines {
    let asked = traces.into_iter().map(|id| async move {
        let outline = console.events.trace_outline(id, beside).await.ok()?;
        let is_whole = !outline.partial && !outline.spans.is_empty();
        is_whole.then_some((id, outline))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
