use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::client;
use crate::messages::channel::Channel;
use crate::messages::provider::{Parcel, Refusal};
use crate::secret::Secret;

/// A provider that takes messages by HTTP: a POST of JSON, with our id as the idempotency key.
#[derive(Debug)]
pub(crate) struct HttpWire {
    http: reqwest::Client,
    telemetry: Telemetry,
    url: String,
    key: Secret,
    clock: std::sync::Arc<dyn Clock>,
}

/// What is read of an answer.
#[derive(Debug, Deserialize)]
struct Taken {
    id: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(10);
/// What a provider may answer at most.
const MAX_ANSWER: usize = 64 << 10;
/// A provider that asks for more is not waited for so long.
const LONGEST_REST: Duration = Duration::from_hours(1);

impl HttpWire {
    pub(crate) fn new(
        url: String,
        key: Secret,
        telemetry: &Telemetry,
        clock: std::sync::Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: client::http(CONNECT_TIMEOUT, TIMEOUT)?,
            telemetry: telemetry.clone(),
            url,
            key,
            clock,
        })
    }

    /// The provider's own id of the message, if it told one.
    pub(crate) async fn send(
        &self,
        channel: Channel,
        parcel: &Parcel<'_>,
    ) -> Result<Option<String>, Refusal> {
        let body = json!({
            "channel": channel,
            "to": parcel.to,
            "reference": parcel.id,
            "content": parcel.wording,
        });
        let call = self.telemetry.client_call(&Method::POST, &self.url);
        let headers = self.headers(parcel.id)?;
        let send = |context: HeaderMap| {
            let request = self.http.post(&self.url).headers(headers).headers(context);
            exchange(request.body(body.to_string()))
        };
        let answer = call.send(send, |answer: &Answer| answer.status).await;
        let answer = answer.map_err(|error| refused(&error))?;
        self.judge(&answer)
    }

    fn headers(&self, id: &str) -> Result<HeaderMap, Refusal> {
        let unusable = |_| Refusal::Unavailable("the secret holds what no header can".to_owned());
        let mut key =
            HeaderValue::from_str(&format!("Bearer {}", self.key.reveal())).map_err(unusable)?;
        key.set_sensitive(true);
        let id = HeaderValue::from_str(id).map_err(unusable)?;
        let json = HeaderValue::from_static("application/json");
        let headers = [
            (AUTHORIZATION, key),
            (IDEMPOTENCY_KEY, id),
            (CONTENT_TYPE, json),
        ];
        Ok(headers.into_iter().collect())
    }

    fn judge(&self, answer: &Answer) -> Result<Option<String>, Refusal> {
        let status = answer.status;
        if status.is_success() {
            let taken: Option<Taken> = serde_json::from_slice(&answer.body).ok();
            return Ok(taken.and_then(|taken| taken.id));
        }
        let told = format!("it answered {}", status.as_u16());
        let wait = self.retry_after(&answer.headers);
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS => Refusal::Throttled(wait),
            StatusCode::SERVICE_UNAVAILABLE if wait.is_some() => Refusal::Throttled(wait),
            StatusCode::SERVICE_UNAVAILABLE => Refusal::Unavailable(told),
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT => Refusal::Unclear(told),
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Refusal::Rejected(told),
            // Our key, our account and our address of the provider are no fault of the message:
            // it can be sent by another one.
            status if status.is_client_error() => Refusal::Unavailable(told),
            _ => Refusal::Unclear(told),
        })
    }

    /// Seconds or a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = if let Ok(seconds) = text.parse() {
            Duration::from_secs(seconds)
        } else {
            let at = httpdate::parse_http_date(text).ok()?;
            let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
            let now = Duration::from_nanos(u64::try_from(self.clock.now().nanos()).ok()?);
            at.saturating_sub(now)
        };
        Some(wait.min(LONGEST_REST))
    }
}

async fn exchange(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let mut response = request.send().await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_ANSWER.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if room == 0 {
            break;
        }
    }
    Ok(Answer {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// What never reached the provider was not taken; of anything else nobody knows.
fn refused(error: &reqwest::Error) -> Refusal {
    if error.is_connect() {
        Refusal::Unavailable("it could not be connected to".to_owned())
    } else if error.is_timeout() {
        Refusal::Unclear("it did not answer in time".to_owned())
    } else {
        Refusal::Unclear("the exchange with it broke off".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchfire_schemas::{ManualClock, Timestamp};
    use watchfire_telemetry::LogOutput;

    use super::*;

    fn check(status: u16, retry_after: Option<&str>, expected: Result<Option<&str>, Refusal>) {
        let telemetry = Telemetry::service("messages").log_output(LogOutput::Nowhere);
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(784_111_770)));
        let key = Secret::from("key".to_owned());
        let url = "http://localhost/".to_owned();
        let wire = HttpWire::new(url, key, &telemetry.start().unwrap(), clock).unwrap();
        let wait = retry_after.map(|wait| (RETRY_AFTER, wait.parse().unwrap()));
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: wait.into_iter().collect(),
            body: br#"{"id":"p-1"}"#.to_vec(),
        };
        let judged = wire.judge(&answer);
        let expected = expected.map(|id| id.map(str::to_owned));
        assert_eq!(judged, expected, "{status} {retry_after:?}");
    }

    #[test]
    fn an_answer_says_whether_the_message_was_taken() {
        let seconds = |seconds| Refusal::Throttled(Some(Duration::from_secs(seconds)));
        let told = |status: u16| format!("it answered {status}");
        check(202, None, Ok(Some("p-1")));
        check(429, None, Err(Refusal::Throttled(None)));
        check(429, Some("7"), Err(seconds(7)));
        check(429, Some("Sun, 06 Nov 1994 08:49:37 GMT"), Err(seconds(7)));
        check(429, Some("Sun, 06 Nov 1994 08:49:00 GMT"), Err(seconds(0)));
        check(429, Some("90000"), Err(seconds(3_600)));
        check(503, Some("2"), Err(seconds(2)));
        check(503, Some("soon"), Err(Refusal::Unavailable(told(503))));
        check(401, None, Err(Refusal::Unavailable(told(401))));
        check(502, None, Err(Refusal::Unclear(told(502))));
        check(409, None, Err(Refusal::Unclear(told(409))));
        check(422, None, Err(Refusal::Rejected(told(422))));
        check(402, None, Err(Refusal::Unavailable(told(402))));
        check(404, None, Err(Refusal::Unavailable(told(404))));
    }
}
