//! A Slack app: one message for an incident, kept up to date, and what happened in its thread.

use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use watchfire_schemas::Timestamp;

use super::access::sensitive;
use super::client::{network_failure, text_of};
use super::failure::{Answer, Failure, FailureReason, judge};
use super::{DestinationKind, Secret};

/// Which message it is: what Slack wants to know to change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub channel: String,
    pub ts: String,
}

/// A message as it is kept: the one of the incident, and a line for its thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BotMessage {
    pub message: Map<String, Value>,
    /// What is said in the thread when the message is changed.
    #[serde(default)]
    pub reply: Option<String>,
}

/// Slack's Web API, as one app.
pub(super) struct Api<'a> {
    pub http: &'a reqwest::Client,
    pub base: &'a Secret,
    pub token: &'a Secret,
    pub at: Timestamp,
}

impl Api<'_> {
    /// Posts the message, or changes the one that was posted and says in its thread what happened.
    pub(super) async fn tell(
        &self,
        channel: &str,
        kept: BotMessage,
        known: Option<&Receipt>,
    ) -> Result<Receipt, Failure> {
        let Some(known) = known else {
            return self.post(channel, kept.message).await;
        };
        let mut changed = kept.message.clone();
        changed.insert("channel".to_owned(), json!(known.channel));
        changed.insert("ts".to_owned(), json!(known.ts));
        match self.call("chat.update", &changed).await {
            Ok(_) => {}
            // Somebody deleted it: the incident gets another one.
            Err(failure) if failure.text.contains("message_not_found") => {
                return self.post(channel, kept.message).await;
            }
            Err(failure) => return Err(failure),
        }
        if let Some(text) = kept.reply {
            let reply = json!({"channel": known.channel, "thread_ts": known.ts, "text": text});
            let reply = reply.as_object().cloned().unwrap_or_default();
            self.call("chat.postMessage", &reply).await?;
        }
        Ok(known.clone())
    }

    async fn post(
        &self,
        channel: &str,
        mut message: Map<String, Value>,
    ) -> Result<Receipt, Failure> {
        message.insert("channel".to_owned(), json!(channel));
        let answer = self.call("chat.postMessage", &message).await?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        match (text("channel"), text("ts")) {
            (Some(channel), Some(ts)) => Ok(Receipt { channel, ts }),
            _ => Err(Failure {
                reason: FailureReason::UnexpectedAnswer,
                http_status: Some(200),
                retry_after: None,
                text: "Slack does not say which message it posted".to_owned(),
            }),
        }
    }

    async fn call(
        &self,
        method: &str,
        body: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Failure> {
        let url = format!("{}/{method}", self.base.expose().trim_end_matches('/'));
        let bearer = sensitive(&format!("Bearer {}", self.token.expose()))?;
        let sent = self.http.post(url).header(AUTHORIZATION, bearer).json(body);
        let response = sent.send().await.map_err(|it| network_failure(&it))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let body = text_of(response).await?;
        let answer = Answer {
            status,
            retry_after,
            body,
        };
        judge(DestinationKind::SlackBot, &answer, self.at)?;
        Ok(serde_json::from_str(&answer.body).unwrap_or_default())
    }
}
