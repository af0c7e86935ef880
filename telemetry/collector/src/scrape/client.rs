use std::error::Error;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use async_trait::async_trait;
use flate2::write::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, RequestBuilder, Response};
use watchfire_schemas::ExpositionFormat;

use super::config::{Credentials, Fallback, Hidden, RequestConfig, TlsConfig};
use super::failure::{FailureReason, ScrapeFailure};

/// What a target exposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exposed {
    pub(crate) text: String,
    pub(crate) format: ExpositionFormat,
}

/// Asks a target for what it exposes.
#[async_trait]
pub(crate) trait Fetch: Send + Sync + fmt::Debug {
    /// `timeout` is told to the target; who calls ends the request then.
    async fn fetch(&self, url: &str, timeout: Duration) -> Result<Exposed, ScrapeFailure>;
}

/// Asks over HTTP. The targets of a job share it.
#[derive(Debug)]
pub(crate) struct HttpFetch {
    client: Client,
    config: RequestConfig,
}

impl HttpFetch {
    /// Certificates and keys are read here.
    pub(crate) fn new(config: &RequestConfig) -> Result<Self, ScrapeFailure> {
        let redirects = if config.follow_redirects {
            Policy::limited(10)
        } else {
            Policy::none()
        };
        let builder = Client::builder()
            .user_agent(concat!("Watchfire/", env!("CARGO_PKG_VERSION")))
            .redirect(redirects)
            .no_proxy()
            .pool_max_idle_per_host(1)
            .http1_only();
        let client = with_tls(builder, &config.tls)?.build().map_err(|error| {
            FailureReason::Credentials.because(format!("no client can be made: {}", causes(&error)))
        })?;
        Ok(Self {
            client,
            config: config.clone(),
        })
    }

    async fn request(&self, url: &str, timeout: Duration) -> Result<RequestBuilder, ScrapeFailure> {
        let mut headers = HeaderMap::new();
        if let Ok(accept) = HeaderValue::from_str(&self.config.accept) {
            headers.insert(ACCEPT, accept);
        }
        let encoding = if self.config.compression {
            "gzip"
        } else {
            "identity"
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if let Ok(seconds) = HeaderValue::from_str(&timeout.as_secs_f64().to_string()) {
            headers.insert("x-prometheus-scrape-timeout-seconds", seconds);
        }
        let request = self.client.get(url).headers(headers);
        Ok(match &self.config.credentials {
            Credentials::None => request,
            Credentials::Basic { username, password } => {
                request.basic_auth(username, Some(revealed(password).await?))
            }
            Credentials::Authorization {
                scheme,
                credentials,
            } => {
                let secret = revealed(credentials).await?;
                let value = HeaderValue::from_str(format!("{scheme} {secret}").trim());
                let mut value = value.map_err(|_| {
                    FailureReason::Credentials.because("the credentials cannot stand in a header")
                })?;
                value.set_sensitive(true);
                request.header(AUTHORIZATION, value)
            }
        })
    }

    /// The body, decompressed, bounded at every step.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ScrapeFailure> {
        let encoding = response.headers().get(CONTENT_ENCODING).cloned();
        let mut plain = match encoding.as_ref().map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => {
                Inflating::Plain(Bounded::new(self.config.largest_body()))
            }
            Some(b"gzip") => Inflating::Gzip(Box::new(MultiGzDecoder::new(Bounded::new(
                self.config.largest_body(),
            )))),
            Some(other) => {
                let name = String::from_utf8_lossy(other).into_owned();
                return Err(
                    FailureReason::Malformed.because(format!("the body is encoded as {name:?}"))
                );
            }
        };
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| unreachable(&error))?
        {
            plain
                .take(&chunk)
                .map_err(|error| self.body_fault(&error))?;
        }
        plain.finish().map_err(|error| self.body_fault(&error))
    }

    fn body_fault(&self, error: &std::io::Error) -> ScrapeFailure {
        if error.kind() == std::io::ErrorKind::FileTooLarge {
            let limit = self.config.largest_body();
            return FailureReason::BodySize
                .because(format!("the body is larger than {limit} bytes"));
        }
        FailureReason::Malformed.because(format!("the body is not gzip: {error}"))
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self, url: &str, timeout: Duration) -> Result<Exposed, ScrapeFailure> {
        let request = self.request(url, timeout).await?;
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(FailureReason::Status.because(format!("the server answered {status}")));
        }
        let format = format_of(response.headers(), self.config.fallback);
        let body = self.body(response).await?;
        let text = String::from_utf8(body).map_err(|error| {
            let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = before.split(|byte| *byte == b'\n').count();
            FailureReason::Malformed.because(format!("line {line}: not UTF-8"))
        })?;
        Ok(Exposed { text, format })
    }
}

fn format_of(headers: &HeaderMap, fallback: Fallback) -> ExpositionFormat {
    let said = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media = said
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    match media.trim().to_ascii_lowercase().as_str() {
        "application/openmetrics-text" => ExpositionFormat::OpenMetrics,
        "text/plain" => ExpositionFormat::Text,
        _ => match fallback {
            Fallback::Text => ExpositionFormat::Text,
            Fallback::OpenMetrics => ExpositionFormat::OpenMetrics,
        },
    }
}

fn with_tls(
    mut builder: reqwest::ClientBuilder,
    tls: &TlsConfig,
) -> Result<reqwest::ClientBuilder, ScrapeFailure> {
    let wrong = |what: &str, error: &dyn fmt::Display| {
        FailureReason::Credentials.because(format!("{what}: {error}"))
    };
    if let Some(ca) = &tls.ca {
        let pem = revealed_now(ca)?;
        let certificates = Certificate::from_pem_bundle(pem.as_bytes());
        let certificates = certificates.map_err(|error| wrong("ca", &causes(&error)))?;
        builder = builder.tls_certs_only(certificates);
    }
    if let (Some(cert), Some(key)) = (&tls.cert, &tls.key) {
        let pem = format!("{}\n{}\n", revealed_now(cert)?, revealed_now(key)?);
        let identity = Identity::from_pem(pem.as_bytes());
        builder =
            builder.identity(identity.map_err(|error| wrong("cert and key", &causes(&error)))?);
    }
    Ok(builder.tls_danger_accept_invalid_certs(tls.insecure_skip_verify))
}

/// A secret without the blanks around it.
async fn revealed(secret: &Hidden) -> Result<String, ScrapeFailure> {
    match secret {
        Hidden::Written(text) => Ok(text.clone()),
        Hidden::File(path) => {
            let text = tokio::fs::read_to_string(path).await;
            text.map(|text| text.trim().to_owned())
                .map_err(|error| unreadable(path, &error))
        }
    }
}

fn revealed_now(secret: &Hidden) -> Result<String, ScrapeFailure> {
    match secret {
        Hidden::Written(text) => Ok(text.clone()),
        Hidden::File(path) => {
            std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
        }
    }
}

fn unreadable(path: &std::path::Path, error: &std::io::Error) -> ScrapeFailure {
    FailureReason::Credentials.because(format!("{}: {error}", path.display()))
}

fn unreachable(error: &reqwest::Error) -> ScrapeFailure {
    FailureReason::Unreachable.because(causes(error))
}

/// The innermost causes of an error, without the URL, which may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push(error.to_string());
        cause = error.source();
    }
    if told.is_empty() {
        return if error.is_redirect() {
            "too many redirects".to_owned()
        } else {
            "the request failed".to_owned()
        };
    }
    told.join(": ")
}

/// Bytes up to a limit.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Bounded {
    fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Inflating {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Inflating {
    fn take(&mut self, chunk: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(bytes) => bytes.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
        }
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        Ok(match self {
            Self::Plain(bytes) => bytes.bytes,
            Self::Gzip(decoder) => decoder.finish()?.bytes,
        })
    }
}
