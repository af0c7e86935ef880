//! What a `PATCH` of an incident says, read strictly: what is wrong is told with the member's name.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use watchfire_alerts::{CauseKind, HumanAct};
use watchfire_schemas::{AlertSeverity, Timestamp};

use super::Problem;
use crate::params::BadParam;

/// All that is done, in the order in which it is done.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub(super) who: String,
    pub(super) acts: Vec<HumanAct>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NewStatus {
    /// Nobody has it; if it was resolved, it is opened again.
    Triggered,
    Acknowledged,
    Resolved,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOnset {
    at: Timestamp,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLink {
    url: String,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCause {
    kind: CauseKind,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeInto {
    into: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SplitOff {
    alerts: Vec<String>,
}

impl Change {
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut said: Map<String, Value> = serde_json::from_slice(body).map_err(Problem::body)?;
        let who: Option<String> = member(&mut said, "who")?;
        let who = who.ok_or_else(|| BadParam::new("who", "is required"))?;
        let mut acts = Vec::new();
        acts.extend(member(&mut said, "note")?.map(HumanAct::Note));
        let onset: Option<NewOnset> = member(&mut said, "onset")?;
        acts.extend(onset.map(|NewOnset { at, reason }| HumanAct::SetOnset { at, why: reason }));
        let severity: Option<AlertSeverity> = member(&mut said, "severity")?;
        acts.extend(severity.map(HumanAct::SetSeverity));
        let link: Option<NewLink> = member(&mut said, "link")?;
        acts.extend(link.map(|NewLink { url, text }| HumanAct::Link { url, text }));
        let cause: Option<NewCause> = member(&mut said, "cause")?;
        acts.extend(cause.map(|NewCause { kind, text }| HumanAct::SetCause { kind, text }));
        // Here `null` says something: nobody.
        if let Some(assignee) = said.remove("assignee") {
            acts.push(HumanAct::Assign(read("assignee", assignee)?));
        }
        match member(&mut said, "status")? {
            None => {}
            Some(NewStatus::Triggered) => {
                acts.extend([HumanAct::Reopen, HumanAct::Unacknowledge]);
            }
            Some(NewStatus::Acknowledged) => acts.push(HumanAct::Acknowledge),
            Some(NewStatus::Resolved) => acts.push(HumanAct::Resolve),
        }
        let merge: Option<MergeInto> = member(&mut said, "merge")?;
        acts.extend(merge.map(|MergeInto { into }| HumanAct::Merge { into }));
        let split: Option<SplitOff> = member(&mut said, "split")?;
        acts.extend(split.map(|SplitOff { alerts }| HumanAct::Split { alerts }));
        if let Some(stranger) = said.keys().next() {
            let shown: String = stranger.chars().take(80).collect();
            return Err(Problem::body(format!("there is no member {shown:?}")));
        }
        if acts.is_empty() {
            return Err(Problem::body(
                "expected at least one of status, onset, severity, note, link, cause, assignee, \
                 merge and split",
            ));
        }
        Ok(Self { who, acts })
    }
}

/// A member that may be missing or `null`.
fn member<T: DeserializeOwned>(
    said: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<T>, Problem> {
    said.remove(name)
        .map_or(Ok(None), |value| read(name, value))
}

fn read<T: DeserializeOwned>(name: &'static str, value: Value) -> Result<Option<T>, Problem> {
    serde_json::from_value(value).map_err(|error| BadParam::new(name, error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expected: Result<usize, &str>) {
        match (Change::read(body.as_bytes()), expected) {
            (Ok(change), Ok(acts)) => assert_eq!(change.acts.len(), acts, "{body}"),
            (Err(problem), Err(part)) => {
                let told = problem.body_with("ab");
                assert!(told.contains(part), "{body}: {told}");
            }
            (got, _) => panic!("{body}: {got:?}"),
        }
    }

    #[test]
    fn a_change_is_read_strictly() {
        check(r#"{"who":"a","status":"acknowledged"}"#, Ok(1));
        check(r#"{"who":"a","status":"triggered"}"#, Ok(2));
        check(
            r#"{"who":"a","note":"n","severity":"warning","assignee":null}"#,
            Ok(3),
        );
        check(
            r#"{"who":"a","onset":{"at":"2026-11-22T05:00:00Z","reason":"x"}}"#,
            Ok(1),
        );
        check(r#"{"who":"a","merge":{"into":"b"}}"#, Ok(1));
        check(
            r#"{"who":"a","onset":{"at":"soon","reason":"x"}}"#,
            Err(r#""parameter":"onset""#),
        );
        check(
            r#"{"who":"a","severity":"grave"}"#,
            Err(r#""parameter":"severity""#),
        );
        check(r#"{"status":"resolved"}"#, Err(r#""parameter":"who""#));
        check(r#"{"who":"a","staus":"resolved"}"#, Err("staus"));
        check(r#"{"who":"a"}"#, Err("at least one"));
        check(r#"["who"]"#, Err("cannot be read"));
    }
}
