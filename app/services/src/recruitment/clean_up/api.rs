use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::{Via, frame};
use crate::problem::{Body, InQuery, Problem};
use crate::recruitment::api::Api;
use crate::recruitment::clean_up::round::plan;
use crate::recruitment::clean_up::worker::round;
use crate::recruitment::clean_up::{Extent, Policy, Removals};

/// In what the caller departs from the usual policy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    unreferenced_seconds: Option<u32>,
    decided_days: Option<u16>,
}

/// `GET /v1/clean-up`: what a round would remove.
pub(crate) async fn preview(
    State(api): State<Api>,
    InQuery(asked): InQuery<Asked>,
) -> Result<Json<Value>, Problem> {
    let policy = asked.policy();
    let plan = plan(&api, policy, Extent::RowsAndFiles)
        .await
        .via(frame!("preview"))?;
    Ok(told(&plan.removals().await, policy, true))
}

/// `POST /v1/clean-up`: makes a round.
pub(crate) async fn begin(
    State(api): State<Api>,
    Body(asked): Body<Asked>,
) -> Result<Json<Value>, Problem> {
    let policy = asked.policy();
    let removals = round(&api, policy, Extent::RowsAndFiles)
        .await
        .via(frame!("begin"))?;
    Ok(told(&removals, policy, false))
}

impl Asked {
    fn policy(&self) -> Policy {
        let seconds = |seconds: Option<u64>| seconds.map(Duration::from_secs);
        let usual = Policy::USUAL;
        let decided = self.decided_days.map(|days| u64::from(days) * 86_400);
        Policy {
            unreferenced: seconds(self.unreferenced_seconds.map(u64::from))
                .unwrap_or(usual.unreferenced),
            decided: seconds(decided).unwrap_or(usual.decided),
        }
    }
}

fn told(removals: &Removals, policy: Policy, dry_run: bool) -> Json<Value> {
    Json(json!({
        "dry_run": dry_run,
        "removed": removals,
        "policy": {
            "unreferenced_seconds": policy.unreferenced.as_secs(),
            "decided_days": policy.decided.as_secs() / 86_400,
        },
    }))
}
