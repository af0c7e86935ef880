//! A running server, asked over HTTP as anybody else would.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// No answer of the server takes longer.
const TIME: Duration = Duration::from_mins(2);

/// Where the server is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client,
    server: Url,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0:?} is no address of a server; write for example http://127.0.0.1:7117")]
    Address(String),
    #[error("{server} cannot be reached")]
    Unreachable {
        server: String,
        /// Whether the server may have got the request all the same.
        perhaps_received: bool,
        #[source]
        source: reqwest::Error,
    },
    #[error("{detail}")]
    Refused {
        status: StatusCode,
        detail: String,
        /// Where in the query, counted in characters from 1.
        column: Option<usize>,
        retry_after: Option<Duration>,
    },
    #[error("{server} does not answer as a Watchfire does")]
    Strange {
        server: String,
        #[source]
        source: reqwest::Error,
    },
}

/// An error as our own API tells it.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
    column: Option<usize>,
}

impl Api {
    pub(crate) fn new(server: &str) -> Result<Self, ApiError> {
        let wrong = || ApiError::Address(server.to_owned());
        let full = if server.contains("://") {
            server.to_owned()
        } else {
            format!("http://{server}")
        };
        let server = Url::parse(&full).map_err(|_| wrong())?;
        if !matches!(server.scheme(), "http" | "https") || !server.has_host() {
            return Err(wrong());
        }
        let client = Client::builder().connect_timeout(Duration::from_secs(10));
        let client = client.build().map_err(|_| wrong())?;
        Ok(Self { client, server })
    }

    /// The server's address, to name it in a message.
    pub(crate) fn server(&self) -> String {
        self.server.as_str().trim_end_matches('/').to_owned()
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        let url = self.url(path, parameters);
        self.answer(self.client.get(url).timeout(TIME)).await
    }

    /// An answer that comes bit by bit and does not end.
    pub(crate) async fn stream(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Response, ApiError> {
        self.sent(self.client.get(self.url(path, parameters))).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<T, ApiError> {
        let request = self.client.post(self.url(path, &[])).headers(headers);
        self.answer(request.timeout(TIME).body(body)).await
    }

    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, ApiError> {
        let request = self.client.put(self.url(path, &[]));
        let request = request.header(CONTENT_TYPE, "application/json");
        self.answer(request.timeout(TIME).body(body.to_string()))
            .await
    }

    pub(crate) async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<T, ApiError> {
        let request = self.client.delete(self.url(path, parameters));
        self.answer(request.timeout(TIME)).await
    }

    fn url(&self, path: &str, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    async fn answer<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = self.sent(request).await?;
        let server = self.server();
        response.json().await.map_err(|source| {
            if source.is_decode() {
                ApiError::Strange { server, source }
            } else {
                self.unreachable(source)
            }
        })
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await;
        let response = response.map_err(|source| self.unreachable(source))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await.unwrap_or_default();
        let mut problem: Problem = serde_json::from_str(&text).unwrap_or_default();
        if problem.detail.is_empty() {
            problem.detail = format!("{} answers {status}", self.server());
        }
        Err(ApiError::Refused {
            status,
            detail: problem.detail,
            column: problem.column,
            retry_after: seconds.map(Duration::from_secs),
        })
    }

    fn unreachable(&self, source: reqwest::Error) -> ApiError {
        ApiError::Unreachable {
            server: self.server(),
            perhaps_received: !source.is_connect(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let check = |server: &str, expected: Option<&str>| {
            let api = Api::new(server).ok();
            let url = api.map(|api| api.url("/api/v1/logs", &[("q", "a b&c")]).to_string());
            assert_eq!(url.as_deref(), expected, "{server}");
        };
        let query = "/api/v1/logs?q=a+b%26c";
        check(
            "127.0.0.1:7117",
            Some(&format!("http://127.0.0.1:7117{query}")),
        );
        check("http://fire/", Some(&format!("http://fire{query}")));
        check("https://x/watch", Some(&format!("https://x/watch{query}")));
        check("ftp://x", None);
        check("", None);
    }
}
