//! Calls from outside: what people do in `PagerDuty` and Slack comes back as acts on incidents.
//!
//! A call proves itself by its signature, is kept, answered, and done after that. One that comes
//! again is known by its id and done once. What concerns no incident of ours is taken all the
//! same: a refusal would make the caller give up on us.

mod asked;
mod inbox;
mod pagerduty;
mod slack;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use crate::{Alerts, Secret};

pub(crate) use inbox::HookInbox;
use inbox::Kept;

/// `PagerDuty` sends up to 256 KB.
const MOST_BYTES: usize = 512 * 1024;

/// By what calls prove themselves. Without a secret no call is taken.
#[derive(Debug, Clone, Default)]
pub struct HookSecrets {
    /// Any of them may have signed.
    pub pagerduty: Vec<Secret>,
    pub slack: Option<Secret>,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    PagerDuty,
    Slack,
}

impl Caller {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PagerDuty => "pagerduty",
            Self::Slack => "slack",
        }
    }
}

#[derive(Debug, Clone)]
struct Hooks {
    alerts: Arc<Alerts>,
    secrets: Arc<HookSecrets>,
}

/// `/hooks/pagerduty` and `/hooks/slack`.
pub fn hooks_router(alerts: Arc<Alerts>, secrets: HookSecrets) -> Router {
    let hooks = Hooks {
        alerts,
        secrets: Arc::new(secrets),
    };
    Router::new()
        .route("/hooks/pagerduty", post(pagerduty_hook))
        .route("/hooks/slack", post(slack_hook))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(hooks)
}

async fn pagerduty_hook(
    State(hooks): State<Hooks>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    if !pagerduty::is_signed(&hooks.secrets.pagerduty, &headers, &body) {
        return forged(Caller::PagerDuty);
    }
    let Some(id) = pagerduty::id(&body) else {
        return (StatusCode::BAD_REQUEST, "there is no event in it\n");
    };
    hooks
        .keep((Caller::PagerDuty, &id), &body, StatusCode::ACCEPTED)
        .await
}

async fn slack_hook(
    State(hooks): State<Hooks>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let now = hooks.alerts.clock.now();
    if !slack::is_signed(hooks.secrets.slack.as_ref(), &headers, &body, now) {
        return forged(Caller::Slack);
    }
    let Some(payload) = slack::payload(&body) else {
        return (StatusCode::BAD_REQUEST, "there is no payload in it\n");
    };
    let id = slack::id(&headers, &body);
    hooks
        .keep((Caller::Slack, &id), payload.as_bytes(), StatusCode::OK)
        .await
}

fn forged(caller: Caller) -> (StatusCode, &'static str) {
    let caller = caller.as_str();
    tracing::warn!(caller, "a call that {caller} did not sign was refused");
    (StatusCode::UNAUTHORIZED, "the signature is not valid\n")
}

impl Hooks {
    /// Answers only when the call is on disk; Slack wants nothing said.
    async fn keep(
        &self,
        (caller, id): (Caller, &str),
        body: &[u8],
        taken: StatusCode,
    ) -> (StatusCode, &'static str) {
        let Ok(body) = std::str::from_utf8(body) else {
            return (StatusCode::BAD_REQUEST, "it is not UTF-8\n");
        };
        match self.alerts.keep_hook(caller, id, body).await {
            Ok(Kept::New | Kept::Known) => (taken, ""),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a call could not be kept"
                );
                (StatusCode::SERVICE_UNAVAILABLE, "try again\n")
            }
        }
    }
}
