//! One attempt over HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use watchfire_schemas::Timestamp;

use super::failure::{Answer, Failure, FailureReason, judge};
use super::mail::Mail;
use super::request::{Keys, Request, compose};
use super::slack_bot::{self, BotMessage, Receipt};
use super::wording::truncate;
use super::{Destination, DestinationKind, Secret, SecretSource, smtp};
use crate::notification::EventAction;

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
    timeouts: Timeouts,
}

/// A message ready to go.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    /// The same for each attempt, for receivers that drop what they have seen.
    pub id: String,
    pub action: EventAction,
    /// As it was kept: without keys.
    pub body: &'a str,
    /// Where this message goes, if not where all go.
    pub url: Option<Secret>,
    /// Which key goes with it.
    pub key: Option<SecretSource>,
    /// What the destination said when it took an earlier message of the same dedup key.
    pub receipt: Option<&'a str>,
    /// The time of the attempt.
    pub at: Timestamp,
}

/// What a destination said when it took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    /// HTTP's status, or SMTP's code.
    pub status: u16,
    /// What it will know the message by.
    pub receipt: Option<String>,
}

const MAX_ANSWER_BYTES: usize = 16 * 1024;
const MAX_ERROR: usize = 200;
/// Mail takes a dozen answers where HTTP takes one.
const MAIL_IS_SLOWER: u32 = 3;

impl Sender {
    /// Fails if the process has no TLS provider, no trusted roots, or if those that were asked for
    /// cannot be read.
    pub(crate) fn new(destination: Arc<Destination>, timeouts: &Timeouts) -> Result<Self, String> {
        let client = reqwest::Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(destination.timeout.unwrap_or(timeouts.total))
            .redirect(Policy::none())
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")));
        let http = destination.access.apply(client)?.build().map_err(
            |_| "no HTTP client: this machine has no trusted root certificates (ca-certificates)",
        )?;
        Ok(Self {
            destination,
            http,
            timeouts: timeouts.clone(),
        })
    }

    pub(crate) fn destination(&self) -> &Arc<Destination> {
        &self.destination
    }

    /// Sends once. Gives what a destination said that has confirmed the message.
    pub(crate) async fn send(&self, envelope: Envelope<'_>) -> Result<Taken, Failure> {
        let (keys, access, mut secrets) = self.secrets(&envelope).await?;
        let taken = match self.destination.kind {
            DestinationKind::Email => self.mail(&envelope).await,
            DestinationKind::SlackBot => self.chat(&keys, &envelope).await,
            _ => self.post(&keys, access, &envelope).await,
        };
        if let Some(mailbox) = &self.destination.mailbox {
            let written = [&mailbox.password, &mailbox.secret].into_iter().flatten();
            secrets.extend(written.filter_map(SecretSource::written).cloned());
        }
        taken.map_err(|failure| self.scrubbed(failure, &keys, &secrets))
    }

    async fn secrets(
        &self,
        envelope: &Envelope<'_>,
    ) -> Result<(Keys, HeaderMap, Vec<Secret>), Failure> {
        let read = async |source: Option<&SecretSource>| match source {
            Some(source) => source.read().await.map(Some),
            None => Ok(None),
        };
        let keys = Keys {
            url: match &envelope.url {
                Some(url) => Some(url.clone()),
                None => Some(self.destination.url.read().await?),
            },
            key: read(envelope.key.as_ref()).await?,
            second_key: read(self.destination.second_key.as_ref()).await?,
        };
        let (headers, mut secrets) = self.destination.access.headers().await?;
        let own = self
            .destination
            .key
            .iter()
            .filter_map(SecretSource::written);
        secrets.extend(own.cloned());
        secrets.extend(self.destination.signing_secrets.iter().cloned());
        Ok((keys, headers, secrets))
    }

    async fn mail(&self, envelope: &Envelope<'_>) -> Result<Taken, Failure> {
        let kept = serde_json::from_str::<Mail>(envelope.body);
        let (Some(mailbox), Ok(mail)) = (&self.destination.mailbox, kept) else {
            return Err(unreadable());
        };
        let total = self.destination.timeout.unwrap_or(self.timeouts.total) * MAIL_IS_SLOWER;
        let status = smtp::send(mailbox, &mail, (self.timeouts.connect, total)).await?;
        let receipt = Some(mail.message_id);
        Ok(Taken { status, receipt })
    }

    async fn chat(&self, keys: &Keys, envelope: &Envelope<'_>) -> Result<Taken, Failure> {
        let kept = serde_json::from_str::<BotMessage>(envelope.body);
        let (Some(base), Some(token), Ok(message)) = (&keys.url, &keys.key, kept) else {
            return Err(unreadable());
        };
        let api = slack_bot::Api {
            http: &self.http,
            base,
            token,
            at: envelope.at,
        };
        let known: Option<Receipt> = envelope
            .receipt
            .and_then(|receipt| serde_json::from_str(receipt).ok());
        let channel = self.destination.channel.as_deref().unwrap_or_default();
        let receipt = api.tell(channel, message, known.as_ref()).await?;
        Ok(Taken {
            status: 200,
            receipt: serde_json::to_string(&receipt).ok(),
        })
    }

    async fn post(
        &self,
        keys: &Keys,
        access: HeaderMap,
        envelope: &Envelope<'_>,
    ) -> Result<Taken, Failure> {
        let Request { url, headers, body } = compose(&self.destination, keys, envelope)?;
        let response = self
            .http
            .post(url)
            .headers(headers)
            .headers(access)
            .body(body)
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
        judge(self.destination.kind, &answer, envelope.at)?;
        Ok(Taken {
            status,
            receipt: None,
        })
    }

    /// The destination may have repeated what it was sent.
    fn scrubbed(&self, mut failure: Failure, keys: &Keys, secrets: &[Secret]) -> Failure {
        let whole = keys.all().chain(secrets).map(Secret::expose);
        let url = keys.url.as_ref().map_or("", Secret::expose);
        let parts = match self.destination.kind {
            // It holds no secret, and its name helps.
            DestinationKind::Email => None,
            _ => Some(secret_parts(url)),
        };
        for secret in whole.chain(parts.into_iter().flatten()) {
            if !secret.is_empty() {
                failure.text = failure.text.replace(secret, "[redacted]");
            }
        }
        failure.text = truncate(&failure.text, MAX_ERROR);
        failure
    }
}

fn unreadable() -> Failure {
    Failure {
        reason: FailureReason::Refused,
        http_status: None,
        retry_after: None,
        text: "the message that was kept cannot be read".to_owned(),
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

pub(super) async fn text_of(mut response: reqwest::Response) -> Result<String, Failure> {
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
pub(super) fn network_failure(error: &reqwest::Error) -> Failure {
    let (reason, text) = if error.is_builder() {
        (FailureReason::Refused, "the address is not a URL")
    } else if error.is_connect() && !error.is_timeout() {
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
