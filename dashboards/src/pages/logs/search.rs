//! What the page asks of the stores, all at once.

use std::time::Duration;

use watchfire_logsearch::{
    FoundLog, LogPage, LogTable, LogTableSearch, PatternList, PatternSearch, QueryError,
    ValueSearch,
};

use super::patterns;
use super::side::{SideFound, VALUES, wanted};
use super::state::{Face, LogsUrl};
use super::timeline::{Happened, STEPS};
use crate::pages::Fault;
use crate::pages::marks::Marks;
use crate::params::BadParam;
use crate::saved_searches::SavedSearch;
use crate::shell::{House, Shell};
use crate::{Console, ask, query_text};

/// Records on a page.
pub(super) const PAGE: usize = 50;
/// Rows of a table.
const ROWS: usize = 100;
/// What stands beside the records may not hold them up: what is counted until then is shown, and
/// asked for again with patience.
const BESIDE: Duration = Duration::from_millis(40);
/// How long the histogram may hold the page up; what is counted until then is drawn.
const HISTOGRAM: Duration = Duration::from_secs(2);

/// What answers the query.
#[derive(Debug)]
pub(crate) enum Answer {
    Records(LogPage),
    Table(LogTable),
    Patterns(PatternList),
    /// The query cannot be read: at which column, and why.
    Unreadable(usize, String),
}

/// What the page is made of.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) answer: Answer,
    pub(crate) happened: Happened,
    pub(crate) side: SideFound,
    pub(crate) saved: Vec<SavedSearch>,
}

pub(super) async fn ask(
    console: &Console,
    house: &House,
    url: &LogsUrl,
    is_patient: bool,
) -> Result<(Shell, Found), Fault> {
    let kept = url.kept(&[]);
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut shell = Shell::ranged(house, "/logs", "Logs", &url.asked, &kept);
    let beside = if is_patient { ask::DEADLINE } else { BESIDE };
    let (filter, _) = query_text::split_pipe(&url.query);
    let step = url.asked.step(STEPS);
    let (answer, bars, side, saved, marks) = tokio::join!(
        answer(console, url),
        console
            .events
            .log_histogram(filter.to_owned(), url.asked.range, step, HISTOGRAM),
        side(console, filter, url, beside),
        console.saved.list(),
        Marks::ask(&console.alerts, url.asked.range),
    );
    let answer = match answer {
        Ok(answer) => answer,
        Err(QueryError::Parse { column, reason }) => Answer::Unreadable(column, reason),
        Err(QueryError::Cursor) => {
            return Err(BadParam::new("cursor", "is not one that a page gave").into());
        }
        Err(error) => return Err(Fault::Events(error)),
    };
    let saved = shell.take("saved searches", saved);
    if matches!(answer, Answer::Unreadable(..)) {
        let (happened, side) = (Happened::default(), SideFound::default());
        return Ok((
            shell,
            Found {
                answer,
                happened,
                side,
                saved,
            },
        ));
    }
    let marks = shell.take("incidents and changes", marks);
    let bars = shell.take("the histogram", bars);
    let happened = Happened {
        bars: bars.bars,
        bars_are_partial: bars.partial,
        step,
        marks,
    };
    let side = shell.take("the fields", side);
    Ok((
        shell,
        Found {
            answer,
            happened,
            side,
            saved,
        },
    ))
}

async fn answer(console: &Console, url: &LogsUrl) -> Result<Answer, QueryError> {
    let range = url.asked.range;
    let (filter, pipe) = query_text::split_pipe(&url.query);
    if url.face == Face::Patterns {
        let search = PatternSearch {
            query: filter.to_owned(),
            range,
            against: Some(patterns::before(range)),
            limit: patterns::MOST,
            buckets: patterns::STEPS,
            deadline: ask::DEADLINE,
        };
        return console
            .events
            .log_patterns(search)
            .await
            .map(Answer::Patterns);
    }
    if url.face == Face::Records && !pipe.is_empty() {
        let search = LogTableSearch {
            query: url.query.clone(),
            range,
            limit: ROWS,
            deadline: ask::DEADLINE,
        };
        return console.events.log_table(search).await.map(Answer::Table);
    }
    let mut page = ask::logs(console, filter, range, PAGE, url.cursor.as_deref()).await?;
    let missing = url
        .open
        .filter(|id| page.records.iter().all(|found| found.id != *id));
    if let Some(id) = missing
        && let Some(found) = console.events.log(id).await?
    {
        place(&mut page.records, found);
    }
    Ok(Answer::Records(page))
}

/// Puts the record that is unfolded among those of a page that it is not on (any more: older ones
/// may have come late), where it belongs by its time.
fn place(records: &mut Vec<FoundLog>, found: FoundLog) {
    let at = (found.record.timestamp, found.id);
    let is_newer = |other: &FoundLog| (other.record.timestamp, other.id) > at;
    let place = records.partition_point(is_newer);
    records.insert(place, found);
}

async fn side(
    console: &Console,
    filter: &str,
    url: &LogsUrl,
    deadline: Duration,
) -> Result<SideFound, QueryError> {
    let range = url.asked.range;
    let values = wanted(url).into_iter().map(|field| {
        let search = ValueSearch {
            query: filter.to_owned(),
            range,
            field: field.clone(),
            limit: VALUES,
            deadline,
        };
        async move { Ok((field, console.events.field_values(search).await?)) }
    });
    let (fields, values) = tokio::try_join!(
        console
            .events
            .log_fields(filter.to_owned(), range, deadline),
        futures_util::future::try_join_all(values),
    )?;
    Ok(SideFound { fields, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn the_unfolded_record_stands_where_its_time_is() {
        let all = samples::log_page().records;
        for missing in [0, 7, all.len() - 1] {
            let mut records = all.clone();
            let found = records.remove(missing);
            place(&mut records, found);
            assert_eq!(records, all, "{missing}");
        }
    }
}
