//! How we make ourselves known to an HTTP server, and it to us.

use std::path::PathBuf;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, ClientBuilder, Proxy};

use super::failure::{Failure, FailureReason};
use super::secret::Secret;
use super::secret_source::SecretSource;

/// Nothing of it for most destinations.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpAccess {
    pub authorization: Option<Authorization>,
    /// Further header fields.
    pub headers: Vec<(HeaderName, SecretSource)>,
    /// An address that may hold a password.
    pub proxy: Option<Secret>,
    /// Whom to trust, in place of the system's authorities.
    pub authorities: Option<Authorities>,
    pub accepts_invalid_certificates: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Authorization {
    Basic {
        user: SecretSource,
        password: Option<SecretSource>,
    },
    /// Such as `Bearer`.
    Scheme {
        scheme: String,
        credentials: SecretSource,
    },
}

/// Certificates in PEM.
#[derive(Debug, Clone)]
pub(crate) enum Authorities {
    Written(String),
    File(PathBuf),
}

impl Authorities {
    pub(crate) fn pem(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Written(text) => Ok(text.clone().into_bytes()),
            Self::File(path) => std::fs::read(path)
                .map_err(|error| format!("{} cannot be read: {}", path.display(), error.kind())),
        }
    }
}

impl HttpAccess {
    /// What the client itself has to know.
    pub(super) fn apply(&self, mut client: ClientBuilder) -> Result<ClientBuilder, String> {
        if let Some(proxy) = &self.proxy {
            let proxy = Proxy::all(proxy.expose()).map_err(|_| "the proxy's URL is not a URL")?;
            client = client.proxy(proxy);
        }
        if let Some(authorities) = &self.authorities {
            let certificates = Certificate::from_pem_bundle(&authorities.pem()?)
                .map_err(|_| "the authorities' certificates are not PEM")?;
            client = client.tls_certs_only(certificates);
        }
        Ok(client.tls_danger_accept_invalid_certs(self.accepts_invalid_certificates))
    }

    /// The header fields of an attempt, and all secrets in them, so that no error repeats one.
    pub(super) async fn headers(&self) -> Result<(HeaderMap, Vec<Secret>), Failure> {
        let mut headers = HeaderMap::new();
        let mut secrets = Vec::new();
        match &self.authorization {
            None => {}
            Some(Authorization::Basic { user, password }) => {
                use base64::Engine as _;
                let user = user.read().await?;
                let password = match password {
                    Some(password) => password.read().await?,
                    None => Secret::from(""),
                };
                let pair = format!("{}:{}", user.expose(), password.expose());
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                headers.insert(AUTHORIZATION, sensitive(&format!("Basic {encoded}"))?);
                secrets.extend([password, Secret::from(encoded)]);
            }
            Some(Authorization::Scheme {
                scheme,
                credentials,
            }) => {
                let credentials = credentials.read().await?;
                let value = format!("{scheme} {}", credentials.expose());
                headers.insert(AUTHORIZATION, sensitive(&value)?);
                secrets.push(credentials);
            }
        }
        for (name, value) in &self.headers {
            let value = value.read().await?;
            headers.append(name, sensitive(value.expose())?);
            secrets.push(value);
        }
        Ok((headers, secrets))
    }
}

pub(super) fn sensitive(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value).map_err(|_| Failure {
        reason: FailureReason::Refused,
        http_status: None,
        retry_after: None,
        text: "a header field cannot hold what it should".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
