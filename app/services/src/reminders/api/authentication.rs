use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use crate::problem::Problem;
use crate::reminders::api::Api;
use crate::reminders::session::{Session, SessionError};

/// A request with a good session.
#[derive(Debug)]
pub(crate) struct Authenticated(pub(crate) Session);

const REALM: &str = "reminders";

impl FromRequestParts<Arc<Api>> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let session =
            bearer(parts).and_then(|token| Session::verify(token, &api.keyring, api.clock.now()));
        session.map(Self).map_err(|error| {
            api.instruments.session_refused(error);
            let reason = error.reason();
            tracing::info!("session.refused" = reason, "session refused: {error}");
            challenge(error)
        })
    }
}

fn bearer(parts: &Parts) -> Result<&str, SessionError> {
    let header = parts.headers.get(AUTHORIZATION);
    let header = header.ok_or(SessionError::Missing)?;
    let header = header.to_str().map_err(|_| SessionError::Malformed)?;
    let (scheme, token) = header.split_once(' ').ok_or(SessionError::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(SessionError::Malformed)
    }
}

/// 401, in the form of RFC 6750: who sent no session is not told of an error.
fn challenge(error: SessionError) -> Problem {
    let challenge = match error {
        SessionError::Missing => format!("Bearer realm=\"{REALM}\""),
        _ => format!(
            "Bearer realm=\"{REALM}\", error=\"invalid_token\", error_description=\"{error}\""
        ),
    };
    let problem = Problem::new(StatusCode::UNAUTHORIZED, error.to_string());
    match HeaderValue::from_str(&challenge) {
        Ok(challenge) => problem.header(WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}
