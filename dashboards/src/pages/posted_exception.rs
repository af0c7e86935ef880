//! What the forms of exception groups send: a decision on one group, or on several at once.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use watchfire_alerts::{GroupAct, IgnoredUntil, ResolveIn};
use watchfire_schemas::Timestamp;

use super::Fault;
use super::posted::{back, required};
use crate::params::BadParam;
use crate::{Console, range, url};

/// How many groups one form may decide on.
const MOST: usize = 200;

/// The fields of a form, in which a name may come several times.
#[derive(Debug)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value.trim())
    }

    fn all(&self, name: &str) -> Vec<String> {
        let own = self.0.iter().filter(|(other, _)| other == name);
        let parts = own.flat_map(|(_, value)| value.split([',', ' ', '\n']));
        let parts = parts.map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, BadParam> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        let number = text.parse();
        number
            .map(Some)
            .map_err(|_| BadParam::new(name, "expected a whole number"))
    }
}

/// `POST /exceptions/{id}/{action}`.
pub(crate) async fn one(
    State(console): State<Console>,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let fields = Fields(fields);
    let who = required("who", fields.get("who"), 120)?;
    let act = act(&action, &fields, console.clock.now())?;
    let group = console.alerts.act_on_group(&id, who, vec![act]).await?;
    Ok(back(
        &format!("/exceptions/{}", url::encode(&group.id)),
        who,
    ))
}

/// `POST /exceptions`: the same for each group that is ticked.
pub(crate) async fn several(
    State(console): State<Console>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let fields = Fields(fields);
    let who = required("who", fields.get("who"), 120)?;
    let groups = fields.all("group");
    if groups.is_empty() || groups.len() > MOST {
        return Err(BadParam::new("group", format!("tick 1 to {MOST} groups")).into());
    }
    let action = match fields.get("action") {
        "" => "status",
        action => action,
    };
    if action == "merge" {
        let (into, others) = groups.split_first().unwrap_or((&groups[0], &[]));
        let act = GroupAct::Merge(others.to_vec());
        console.alerts.act_on_group(into, who, vec![act]).await?;
    } else {
        let act = act(action, &fields, console.clock.now())?;
        for id in &groups {
            console
                .alerts
                .act_on_group(id, who, vec![act.clone()])
                .await?;
        }
    }
    // Only to our own list, as it was filtered.
    let query = fields.get("back");
    let query = if query.starts_with('?') { query } else { "" };
    let path = format!("/exceptions{query}");
    Ok(back(&path, who))
}

fn act(action: &str, fields: &Fields, now: Timestamp) -> Result<GroupAct, Fault> {
    Ok(match action {
        "status" => status(fields, now)?,
        "assign" => {
            let name = fields.get("assignee");
            GroupAct::Assign((!name.is_empty()).then(|| name.to_owned()))
        }
        "note" => GroupAct::Note(required("text", fields.get("text"), 4000)?.to_owned()),
        "merge" => GroupAct::Merge(fields.all("merge")),
        "split" => GroupAct::Split(fields.all("split")),
        other => return Err(Fault::NotFound(format!("action {other}"))),
    })
}

fn status(fields: &Fields, now: Timestamp) -> Result<GroupAct, BadParam> {
    Ok(match fields.get("status") {
        "open" => GroupAct::Open,
        "resolved" => match fields.get("release") {
            "" => GroupAct::Resolve(ResolveIn::Now),
            release => GroupAct::Resolve(ResolveIn::Release(release.to_owned())),
        },
        "resolved_in_next_release" => GroupAct::Resolve(ResolveIn::NextRelease),
        "ignored" => {
            let length = match fields.get("for") {
                "" => None,
                text => Some(range::span(text).ok_or_else(|| {
                    BadParam::new("for", "expected a duration such as 30m, 24h or 7d")
                })?),
            };
            GroupAct::Ignore(IgnoredUntil {
                until: length.map(|length| now + length),
                count: fields.number("count")?,
                users: fields.number("users")?,
            })
        }
        "archived" => GroupAct::Archive,
        _ => {
            return Err(BadParam::new(
                "status",
                "expected open, resolved, resolved_in_next_release, ignored or archived",
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(action: &str, pairs: &[(&str, &str)]) -> Result<GroupAct, Fault> {
        let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        act(
            action,
            &Fields(pairs.iter().map(owned).collect()),
            Timestamp::from_secs(100),
        )
    }

    #[test]
    fn a_form_says_what_is_to_be_done() {
        let next = read("status", &[("status", "resolved_in_next_release")]);
        assert_eq!(next.unwrap(), GroupAct::Resolve(ResolveIn::NextRelease));
        let release = read("status", &[("status", "resolved"), ("release", "2.1")]);
        let expected = GroupAct::Resolve(ResolveIn::Release("2.1".to_owned()));
        assert_eq!(release.unwrap(), expected);
        let ignored = read(
            "status",
            &[("status", "ignored"), ("for", "1h"), ("count", "9")],
        );
        let until = IgnoredUntil {
            until: Some(Timestamp::from_secs(100) + Duration::from_hours(1)),
            count: Some(9),
            users: None,
        };
        assert_eq!(ignored.unwrap(), GroupAct::Ignore(until));
        let merge = read("merge", &[("merge", "a, b"), ("merge", "c")]).unwrap();
        let all = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(merge, GroupAct::Merge(all));
        assert!(read("status", &[("status", "ignored"), ("count", "x")]).is_err());
        assert!(read("status", &[("status", "gone")]).is_err());
        assert!(read("erase", &[]).is_err());
    }
}
