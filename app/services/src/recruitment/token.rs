use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::problem::{Body, Problem};
use crate::recruitment::access::{bearer, unknown};
use crate::recruitment::api::Api;
use crate::recruitment::instruments::Refusal;
use crate::recruitment::keyring::Claims;
use crate::recruitment::role::{Action, Grant, Role};
use crate::recruitment::text::Slug;

/// A token is good for eight hours unless it is said.
const USUAL: Lifetime = Lifetime(8 * 3_600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    subject: Slug,
    role: Role,
    expires_in_seconds: Option<Lifetime>,
}

/// 1 second to 30 days.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "i64")]
struct Lifetime(i64);

impl TryFrom<i64> for Lifetime {
    type Error = &'static str;

    fn try_from(seconds: i64) -> Result<Self, Self::Error> {
        let fits = (1..=30 * 86_400).contains(&seconds);
        fits.then_some(Self(seconds))
            .ok_or("expected 1 to 2592000 seconds")
    }
}

/// Lets in who holds the secret itself or a token of a role that may issue tokens.
#[derive(Debug)]
pub(crate) struct Issuer;

impl axum::extract::FromRequestParts<Api> for Issuer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        api: &Api,
    ) -> Result<Self, Problem> {
        admit(api, &parts.headers)
    }
}

fn admit(api: &Api, headers: &HeaderMap) -> Result<Issuer, Problem> {
    let given = bearer(headers)
        .ok_or_else(|| unknown(api, "the admin secret is needed, as a bearer token"))?;
    if api.keyring.is_secret(given) {
        return Ok(Issuer);
    }
    let claims = api.keyring.claims(given, api.clock.now());
    let claims = claims.map_err(|error| unknown(api, &error.to_string()))?;
    if claims.role.grant(Action::IssueTokens) == Grant::Every {
        return Ok(Issuer);
    }
    api.instruments.refused(Refusal::Forbidden);
    let detail = format!("the role {} may not do this", claims.role.as_str());
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

/// `POST /v1/tokens`
pub(crate) async fn issue(
    State(api): State<Api>,
    _: Issuer,
    Body(new): Body<New>,
) -> (StatusCode, Json<Value>) {
    let now = api.clock.now().millis() / 1000;
    let exp = now + new.expires_in_seconds.unwrap_or(USUAL).0;
    let claims = Claims {
        sub: new.subject,
        role: new.role,
        exp,
    };
    let token = api.keyring.token(&claims);
    let (subject, role) = (claims.sub.as_str(), claims.role.as_str());
    tracing::info!(
        "recruitment.actor" = subject,
        "recruitment.role" = role,
        "token issued to {subject} as {role}"
    );
    let expires_at = Timestamp::from_secs(exp);
    let told =
        json!({ "token": token, "subject": subject, "role": role, "expires_at": expires_at });
    (StatusCode::CREATED, Json(told))
}
