use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use watchfire_telemetry::Telemetry;

use crate::failure::{Failure, Kind, frame};

/// Calls one other service, each call in a client span whose context goes along.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    telemetry: Telemetry,
    /// `http://host:port`.
    base: String,
}

/// A whole answer. Its body is bounded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// The route, for the span's name: `/places/{id}`.
    pub(crate) template: &'a str,
    pub(crate) path_and_query: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What an HTTP client says went wrong.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{base} refused the connection")]
    Connect {
        base: String,
        #[source]
        source: BoxError,
    },
    #[error("{base} did not answer in time")]
    TimedOut {
        base: String,
        #[source]
        source: BoxError,
    },
    #[error("the exchange with {base} broke off")]
    Broken {
        base: String,
        #[source]
        source: BoxError,
    },
    #[error("{base} answered with more than {} bytes", Client::MAX_ANSWER)]
    TooLarge { base: String },
}

impl Kind for CallError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "CallError::Connect",
            Self::TimedOut { .. } => Self::TIMED_OUT,
            Self::Broken { .. } => "CallError::Broken",
            Self::TooLarge { .. } => "CallError::TooLarge",
        }
    }
}

impl CallError {
    pub(crate) const TIMED_OUT: &'static str = "CallError::TimedOut";
}

impl Client {
    /// A page of the largest size with everything included stays far below it.
    const MAX_ANSWER: usize = 8 << 20;
    const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// A client of the service at `server`, which is plain HTTP on this machine.
    pub(crate) fn new(
        server: std::net::SocketAddr,
        telemetry: &Telemetry,
    ) -> Result<Self, reqwest::Error> {
        Self::at(format!("http://{server}"), telemetry)
    }

    /// A client of the service at `base`: `http://host:port`.
    pub(crate) fn at(base: String, telemetry: &Telemetry) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: http(Self::CONNECT_TIMEOUT, Self::TIMEOUT)?,
            telemetry: telemetry.clone(),
            base,
        })
    }

    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let url = format!("{}{}", self.base, call.path_and_query);
        let traced = self
            .telemetry
            .client_call(&call.method, &url)
            .template(call.template);
        let send = |context: HeaderMap| {
            let request = self.http.request(call.method, url).headers(call.headers);
            self.exchange(request.headers(context).body(call.body))
        };
        traced.send(send, |answer| answer.status).await
    }

    async fn exchange(&self, request: reqwest::RequestBuilder) -> Result<Answer, Failure> {
        let broken = |error| Failure::new(self.error(error), frame!("Client::exchange"));
        let mut response = request.send().await.map_err(broken)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > Self::MAX_ANSWER {
                let base = self.base.clone();
                return Err(Failure::new(
                    CallError::TooLarge { base },
                    frame!("Client::exchange"),
                ));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            body,
        })
    }

    fn error(&self, source: reqwest::Error) -> CallError {
        let base = self.base.clone();
        // The address is in our own message already.
        let error = source.without_url();
        let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
        let source = error.into();
        if is_timeout {
            CallError::TimedOut { base, source }
        } else if is_connect {
            CallError::Connect { base, source }
        } else {
            CallError::Broken { base, source }
        }
    }
}

/// A pooled HTTP client. No redirects are followed and no proxy is asked.
pub(crate) fn http(
    connect_timeout: Duration,
    timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    // Fails if the process has a provider already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
