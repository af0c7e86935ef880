use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;
use watchfire_telemetry::Telemetry;

use crate::client;
use crate::failure::{Failure, Kind, Via, frame};
use crate::payments::pipeline::{NotTaken, Pipeline, Taken};
use crate::payments::relay::Delivery;
use crate::secret::Secret;
use crate::signature::{ENCODED, signed};
use crate::sql;
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
                sql::query_as("SELECT url, secret FROM subscribers WHERE id = ?")
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

/// A secret that a subscriber can check our signatures with.
pub(crate) fn draw_secret() -> Secret {
    let key: [u8; 24] = rand::random();
    Secret::from(format!("{ENCODED}{}", STANDARD.encode(key)))
}
