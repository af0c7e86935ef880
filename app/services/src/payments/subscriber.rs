use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use watchfire_schemas::Timestamp;
use watchfire_telemetry::Telemetry;

use crate::client;
use crate::failure::{Failure, Kind, Via, frame};
use crate::payments::pipeline::{NotTaken, Pipeline, Taken};
use crate::payments::relay::Delivery;
use crate::secret::Secret;
use crate::statement::{Operation, Statement};

/// Tells subscribers of events over HTTP, signed as Standard Webhooks says.
#[derive(Debug)]
pub(crate) struct Sender {
    http: reqwest::Client,
    telemetry: Telemetry,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    #[error("the subscriber {subscriber} could not be told")]
    Broken {
        subscriber: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the subscriber {subscriber} answered {status}")]
    Refused {
        subscriber: String,
        status: StatusCode,
    },
}

const SECRET_PREFIX: &str = "whsec_";
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(3);

impl Kind for TellError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "TellError::Broken",
            Self::Refused { .. } => "TellError::Refused",
        }
    }
}

impl Sender {
    pub(crate) fn new(telemetry: &Telemetry) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client::http(CONNECT_TIMEOUT, TIMEOUT)?,
            telemetry: telemetry.clone(),
        })
    }

    async fn send(
        &self,
        (subscriber, url): (&str, &str),
        signed: HeaderMap,
        body: String,
    ) -> Result<(), Failure> {
        let call = self.telemetry.client_call(&Method::POST, url);
        let send = |context: HeaderMap| {
            let request = self.http.post(url).headers(context).headers(signed);
            let request = request.header(CONTENT_TYPE, "application/json");
            async {
                request
                    .body(body)
                    .send()
                    .await
                    .map_err(reqwest::Error::without_url)
            }
        };
        let answer = call.send(send, reqwest::Response::status).await;
        let subscriber = subscriber.to_owned();
        let error = match answer {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => {
                let status = answer.status();
                TellError::Refused { subscriber, status }
            }
            Err(source) => TellError::Broken { subscriber, source },
        };
        Err(Failure::new(error, frame!("Sender::send")))
    }
}

impl Pipeline {
    /// Tells one subscriber of an event, at least once.
    pub(crate) async fn tell(&self, delivery: &Delivery) -> Result<Taken, NotTaken> {
        let Some((url, secret)) = self.subscriber(&delivery.subscriber).await? else {
            // It has left since.
            return Ok(Taken::Done);
        };
        let body = told(delivery).to_string();
        let signed = signed(&secret, &delivery.id, self.clock.now(), &body);
        let subscriber = (delivery.subscriber.as_str(), url.as_str());
        self.sender.send(subscriber, signed, body).await?;
        Ok(Taken::Done)
    }

    async fn subscriber(&self, id: &str) -> Result<Option<(String, Secret)>, Failure> {
        let id = id.to_owned();
        let select = Statement::new(Operation::Select, "subscribers");
        let found = self.database.read(select, move |connection| {
            Box::pin(async move {
                sqlx::query_as("SELECT url, secret FROM subscribers WHERE id = ?")
                    .bind(id)
                    .fetch_optional(connection)
                    .await
            })
        });
        let found: Option<(String, String)> = found.await.via(frame!("Pipeline::subscriber"))?;
        Ok(found.map(|(url, secret)| (url, Secret::from(secret))))
    }
}

/// What a subscriber is told.
fn told(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "type": delivery.event_type,
        "created_at": Timestamp::from_nanos(delivery.created_at),
        "data": serde_json::from_str::<Value>(&delivery.data).unwrap_or_default(),
    })
}

/// The headers by which the receiver knows the sender, and a repetition.
pub(crate) fn signed(secret: &Secret, id: &str, now: Timestamp, body: &str) -> HeaderMap {
    let seconds = now.nanos().div_euclid(1_000_000_000);
    let signature = signature(secret, id, seconds, body);
    let headers = [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    let headers = headers.into_iter();
    headers
        .filter_map(|(name, value)| {
            let name = http::HeaderName::from_static(name);
            Some((name, http::HeaderValue::from_str(&value).ok()?))
        })
        .collect()
}

/// The HMAC-SHA-256 of id, time and body. The key of a secret `whsec_…` is what its base64 stands for.
fn mac(secret: &Secret, id: &str, seconds: i64, body: &str) -> Hmac<Sha256> {
    let secret = secret.reveal();
    let decoded = secret.strip_prefix(SECRET_PREFIX);
    let decoded = decoded.and_then(|rest| STANDARD.decode(rest).ok());
    let key = decoded.as_deref().unwrap_or(secret.as_bytes());
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body.as_bytes());
    mac
}

/// A secret that a subscriber can check our signatures with.
pub(crate) fn draw_secret() -> Secret {
    let key: [u8; 24] = rand::random();
    Secret::from(format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))
}

/// `v1,` and the base64 of the HMAC-SHA-256 of id, time and body.
pub(crate) fn signature(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
    let mac = mac(secret, id, seconds, body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// Whether a message is signed with `secret`, not long before or after `now`. The comparison takes
/// the same time wherever the signatures differ.
pub(crate) fn is_signed(secret: &Secret, headers: &HeaderMap, body: &str, now: Timestamp) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(id), Some(seconds), Some(given)) = (
        text("webhook-id"),
        text("webhook-timestamp").and_then(|seconds| seconds.parse::<i64>().ok()),
        text("webhook-signature").and_then(|given| given.strip_prefix("v1,")),
    ) else {
        return false;
    };
    let age = now.seconds_since(Timestamp::from_secs(seconds)).abs();
    let mac = mac(secret, id, seconds, body);
    let given = STANDARD.decode(given).unwrap_or_default();
    age <= SIGNATURE_LASTS.as_secs_f64() && mac.verify_slice(&given).is_ok()
}

/// An older signature may have been recorded on its way.
const SIGNATURE_LASTS: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_signed_just_now_counts() {
        let secret = Secret::from("hush".to_owned());
        let now = Timestamp::from_secs(1_800_000_000);
        let headers = signed(&secret, "evt_1", now, "{}");
        assert!(is_signed(&secret, &headers, "{}", now));
        assert!(!is_signed(&secret, &headers, "{ }", now));
        assert!(!is_signed(
            &Secret::from("other".to_owned()),
            &headers,
            "{}",
            now
        ));
        let later = now + SIGNATURE_LASTS + Duration::from_secs(1);
        assert!(!is_signed(&secret, &headers, "{}", later));
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut without = headers.clone();
            without.remove(name);
            assert!(!is_signed(&secret, &without, "{}", now), "{name}");
        }
    }

    /// The example of the Standard Webhooks specification's form, computed by another HMAC.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let secret = Secret::from("key".to_owned());
        assert_eq!(
            signature(&secret, "evt_1", 1_800_000_000, "{\"a\":1}"),
            "v1,dWihgq0N6agz2wVk2plE+haHu3ryRho3ZjW8W6H8NFo="
        );
    }
}
