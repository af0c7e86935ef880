//! What the forms of an incident's page send.

use axum::Form;
use axum::extract::{Path, State};
use axum::response::Response;
use watchfire_alerts::{Actor, CauseKind, Channel, HumanAct};
use watchfire_schemas::AlertSeverity;

use super::Fault;
use super::posted::{back, required};
use crate::params::{BadParam, read_time};
use crate::{Console, url};

/// The fields of a form. One may come several times: each ticked box.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.trim())
    }

    fn all(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().filter(|(known, _)| known == name);
        found.map(|(_, value)| value.trim().to_owned()).collect()
    }
}

/// `POST /incidents/{id}/{action}`.
pub(crate) async fn act(
    State(console): State<Console>,
    Path((id, action)): Path<(String, String)>,
    Form(fields): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let fields = Fields(fields);
    let who = required("who", fields.get("who"), 120)?;
    let acts = acts(&action, &fields)?;
    let actor = Actor::new(who, Channel::Console);
    let changed = console.alerts.act(&id, &actor, acts).await?;
    // Who merges goes on with the incident that took it over.
    let next = changed.merged_into.as_ref().unwrap_or(&id);
    Ok(back(&format!("/incidents/{}", url::encode(next)), who))
}

fn acts(action: &str, fields: &Fields) -> Result<Vec<HumanAct>, Fault> {
    let act = match action {
        "acknowledge" => HumanAct::Acknowledge,
        "unacknowledge" => HumanAct::Unacknowledge,
        "resolve" => HumanAct::Resolve,
        "reopen" => HumanAct::Reopen,
        "note" => HumanAct::Note(required("text", fields.get("text"), 4000)?.to_owned()),
        "onset" => HumanAct::SetOnset {
            at: read_time(fields.get("at")).ok_or_else(|| {
                BadParam::new("at", "expected a time such as 2026-11-22T05:57:27")
            })?,
            why: required("why", fields.get("why"), 500)?.to_owned(),
        },
        "severity" => HumanAct::SetSeverity(severity(fields.get("severity"))?),
        "cause" => HumanAct::SetCause {
            kind: CauseKind::parse(fields.get("kind"))
                .ok_or_else(|| BadParam::new("kind", "is none of the causes"))?,
            text: fields.get("text").to_owned(),
        },
        "assign" => {
            let to = fields.get("assignee");
            HumanAct::Assign((!to.is_empty()).then(|| to.to_owned()))
        }
        "link" => HumanAct::Link {
            url: fields.get("url").to_owned(),
            text: fields.get("text").to_owned(),
        },
        "merge" => HumanAct::Merge {
            into: id_of(fields.get("into")).to_owned(),
        },
        "split" => HumanAct::Split {
            alerts: fields.all("alert"),
        },
        other => return Err(Fault::NotFound(format!("action {other}"))),
    };
    Ok(vec![act])
}

fn severity(name: &str) -> Result<AlertSeverity, BadParam> {
    [
        AlertSeverity::Critical,
        AlertSeverity::Error,
        AlertSeverity::Warning,
        AlertSeverity::Info,
    ]
    .into_iter()
    .find(|severity| severity.as_str() == name)
    .ok_or_else(|| BadParam::new("severity", "expected critical, error, warning or info"))
}

/// The id of an incident, also out of the address of its page.
fn id_of(text: &str) -> &str {
    let after = text.rsplit_once("/incidents/").map_or(text, |(_, id)| id);
    after.split(['?', '#', '/']).next().unwrap_or(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(action: &str, fields: &[(&str, &str)]) -> Result<Vec<HumanAct>, String> {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        acts(action, &Fields(fields.collect())).map_err(|fault| fault.to_string())
    }

    #[test]
    fn forms_become_acts() {
        let split = read("split", &[("alert", "a"), ("who", "ada"), ("alert", "b")]);
        let alerts = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(split, Ok(vec![HumanAct::Split { alerts }]));
        let into = "http://127.0.0.1:7117/incidents/0199-ab?x=1#timeline";
        let merge = read("merge", &[("into", into)]);
        let into = "0199-ab".to_owned();
        assert_eq!(merge, Ok(vec![HumanAct::Merge { into }]));
        let nobody = read("assign", &[("assignee", " ")]);
        assert_eq!(nobody, Ok(vec![HumanAct::Assign(None)]));
        assert!(read("severity", &[("severity", "grave")]).is_err());
        assert!(read("cause", &[("kind", "moon")]).is_err());
        assert!(read("dance", &[]).is_err());
    }
}
