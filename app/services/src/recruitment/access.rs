use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::problem::Problem;
use crate::recruitment::api::Api;
use crate::recruitment::instruments::Refusal;
use crate::recruitment::keyring::TokenError;
use crate::recruitment::role::{Action, Grant, Role};
use crate::recruitment::text::Slug;
use crate::sql::QueryBuilder;

/// Which action each guarded route is. One that is not here is refused to all.
#[rustfmt::skip]
pub(crate) const RULES: &[(Method, &str, Action)] = &[
    (Method::GET,    "/v1/positions",                                   Action::ReadPositions),
    (Method::POST,   "/v1/positions",                                   Action::CreatePosition),
    (Method::GET,    "/v1/positions/{id}",                              Action::ReadPositions),
    (Method::PATCH,  "/v1/positions/{id}",                              Action::ChangePosition),
    (Method::POST,   "/v1/positions/{id}/opening",                      Action::ChangePosition),
    (Method::POST,   "/v1/positions/{id}/closing",                      Action::ChangePosition),
    (Method::GET,    "/v1/candidates",                                  Action::ReadCandidates),
    (Method::POST,   "/v1/candidates",                                  Action::CreateCandidate),
    (Method::POST,   "/v1/candidates/search",                           Action::SearchCandidates),
    (Method::GET,    "/v1/candidates/duplicates",                       Action::SearchCandidates),
    (Method::GET,    "/v1/candidates/{id}",                             Action::ReadCandidates),
    (Method::PATCH,  "/v1/candidates/{id}",                             Action::ChangeCandidate),
    (Method::POST,   "/v1/candidates/{id}/erasure",                     Action::EraseCandidate),
    (Method::GET,    "/v1/applications",                                Action::ReadApplications),
    (Method::POST,   "/v1/applications",                                Action::CreateApplication),
    (Method::GET,    "/v1/applications/{id}",                           Action::ReadApplications),
    (Method::POST,   "/v1/applications/{id}/moves",                     Action::MoveApplication),
    (Method::POST,   "/v1/applications/{id}/rejection",                 Action::MoveApplication),
    (Method::POST,   "/v1/applications/{id}/withdrawal",                Action::WithdrawApplication),
    (Method::POST,   "/v1/applications/{id}/hire",                      Action::MoveApplication),
    (Method::GET,    "/v1/applications/{id}/interviewers",              Action::AssignInterviewer),
    (Method::PUT,    "/v1/applications/{id}/interviewers/{subject}",    Action::AssignInterviewer),
    (Method::DELETE, "/v1/applications/{id}/interviewers/{subject}",    Action::AssignInterviewer),
    (Method::GET,    "/v1/applications/{id}/assessments",               Action::ReadAssessments),
    (Method::POST,   "/v1/applications/{id}/assessments",               Action::WriteAssessment),
    (Method::GET,    "/v1/applications/{id}/documents",                 Action::ReadDocuments),
    (Method::PUT,    "/v1/applications/{id}/documents/{digest}",        Action::AddDocument),
    (Method::GET,    "/v1/documents/{id}",                              Action::ReadDocuments),
    (Method::DELETE, "/v1/documents/{id}",                              Action::RemoveDocument),
    (Method::POST,   "/v1/documents/{id}/links",                        Action::ReadDocuments),
    (Method::GET,    "/v1/clean-up",                                    Action::CleanUp),
    (Method::POST,   "/v1/clean-up",                                    Action::CleanUp),
    (Method::GET,    "/v1/audit",                                       Action::ReadTrail),
    (Method::GET,    "/v1/audit/verify",                                Action::ReadTrail),
];

/// Who asks, and on what they may do what they ask.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) subject: Slug,
    pub(crate) role: Role,
    /// Never [`Grant::Never`].
    pub(crate) grant: Grant,
}

/// Lets a request through to its handler as a [`Caller`], or refuses it: 401 if nobody knows who
/// asks, 403 if their role may never do this. What they may do on other objects only is for the
/// handler to not find, so that an object that is not theirs looks as one that is not there.
pub(crate) async fn admit(
    State(api): State<Api>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    match caller(&api, matched.as_str(), &request) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn caller(api: &Api, path: &str, request: &Request) -> Result<Caller, Problem> {
    let token =
        bearer(request.headers()).ok_or_else(|| unknown(api, "a bearer token is needed"))?;
    let claims = api.keyring.claims(token, api.clock.now());
    let claims = claims.map_err(|error| unknown(api, &error.to_string()))?;
    let method = if request.method() == Method::HEAD {
        &Method::GET
    } else {
        request.method()
    };
    let rule = RULES
        .iter()
        .find(|(known, route, _)| known == method && *route == path);
    let grant = rule.map_or(Grant::Never, |(_, _, action)| claims.role.grant(*action));
    if grant == Grant::Never {
        api.instruments.refused(Refusal::Forbidden);
        let detail = format!("the role {} may not do this", claims.role.as_str());
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(Caller {
        subject: claims.sub,
        role: claims.role,
        grant,
    })
}

/// What stands after `Bearer` in the one `Authorization` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let one = given.next().filter(|_| given.next().is_none())?;
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Answers 401.
pub(crate) fn unknown(api: &Api, detail: &str) -> Problem {
    api.instruments.refused(Refusal::Unauthenticated);
    let error =
        if detail == TokenError::Foreign.to_string() || detail == TokenError::Expired.to_string() {
            r#"Bearer realm="recruitment", error="invalid_token""#
        } else {
            r#"Bearer realm="recruitment""#
        };
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static(error))
}

/// What a list or a look-up is restricted to, by the column that holds the id of each row's kind.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    Positions,
    Candidates,
    /// Of rows with a column that names their application; `id` in the table of applications.
    Applications(&'static str),
}

/// The positions of a hiring manager, up to the manager.
const OWN: &str = "(SELECT id FROM positions WHERE manager = ";
/// The applications of an interviewer, up to the interviewer.
const ASSIGNED: &str = "(SELECT application FROM interviewers WHERE subject = ";

impl Caller {
    /// Whether they may do, on what they may do this request on, also `action`.
    pub(crate) fn may(&self, action: Action) -> bool {
        self.role.grant(action) != Grant::Never
    }

    /// Adds the condition that a row is one that they may do this request on.
    pub(crate) fn restrict(&self, sql: &mut QueryBuilder<'_>, scope: Scope) {
        let within = match self.grant {
            Grant::Every => return,
            Grant::Never => {
                sql.push(" AND false");
                return;
            }
            Grant::Own => OWN,
            Grant::Assigned => ASSIGNED,
        };
        let (before, after) = match (scope, self.grant) {
            (Scope::Positions, Grant::Own) => (" AND id IN ".to_owned(), ")"),
            (Scope::Positions, _) => (
                " AND id IN (SELECT position FROM applications WHERE id IN ".to_owned(),
                "))",
            ),
            (Scope::Candidates, Grant::Own) => (
                " AND id IN (SELECT candidate FROM applications WHERE position IN ".to_owned(),
                "))",
            ),
            (Scope::Candidates, _) => (
                " AND id IN (SELECT candidate FROM applications WHERE id IN ".to_owned(),
                "))",
            ),
            (Scope::Applications(column), Grant::Own) => (
                format!(" AND {column} IN (SELECT id FROM applications WHERE position IN "),
                "))",
            ),
            (Scope::Applications(column), _) => (format!(" AND {column} IN "), ")"),
        };
        sql.push(before)
            .push(within)
            .push_bind(self.subject.as_str().to_owned())
            .push(after);
    }
}

/// The caller, as a handler asks for it.
pub(crate) type By = Extension<Caller>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recruitment::role::TABLE;

    fn check(header: &str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, header.parse().unwrap());
        assert_eq!(bearer(&headers), expected, "{header}");
    }

    #[test]
    fn a_token_stands_after_its_scheme() {
        check("Bearer abc", Some("abc"));
        check("bearer abc", Some("abc"));
        check("Basic abc", None);
        check("abc", None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }

    #[test]
    fn each_rule_is_there_once_and_its_action_is_in_the_table() {
        for (n, (method, path, action)) in RULES.iter().enumerate() {
            let again = RULES[..n]
                .iter()
                .any(|(other, route, _)| other == method && route == path);
            assert!(!again, "{method} {path}");
            assert!(TABLE.iter().any(|(known, _)| known == action), "{action:?}");
        }
    }
}
