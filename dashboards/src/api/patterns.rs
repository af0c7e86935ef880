//! `/api/v1/logs/patterns`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use watchfire_logsearch::{PatternList, PatternSearch, PatternSummary};
use watchfire_schemas::{TimeRange, Timestamp};

use super::{LIMIT, MOST, Problem};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::{Console, ask};

/// Steps of a trend if nothing is said, and at most.
const BUCKETS: usize = 60;
const MOST_BUCKETS: usize = 500;

#[derive(Debug, Serialize)]
pub(super) struct ListOfPatterns {
    patterns: Vec<Pattern>,
    records: u64,
    unpatterned: u64,
    partial: bool,
}

#[derive(Debug, Serialize)]
struct Pattern {
    id: String,
    template: String,
    count: u64,
    count_against: u64,
    trend: Vec<u64>,
    first_seen: Timestamp,
    last_seen: Timestamp,
    services: Vec<String>,
    severity: &'static str,
    change: &'static str,
}

impl From<PatternList> for ListOfPatterns {
    fn from(list: PatternList) -> Self {
        Self {
            patterns: list.patterns.into_iter().map(Pattern::from).collect(),
            records: list.records,
            unpatterned: list.unpatterned,
            partial: list.partial,
        }
    }
}

impl From<PatternSummary> for Pattern {
    fn from(summary: PatternSummary) -> Self {
        Self {
            id: summary.id,
            template: summary.template,
            count: summary.count,
            count_against: summary.count_against,
            trend: summary.trend,
            first_seen: summary.first_seen,
            last_seen: summary.last_seen,
            services: summary.services,
            severity: summary.severity.as_str(),
            change: summary.change.as_str(),
        }
    }
}

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<ListOfPatterns>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let search = PatternSearch {
        query: params.text("q"),
        range: asked.range,
        against: against(&params)?,
        limit: params.limit(LIMIT, MOST)?,
        buckets: buckets(&params)?,
        deadline: ask::DEADLINE,
    };
    Ok(Json(console.events.log_patterns(search).await?.into()))
}

/// The range to compare with: both of its ends, or none.
fn against(params: &Params) -> Result<Option<TimeRange>, BadParam> {
    let (start, end) = (params.time("against_start")?, params.time("against_end")?);
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start < end => Ok(Some(TimeRange { start, end })),
        (Some(_), Some(_)) => Err(BadParam::new("against_end", "is not after against_start")),
        (None, Some(_)) => Err(BadParam::new(
            "against_start",
            "is required with against_end",
        )),
        (Some(_), None) => Err(BadParam::new(
            "against_end",
            "is required with against_start",
        )),
    }
}

fn buckets(params: &Params) -> Result<usize, BadParam> {
    let Some(text) = params.get("buckets") else {
        return Ok(BUCKETS);
    };
    match text.parse() {
        Ok(buckets @ 1..=MOST_BUCKETS) => Ok(buckets),
        _ => Err(BadParam::new(
            "buckets",
            format!("expected a whole number from 1 to {MOST_BUCKETS}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use watchfire_logsearch::PatternChange;
    use watchfire_schemas::SeverityRange;

    use super::*;

    #[test]
    fn a_list_keeps_its_contract() {
        let list = PatternList {
            patterns: vec![PatternSummary {
                id: "0123456789ab".to_owned(),
                template: "took <duration>".to_owned(),
                count: 3,
                count_against: 0,
                trend: vec![1, 2],
                first_seen: Timestamp::from_secs(1),
                last_seen: Timestamp::from_secs(2),
                services: vec!["places".to_owned()],
                severity: SeverityRange::Warn,
                change: PatternChange::New,
            }],
            records: 3,
            unpatterned: 0,
            partial: false,
        };
        let list: Value = serde_json::to_value(ListOfPatterns::from(list)).unwrap();
        assert_eq!(list["patterns"][0]["severity"], "WARN");
        assert_eq!(list["patterns"][0]["change"], "new");
        super::super::schemas::tests::check("pattern_list.v1", &list);
    }

    #[test]
    fn ranges_to_compare_with_are_whole() {
        let name = |query: &str| against(&Params::parse(query)).unwrap_err().name;
        assert_eq!(against(&Params::parse("")), Ok(None));
        assert!(matches!(
            against(&Params::parse("against_start=5&against_end=6")),
            Ok(Some(_))
        ));
        assert_eq!(name("against_start=5"), "against_end");
        assert_eq!(name("against_end=5"), "against_start");
        assert_eq!(name("against_start=6&against_end=6"), "against_end");
        assert_eq!(name("against_start=soon"), "against_start");
    }

    #[test]
    fn steps_are_bounded() {
        assert_eq!(buckets(&Params::parse("")), Ok(BUCKETS));
        assert_eq!(buckets(&Params::parse("buckets=5")), Ok(5));
        for text in ["0", "501", "-1", "many"] {
            let query = format!("buckets={text}");
            assert_eq!(buckets(&Params::parse(&query)).unwrap_err().name, "buckets");
        }
    }
}
