//! Is it retryable? What an answer, or the lack of one, means.

use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::Timestamp;

use super::DestinationKind;
use super::retry_after;

/// Why a delivery failed: a closed set, because it is a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FailureReason {
    /// No connection came about: name, route, refusal, TLS.
    Connect,
    Timeout,
    /// The connection broke before the answer was whole.
    ConnectionLost,
    RateLimited,
    ServerError,
    /// 408 or 425: the same request may do later.
    TryLater,
    /// 401 or 403: the key or token is not taken.
    Auth,
    /// 404 or 410, or Slack says that the hook or channel is no more.
    Gone,
    /// The destination finds this message wrong.
    Refused,
    /// A redirection, which is never followed: the key would go with it.
    Redirected,
    /// 2xx, but the answer is not one of this kind of destination.
    UnexpectedAnswer,
    /// The deadline passed.
    Expired,
    /// The routing key of the trigger is no longer configured.
    KeyGone,
    /// The file that a secret is in cannot be read.
    SecretUnreadable,
}

impl FailureReason {
    pub(crate) const ALL: [Self; 14] = [
        Self::Connect,
        Self::Timeout,
        Self::ConnectionLost,
        Self::RateLimited,
        Self::ServerError,
        Self::TryLater,
        Self::Auth,
        Self::Gone,
        Self::Refused,
        Self::Redirected,
        Self::UnexpectedAnswer,
        Self::Expired,
        Self::KeyGone,
        Self::SecretUnreadable,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "connection_lost",
            Self::RateLimited => "rate_limited",
            Self::ServerError => "server_error",
            Self::TryLater => "try_later",
            Self::Auth => "auth",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::UnexpectedAnswer => "unexpected_answer",
            Self::Expired => "expired",
            Self::KeyGone => "key_gone",
            Self::SecretUnreadable => "secret_unreadable",
        }
    }

    /// Whether the same bytes may be taken later, without anybody's doing.
    pub(crate) const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Timeout
                | Self::ConnectionLost
                | Self::RateLimited
                | Self::ServerError
                | Self::TryLater
                | Self::SecretUnreadable
        )
    }

    /// Whether every other message would fail as well, until a human acts.
    pub(crate) const fn condemns_destination(self) -> bool {
        matches!(self, Self::Auth | Self::Gone)
    }
}

/// A failed attempt.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub reason: FailureReason,
    pub http_status: Option<u16>,
    /// How long the destination asks to be left alone.
    pub retry_after: Option<Duration>,
    /// In words. From [`judge`] it may hold words of the destination, at any length, so it has to
    /// be scrubbed and cut.
    pub text: String,
}

/// What came back, as far as it matters.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

/// What Slack says, with whichever status, when the hook itself is at fault.
const SLACK_GONE: [&str; 12] = [
    "action_prohibited",
    "channel_is_archived",
    "is_archived",
    "not_in_channel",
    "channel_not_found",
    "invalid_token",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "posting_to_general_channel_denied",
    "team_disabled",
];
/// What Slack says, with status 200, when the app's token is at fault.
const SLACK_AUTH: [&str; 8] = [
    "account_inactive",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "token_expired",
    "token_revoked",
];
const SLACK_TRANSIENT: [&str; 5] = [
    "fatal_error",
    "internal_error",
    "rate_limited",
    "ratelimited",
    "service_unavailable",
];

/// The verdict on an answer: delivered, or why not. `now` is for a `Retry-After` that names a date.
pub(crate) fn judge(kind: DestinationKind, answer: &Answer, now: Timestamp) -> Result<(), Failure> {
    let said = match kind {
        DestinationKind::Slack | DestinationKind::SlackBot => slack_error(&answer.body),
        DestinationKind::PagerDuty | DestinationKind::PagerDutyV1 => pagerduty_error(&answer.body),
        DestinationKind::Telegram => member(&answer.body, "description"),
        DestinationKind::OpsGenie | DestinationKind::Webex | DestinationKind::Discord => {
            member(&answer.body, "message")
        }
        _ => None,
    };
    let Some(reason) = reason_of(kind, answer.status, said.as_deref()) else {
        return Ok(());
    };
    let header = answer.retry_after.as_deref();
    let retry_after = header
        .and_then(|value| retry_after::of_header(value, now))
        .max(retry_after::of_body(&answer.body));
    let text = match said {
        Some(said) => format!("HTTP {}: {said}", answer.status),
        None => format!("HTTP {}", answer.status),
    };
    Err(Failure {
        reason,
        http_status: Some(answer.status),
        retry_after: retry_after.filter(|_| reason.is_transient()),
        text,
    })
}

fn reason_of(kind: DestinationKind, status: u16, said: Option<&str>) -> Option<FailureReason> {
    let by_status = match status {
        200..=299 => None,
        300..=399 => Some(FailureReason::Redirected),
        // The older API of PagerDuty says by it that it was too much.
        403 if kind == DestinationKind::PagerDutyV1 => Some(FailureReason::RateLimited),
        401 | 403 => Some(FailureReason::Auth),
        404 | 410 => Some(FailureReason::Gone),
        408 | 425 => Some(FailureReason::TryLater),
        429 => Some(FailureReason::RateLimited),
        500..=599 => Some(FailureReason::ServerError),
        _ => Some(FailureReason::Refused),
    };
    let speaks = matches!(kind, DestinationKind::Slack | DestinationKind::SlackBot);
    if !speaks || by_status.is_some_and(FailureReason::is_transient) {
        return by_status;
    }
    match said {
        Some("rate_limited" | "ratelimited") => Some(FailureReason::RateLimited),
        Some(said) if SLACK_TRANSIENT.contains(&said) => Some(FailureReason::ServerError),
        Some(said) if SLACK_GONE.contains(&said) => Some(FailureReason::Gone),
        Some(said) if SLACK_AUTH.contains(&said) => Some(FailureReason::Auth),
        Some(_) if by_status.is_none() => Some(FailureReason::UnexpectedAnswer),
        _ => by_status,
    }
}

/// None only if Slack says that it took the message: `ok`, or JSON with `"ok": true`.
fn slack_error(body: &str) -> Option<String> {
    let body = body.trim();
    if body == "ok" {
        return None;
    }
    if let Ok(Value::Object(answer)) = serde_json::from_str(body) {
        if answer.get("ok") == Some(&Value::Bool(true)) {
            return None;
        }
        let error = answer.get("error").and_then(Value::as_str);
        return Some(error.unwrap_or("an answer without ok or error").to_owned());
    }
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if !body.is_empty() && body.len() <= 60 && body.bytes().all(is_code) {
        return Some(body.to_owned());
    }
    Some("the answer is not Slack's".to_owned())
}

fn member(body: &str, name: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(body).ok()?;
    answer.get(name)?.as_str().map(str::to_owned)
}

/// What `PagerDuty` finds wrong: `errors`, else `message`.
fn pagerduty_error(body: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let errors = answer["errors"].as_array().map(|errors| {
        let texts: Vec<&str> = errors.iter().filter_map(Value::as_str).collect();
        texts.join("; ")
    });
    errors
        .filter(|text| !text.is_empty())
        .or_else(|| answer["message"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::FailureReason::{
        Auth, Gone, RateLimited, Redirected, Refused, ServerError, TryLater, UnexpectedAnswer,
    };
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            body: body.to_owned(),
        }
    }

    fn check(kind: DestinationKind, status: u16, body: &str, expected: Option<FailureReason>) {
        let verdict = judge(kind, &answer(status, body), Timestamp::default());
        let reason = verdict.err().map(|failure| failure.reason);
        assert_eq!(reason, expected, "{kind:?} {status} {body}");
    }

    #[test]
    fn a_status_has_its_reason() {
        let hook = DestinationKind::Webhook;
        check(hook, 200, "", None);
        check(hook, 204, "anything", None);
        check(hook, 302, "", Some(Redirected));
        check(hook, 400, "", Some(Refused));
        check(hook, 401, "", Some(Auth));
        check(hook, 403, "", Some(Auth));
        check(hook, 404, "", Some(Gone));
        check(hook, 408, "", Some(TryLater));
        check(hook, 410, "", Some(Gone));
        check(hook, 413, "", Some(Refused));
        check(hook, 425, "", Some(TryLater));
        check(hook, 429, "", Some(RateLimited));
        check(hook, 500, "", Some(ServerError));
        check(hook, 503, "", Some(ServerError));
        check(hook, 100, "", Some(Refused));
        check(
            DestinationKind::PagerDuty,
            202,
            r#"{"status":"success"}"#,
            None,
        );
        check(DestinationKind::PagerDuty, 429, "", Some(RateLimited));
    }

    #[test]
    fn slack_must_say_ok() {
        let slack = DestinationKind::Slack;
        check(slack, 200, "ok", None);
        check(slack, 200, r#"{"ok":true,"ts":"1"}"#, None);
        check(
            slack,
            200,
            r#"{"ok":false,"error":"channel_not_found"}"#,
            Some(Gone),
        );
        check(
            slack,
            200,
            r#"{"ok":false,"error":"rate_limited"}"#,
            Some(RateLimited),
        );
        check(slack, 200, "invalid_blocks", Some(UnexpectedAnswer));
        check(slack, 200, "<html>sign in</html>", Some(UnexpectedAnswer));
        check(slack, 200, "", Some(UnexpectedAnswer));
        check(slack, 400, "invalid_payload", Some(Refused));
        check(slack, 403, "invalid_token", Some(Gone));
        check(slack, 404, "no_active_hooks", Some(Gone));
        check(slack, 410, "channel_is_archived", Some(Gone));
        check(slack, 500, "rollup_error", Some(ServerError));
        check(slack, 503, "<html>", Some(ServerError));
    }

    #[test]
    fn pagerduty_says_what_is_wrong() {
        let body = r#"{"status":"invalid event","message":"Event object is invalid",
            "errors":["Length of 'routing_key' is incorrect (should be 32 characters)"]}"#;
        let failure = judge(
            DestinationKind::PagerDuty,
            &answer(400, body),
            Timestamp::default(),
        )
        .expect_err("it is refused");
        assert_eq!(
            failure.text,
            "HTTP 400: Length of 'routing_key' is incorrect (should be 32 characters)"
        );
    }

    #[test]
    fn the_longer_of_two_waits_counts() {
        let mut limited = answer(
            429,
            r#"{"retry_after":7,"ok":false,"error":"rate_limited"}"#,
        );
        limited.retry_after = Some("3".to_owned());
        let failure = judge(DestinationKind::Slack, &limited, Timestamp::default())
            .expect_err("it is limited");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
    }

    #[test]
    fn reasons_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = FailureReason::ALL
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        assert_eq!(names.len(), FailureReason::ALL.len());
    }
}
