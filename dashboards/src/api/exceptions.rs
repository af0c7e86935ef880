//! `/api/v1/exceptions`: groups, with counts asked from the stores.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_alerts::{ExceptionGroup, GroupAct, GroupStatus, IgnoredUntil, ResolveIn};
use watchfire_logsearch::FoundLog;

use super::{LIMIT, MOST, Problem, paged};
use crate::ask::MOST_LISTED;
use crate::pages::exceptions::{Narrowed, group_query, occurrences, status_param, trends_of};
use crate::pages::posted::required;
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::{Console, ask};

pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let status = status_param(&params, "any")?;
    let narrowed = Narrowed::from_params(&params, "any")?;
    let groups = console
        .alerts
        .exception_groups(params.get("service"), status, MOST_LISTED)
        .await?
        .into_iter()
        .filter(|group| narrowed.keeps(group, asked.range))
        .collect();
    let (groups, next) = paged(groups, |group| &group.id, params.get("cursor"), limit)?;
    let trends = trends_of(&console, &groups, &asked).await?;
    let samples =
        futures_util::future::join_all(groups.iter().map(|group| sample(&console, group, &asked)));
    let groups = groups
        .iter()
        .zip(&trends)
        .zip(samples.await)
        .map(|((group, trend), sample)| shape(group, occurrences(Some(trend)), sample))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({ "exceptions": groups, "next": next })))
}

pub(super) async fn one(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let group = console.alerts.exception_group(&id).await?;
    let group = group.ok_or_else(|| Problem::not_found(&format!("exception group {id}")))?;
    told(&console, group, &params).await
}

async fn told(
    console: &Console,
    group: ExceptionGroup,
    params: &Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(params, console.clock.now(), "24h")?;
    let trends = trends_of(console, std::slice::from_ref(&group), &asked).await?;
    let sample = sample(console, &group, &asked).await;
    Ok(Json(shape(&group, occurrences(trends.first()), sample)?))
}

/// The newest log record of the group in the range.
async fn sample(
    console: &Console,
    group: &ExceptionGroup,
    asked: &Asked,
) -> Result<Option<FoundLog>, watchfire_logsearch::QueryError> {
    let query = group_query(group);
    let page = ask::logs(console, &query, asked.range, 1, None).await?;
    Ok(page.records.into_iter().next())
}

/// A group as the contract has it: its human state, its count in the range, its newest sample.
fn shape(
    group: &ExceptionGroup,
    count: u64,
    sample: Result<Option<FoundLog>, watchfire_logsearch::QueryError>,
) -> Result<Value, Problem> {
    let mut shape = serde_json::to_value(group).map_err(Problem::body)?;
    shape["count"] = count.into();
    shape["sample"] = match sample? {
        None => json!({ "trace_id": group.last_trace }),
        Some(found) => {
            let exception = found.record.exception.unwrap_or_default();
            json!({
                "log_id": found.id,
                "timestamp": found.record.timestamp,
                "trace_id": found.record.trace_id.or(group.last_trace),
                "message": exception.message,
                "stacktrace": exception.stacktrace,
            })
        }
    };
    Ok(shape)
}

/// What a PATCH may say. `assignee: null` takes the assignee away; leaving it out keeps it. All of it
/// is done, or nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    who: String,
    status: Option<GroupStatus>,
    /// In what it is resolved; now, if nothing is said.
    resolution: Option<Resolved>,
    /// Until when it is ignored; for good, if nothing is said.
    ignored: Option<IgnoredUntil>,
    #[serde(default)]
    assignee: Assignee,
    note: Option<String>,
    /// Other groups that are the same.
    #[serde(default)]
    merge: Vec<String>,
    /// Fingerprints of this group that are not.
    #[serde(default)]
    split: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "in", rename_all = "snake_case", deny_unknown_fields)]
enum Resolved {
    Now,
    Release { release: String },
    NextRelease,
}

impl Change {
    fn acts(self) -> Result<Vec<GroupAct>, BadParam> {
        let of_status = |wanted| self.status.is_none_or(|status| status == wanted);
        if self.resolution.is_some() && !of_status(GroupStatus::Resolved) {
            return Err(BadParam::new("resolution", "goes with the status resolved"));
        }
        if self.ignored.is_some() && !of_status(GroupStatus::Ignored) {
            return Err(BadParam::new("ignored", "goes with the status ignored"));
        }
        let resolve = self.resolution.map(|resolved| match resolved {
            Resolved::Now => ResolveIn::Now,
            Resolved::Release { release } => ResolveIn::Release(release),
            Resolved::NextRelease => ResolveIn::NextRelease,
        });
        let decision = match (self.status, resolve, self.ignored) {
            (_, Some(_), Some(_)) => {
                return Err(BadParam::new(
                    "ignored",
                    "it is resolved or ignored, not both",
                ));
            }
            (_, Some(resolve), None) => Some(GroupAct::Resolve(resolve)),
            (_, None, Some(until)) => Some(GroupAct::Ignore(until)),
            (Some(GroupStatus::Open), ..) => Some(GroupAct::Open),
            (Some(GroupStatus::Resolved), ..) => Some(GroupAct::Resolve(ResolveIn::Now)),
            (Some(GroupStatus::Ignored), ..) => Some(GroupAct::Ignore(IgnoredUntil::default())),
            (Some(GroupStatus::Archived), ..) => Some(GroupAct::Archive),
            (None, None, None) => None,
        };
        let merge = (!self.merge.is_empty()).then_some(GroupAct::Merge(self.merge));
        let split = (!self.split.is_empty()).then_some(GroupAct::Split(self.split));
        let acts = [
            merge,
            split,
            decision,
            self.assignee.said().map(GroupAct::Assign),
            self.note.map(GroupAct::Note),
        ];
        Ok(acts.into_iter().flatten().collect())
    }
}

/// Whose it shall be, where a body says anything about it.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(from = "Option<String>")]
enum Assignee {
    #[default]
    Unsaid,
    Nobody,
    Somebody(String),
}

impl From<Option<String>> for Assignee {
    fn from(name: Option<String>) -> Self {
        name.map_or(Self::Nobody, Self::Somebody)
    }
}

impl Assignee {
    #[expect(clippy::option_option, reason = "what the store of groups takes")]
    fn said(self) -> Option<Option<String>> {
        match self {
            Self::Unsaid => None,
            Self::Nobody => Some(None),
            Self::Somebody(name) => Some(Some(name)),
        }
    }
}

pub(super) async fn change(
    State(console): State<Console>,
    Path(id): Path<String>,
    params: Params,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let change: Change = serde_json::from_slice(&body).map_err(Problem::body)?;
    let who = required("who", &change.who, 120)?;
    let who = who.to_owned();
    let acts = change.acts()?;
    let group = console.alerts.act_on_group(&id, &who, acts).await?;
    told(&console, group, &params).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_group_has_the_shape_of_the_contract() {
        for group in samples::groups() {
            let found = samples::log_page().records.into_iter().next();
            let with_sample = shape(&group, 7, Ok(found)).unwrap();
            assert_eq!(with_sample["count"], 7);
            super::super::schemas::tests::check("exception_group.v1", &with_sample);
            let without = shape(&group, 0, Ok(None)).unwrap();
            super::super::schemas::tests::check("exception_group.v1", &without);
        }
    }

    #[test]
    fn a_change_is_read_into_acts() {
        let acts = |text: &str| {
            let change: Change = serde_json::from_str(text).unwrap();
            change.acts()
        };
        let resolve = |how| vec![GroupAct::Resolve(how)];
        let next = r#"{"who":"a","status":"resolved","resolution":{"in":"next_release"}}"#;
        assert_eq!(acts(next), Ok(resolve(ResolveIn::NextRelease)));
        let plain = r#"{"who":"a","status":"resolved"}"#;
        assert_eq!(acts(plain), Ok(resolve(ResolveIn::Now)));
        let merge = r#"{"who":"a","merge":["b"],"note":"same"}"#;
        let expected = vec![
            GroupAct::Merge(vec!["b".to_owned()]),
            GroupAct::Note("same".to_owned()),
        ];
        assert_eq!(acts(merge), Ok(expected));
        let both = r#"{"who":"a","status":"open","ignored":{"count":3}}"#;
        assert_eq!(acts(both).unwrap_err().name, "ignored");
    }

    #[test]
    fn an_assignee_is_kept_taken_away_or_set() {
        let read = |text: &str| serde_json::from_str::<Change>(text).unwrap().assignee;
        assert_eq!(read(r#"{"who":"a"}"#), Assignee::Unsaid);
        assert_eq!(read(r#"{"who":"a","assignee":null}"#), Assignee::Nobody);
        assert_eq!(
            read(r#"{"who":"a","assignee":"b"}"#),
            Assignee::Somebody("b".to_owned())
        );
        assert!(serde_json::from_str::<Change>(r#"{"who":"a","stat":"open"}"#).is_err());
    }
}
