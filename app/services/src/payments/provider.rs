use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use watchfire_telemetry::Telemetry;

use crate::client;
use crate::failure::{Failure, Kind, frame};
use crate::payments::breaker::{Breaker, BreakerState};
use crate::payments::idempotency::IDEMPOTENCY_KEY;
use crate::payments::operation::{OperationKey, OperationType, Outcome, Settled};
use crate::secret::Secret;

/// What the provider is asked to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    #[serde(rename = "type")]
    pub(crate) operation: OperationType,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// The provider's token of the payer's card, for what makes a charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<MethodToken>,
    /// The charge that the operation is about, for what follows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) charge: Option<String>,
    /// Where to tell how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_url: Option<String>,
}

/// A token that stands for a card. It is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MethodToken(String);

/// Why a text is no token. It does not hold the text.
#[derive(Debug, thiserror::Error)]
#[error("a token of a payment method is tok_ and 1 to 60 letters, digits and underscores")]
pub(crate) struct NoToken;

/// Why the provider told nothing of an operation.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    #[error("the provider cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The request may have got there.
    #[error("the provider did not answer in time")]
    TimedOut(#[source] reqwest::Error),
    #[error("the exchange with the provider broke off")]
    Broken(#[source] reqwest::Error),
    #[error("the provider answered {0}")]
    Status(StatusCode),
    #[error("the provider's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the provider's answer is longer than {MAX_ANSWER} bytes")]
    TooLarge,
    /// What became of one payment says nothing of another.
    #[error("the provider was asked about {asked} and told of another operation")]
    Foreign { asked: String },
}

/// Speaks to the provider, over HTTP with our own idempotency keys.
#[derive(Debug)]
pub(crate) struct Provider {
    http: reqwest::Client,
    telemetry: Telemetry,
    /// `http://host:port`.
    base: String,
    authorization: HeaderValue,
    breaker: Breaker,
}

const OPERATIONS: &str = "/v1/operations";
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// Most answers come within a tenth of it.
const TIMEOUT: Duration = Duration::from_secs(3);
/// An outcome is a small object.
const MAX_ANSWER: usize = 64 << 10;

impl Kind for ProviderError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "ProviderError::Unreachable",
            Self::TimedOut(_) => "ProviderError::TimedOut",
            Self::Broken(_) => "ProviderError::Broken",
            Self::Status(_) => "ProviderError::Status",
            Self::Unreadable(_) => "ProviderError::Unreadable",
            Self::TooLarge => "ProviderError::TooLarge",
            Self::Foreign { .. } => "ProviderError::Foreign",
        }
    }
}

impl Provider {
    pub(crate) fn new(
        base: &str,
        secret: &Secret,
        telemetry: &Telemetry,
    ) -> Result<Self, reqwest::Error> {
        let bearer = format!("Bearer {}", secret.reveal());
        let mut authorization = HeaderValue::from_str(&bearer)
            .unwrap_or_else(|_| HeaderValue::from_static("Bearer unusable"));
        authorization.set_sensitive(true);
        Ok(Self {
            http: client::http(CONNECT_TIMEOUT, TIMEOUT)?,
            telemetry: telemetry.clone(),
            base: base.trim_end_matches('/').to_owned(),
            authorization,
            breaker: Breaker::new(),
        })
    }

    /// Whether the provider may be asked now; if not, how long to wait.
    pub(crate) fn admit(&self) -> Result<(), Duration> {
        self.breaker.admit(Instant::now())
    }

    pub(crate) fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Asks for an operation. After an error it is not known whether it was done: only
    /// [`Self::look_up`] tells, and only then may it be sent again.
    pub(crate) async fn send(
        &self,
        key: &OperationKey,
        request: &Request,
    ) -> Result<Settled, Failure> {
        let url = format!("{}{OPERATIONS}", self.base);
        let key = key.to_string();
        let body = serde_json::to_vec(request).unwrap_or_default();
        let call = self.telemetry.client_call(&Method::POST, &url);
        let send = |context: HeaderMap| {
            let request = self.http.post(&url).headers(context).body(body);
            let request = request.header(CONTENT_TYPE, "application/json");
            self.exchange(request.header(IDEMPOTENCY_KEY, &key))
        };
        let answer = call.template(OPERATIONS).send(send, |(status, _)| *status);
        match self.judged(answer.await)? {
            (StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY, _) => Ok(Settled {
                key,
                status: Outcome::Rejected,
                charge: None,
                reason: Some("rejected_by_provider".to_owned()),
            }),
            (status, body) if status.is_success() => read(&body, &key),
            (status, _) => Err(failure(ProviderError::Status(status))),
        }
    }

    /// What became of an operation that was sent; nothing if the provider never saw it.
    pub(crate) async fn look_up(&self, key: &OperationKey) -> Result<Option<Settled>, Failure> {
        let url = format!("{}{OPERATIONS}/{key}", self.base);
        let call = self.telemetry.client_call(&Method::GET, &url);
        let send = |context: HeaderMap| self.exchange(self.http.get(&url).headers(context));
        let template = "/v1/operations/{key}";
        let answer = call.template(template).send(send, |(status, _)| *status);
        match self.judged(answer.await)? {
            (StatusCode::NOT_FOUND, _) => Ok(None),
            (status, body) if status.is_success() => read(&body, &key.to_string()).map(Some),
            (status, _) => Err(failure(ProviderError::Status(status))),
        }
    }

    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(StatusCode, Vec<u8>), ProviderError> {
        let request = request.header(AUTHORIZATION, self.authorization.clone());
        let mut answer = request.send().await.map_err(told)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(told)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(ProviderError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((answer.status(), body))
    }

    /// Tells the breaker. What the provider says of a single operation is not its failure.
    fn judged<T>(
        &self,
        answer: Result<(StatusCode, T), ProviderError>,
    ) -> Result<(StatusCode, T), Failure> {
        let is_well = matches!(&answer, Ok((status, _)) if !status.is_server_error());
        let change = if is_well {
            self.breaker.succeeded()
        } else {
            self.breaker.failed(Instant::now())
        };
        match change {
            Some(BreakerState::Open) => tracing::warn!(
                "payments.breaker" = "open",
                "breaker of the provider opened: it failed several times in a row"
            ),
            Some(BreakerState::Closed) => tracing::info!(
                "payments.breaker" = "closed",
                "breaker of the provider closed: it answers again"
            ),
            Some(BreakerState::HalfOpen) | None => (),
        }
        answer.map_err(failure)
    }
}

/// How the operation `asked` for ended, if that is what the answer tells of.
fn read(body: &[u8], asked: &str) -> Result<Settled, Failure> {
    let settled: Settled =
        serde_json::from_slice(body).map_err(|error| failure(ProviderError::Unreadable(error)))?;
    if settled.key == asked {
        Ok(settled)
    } else {
        let asked = asked.to_owned();
        Err(failure(ProviderError::Foreign { asked }))
    }
}

fn failure(error: ProviderError) -> Failure {
    Failure::new(error, frame!("Provider"))
}

fn told(error: reqwest::Error) -> ProviderError {
    let error = error.without_url();
    if error.is_connect() {
        ProviderError::Unreachable(error)
    } else if error.is_timeout() {
        ProviderError::TimedOut(error)
    } else {
        ProviderError::Broken(error)
    }
}

impl MethodToken {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MethodToken {
    type Error = NoToken;

    fn try_from(text: String) -> Result<Self, NoToken> {
        let is_word = |rest: &str| {
            let mut bytes = rest.bytes();
            (1..=60).contains(&rest.len())
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let is_token = text.strip_prefix("tok_").is_some_and(is_word);
        is_token.then_some(Self(text)).ok_or(NoToken)
    }
}

impl std::fmt::Debug for MethodToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("tok_[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use serde_json::json;
    use tokio::task::JoinSet;
    use watchfire_telemetry::LogOutput;

    use super::*;
    use crate::server;

    /// What is told of an operation that a provider answers so about.
    async fn told_of(answer: String) -> Result<Option<Settled>, &'static str> {
        let (listener, address) = server::bind(server::LOOPBACK).await.unwrap();
        let answering = Router::new().fallback(async move || answer);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, answering).await.unwrap() });
        let telemetry = Telemetry::service("payments-worker").log_output(LogOutput::Nowhere);
        let secret = Secret::from("hush".to_owned());
        let base = format!("http://{address}");
        let provider = Provider::new(&base, &secret, &telemetry.start().unwrap()).unwrap();
        let key = OperationKey::new("pay_1", OperationType::Charge, 1);
        let found = provider.look_up(&key).await;
        found.map_err(|failure| failure.kind())
    }

    #[tokio::test]
    async fn only_an_answer_to_what_was_asked_counts() {
        let answer = |key: &str| json!({ "key": key, "status": "succeeded" }).to_string();
        let ours = told_of(answer("pay_1:charge:1")).await.unwrap().unwrap();
        assert_eq!(ours.status, Outcome::Succeeded);
        for (answer, kind) in [
            (answer("pay_2:charge:1"), "ProviderError::Foreign"),
            ("well".to_owned(), "ProviderError::Unreadable"),
            (" ".repeat(MAX_ANSWER + 1), "ProviderError::TooLarge"),
        ] {
            assert_eq!(told_of(answer).await, Err(kind));
        }
    }

    #[test]
    fn a_token_is_read_strictly_and_never_shown() {
        let token = MethodToken::try_from("tok_visa_4242".to_owned()).unwrap();
        assert!(!format!("{token:?}").contains("4242"));
        assert_eq!(token.reveal(), "tok_visa_4242");
        for text in ["", "tok_", "4242424242424242", "tok_a b", "tok_é"] {
            let error = MethodToken::try_from(text.to_owned())
                .unwrap_err()
                .to_string();
            assert!(text.len() < 6 || !error.contains(text), "{error}");
        }
    }
}
