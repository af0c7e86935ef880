//! One attempt over HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use watchfire_schemas::Timestamp;

use super::failure::{Answer, Failure, FailureReason, judge};
use super::wording::truncate;
use super::{Destination, DestinationKind, Secret, signature};

/// How long an attempt may take.
#[derive(Debug, Clone)]
pub(crate) struct Timeouts {
    pub connect: Duration,
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            total: Duration::from_secs(10),
        }
    }
}

/// The HTTP client of one destination: its connections are shared with no other.
#[derive(Debug)]
pub(crate) struct Sender {
    destination: Arc<Destination>,
    http: reqwest::Client,
}

/// A message ready to go.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// The same for each attempt, for receivers that drop what they have seen.
    pub id: String,
    pub body: Vec<u8>,
    /// Which key is in the body, so that no error can repeat it.
    pub routing_key: Option<&'a Secret>,
    /// The time of the attempt.
    pub at: Timestamp,
}

const MAX_ANSWER_BYTES: usize = 16 * 1024;
const MAX_ERROR: usize = 200;

impl Sender {
    /// Fails only if the process has no TLS provider or no trusted roots.
    pub(crate) fn new(
        destination: Arc<Destination>,
        timeouts: &Timeouts,
    ) -> Result<Self, &'static str> {
        let http = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(destination.timeout.unwrap_or(timeouts.total))
            .redirect(Policy::none())
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| "no HTTP client: this machine has no trusted root certificates (ca-certificates)")?;
        Ok(Self { destination, http })
    }

    pub(crate) fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Sends once. Gives the HTTP status of a delivery that the destination has confirmed.
    pub(crate) async fn send(&self, envelope: Envelope<'_>) -> Result<u16, Failure> {
        let routing_key = envelope.routing_key;
        let url = self.destination.url.read().await?;
        let verdict = self.attempt(&url, envelope).await;
        verdict.map_err(|failure| self.scrubbed(failure, &url, routing_key))
    }

    async fn attempt(&self, url: &Secret, envelope: Envelope<'_>) -> Result<u16, Failure> {
        let at = envelope.at;
        let response = self
            .http
            .post(url.expose())
            .headers(self.headers(&envelope))
            .body(envelope.body)
            .send()
            .await
            .map_err(|error| network_failure(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let body = match text_of(response).await {
            Ok(body) => body,
            // Of Slack it is the body that says whether the message was taken.
            Err(failure) if self.destination.kind == DestinationKind::Slack => return Err(failure),
            Err(_) => String::new(),
        };
        let answer = Answer {
            status,
            retry_after,
            body,
        };
        judge(self.destination.kind, &answer, at).map(|()| status)
    }

    fn headers(&self, envelope: &Envelope<'_>) -> HeaderMap {
        let json = HeaderValue::from_static("application/json");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
        let Some(secret) = &self.destination.signing_secret else {
            return headers;
        };
        let seconds = envelope.at.millis().div_euclid(1_000);
        let signature = signature::sign(secret, &envelope.id, seconds, &envelope.body);
        let signed = [
            ("webhook-id", envelope.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        for (name, value) in signed {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers
    }

    /// The destination may have repeated what it was sent.
    fn scrubbed(
        &self,
        mut failure: Failure,
        url: &Secret,
        routing_key: Option<&Secret>,
    ) -> Failure {
        let destination = &self.destination;
        let own_key = destination.routing_key.as_ref();
        let secrets = [routing_key, own_key, destination.signing_secret.as_ref()];
        let whole = secrets.into_iter().flatten().map(Secret::expose);
        let parts = secret_parts(url.expose());
        for secret in whole.chain(parts) {
            if !secret.is_empty() {
                failure.text = failure.text.replace(secret, "[redacted]");
            }
        }
        failure.text = truncate(&failure.text, MAX_ERROR);
        failure
    }
}

/// The address itself and those of its parts that are long enough to be a secret.
fn secret_parts(url: &str) -> impl Iterator<Item = &str> {
    const LEAST: usize = 6;
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let user = after_scheme.split_once('@').map(|(user, _)| user);
    let path = after_scheme.split_once('/').map(|(_, path)| path);
    let pieces = path
        .into_iter()
        .chain(user)
        .flat_map(|text| text.split(['/', '?', '&', '=', '#', ':', '@']))
        .filter(|piece| piece.len() >= LEAST);
    [url].into_iter().chain(path).chain(pieces)
}

async fn text_of(mut response: reqwest::Response) -> Result<String, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| network_failure(&error))?
    {
        let room = MAX_ANSWER_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == MAX_ANSWER_BYTES {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// In our own words: what the HTTP client says of an error names the address.
fn network_failure(error: &reqwest::Error) -> Failure {
    let (reason, text) = if error.is_connect() && !error.is_timeout() {
        (FailureReason::Connect, connect_text(error))
    } else if error.is_timeout() {
        (FailureReason::Timeout, "no answer in time")
    } else {
        let text = "the connection broke before the answer was whole";
        (FailureReason::ConnectionLost, text)
    };
    Failure {
        reason,
        http_status: None,
        retry_after: None,
        text: text.to_owned(),
    }
}

fn connect_text(error: &reqwest::Error) -> &'static str {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return match io.kind() {
                std::io::ErrorKind::ConnectionRefused => "connection refused",
                std::io::ErrorKind::NetworkUnreachable => "network unreachable",
                std::io::ErrorKind::HostUnreachable => "host unreachable",
                std::io::ErrorKind::ConnectionReset => "connection reset while connecting",
                std::io::ErrorKind::InvalidData => "TLS was refused",
                _ => "no connection: name not found or TLS refused",
            };
        }
        source = cause.source();
    }
    "no connection"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_parts(url: &str, expected: &[&str]) {
        assert_eq!(secret_parts(url).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_parts_of_an_address_that_may_be_secret() {
        check_parts(
            "https://hooks.example/services/T0/B0/Xhushhush",
            &[
                "https://hooks.example/services/T0/B0/Xhushhush",
                "services/T0/B0/Xhushhush",
                "services",
                "Xhushhush",
            ],
        );
        check_parts(
            "https://ada:password@h/?token=hushhush",
            &[
                "https://ada:password@h/?token=hushhush",
                "?token=hushhush",
                "hushhush",
                "password",
            ],
        );
        check_parts("http://h", &["http://h"]);
    }
}
