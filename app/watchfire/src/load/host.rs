use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::failure::Failure;
use super::wire::{Bytes, Wire};

/// Where requests go: scheme, name and port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    is_tls: bool,
    authority: Authority,
}

/// An origin whose addresses are known.
pub(crate) struct Host {
    addresses: Vec<SocketAddr>,
    next: AtomicUsize,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Why a host cannot be spoken to at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    #[error("{0:?} is no address of a server; write for example http://127.0.0.1:7118")]
    Address(String),
    #[error(
        "user and password in an address would be seen by all; give --header 'authorization: …'"
    )]
    UserInfo,
    #[error("the name {0} has no address")]
    Name(String),
    #[error("the name {name} cannot be looked up")]
    LookUp {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{0}")]
    Tls(String),
    #[error("nobody that is trusted vouches for {0}; --ca FILE names authorities that are")]
    Unvouched(Origin, #[source] rustls::Error),
    #[error("the certificate of {0} does not hold")]
    Certificate(Origin, #[source] rustls::Error),
    #[error("{0} does not speak TLS as we do")]
    Handshake(Origin, #[source] rustls::Error),
}

/// How long a server may take to show its certificate before a run; one that takes longer shows in
/// the run's figures.
const GREETING: Duration = Duration::from_secs(5);

impl Origin {
    /// The origin, and what of the address comes after it.
    pub(crate) fn split(text: &str) -> Result<(Self, &str), HostError> {
        let wrong = || HostError::Address(text.to_owned());
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err(HostError::UserInfo);
        }
        let uri: Uri = format!("{scheme}://{authority}/")
            .parse()
            .map_err(|_| wrong())?;
        let parts = uri.into_parts();
        let is_tls = match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP => false,
            Some(scheme) if scheme == Scheme::HTTPS => true,
            _ => return Err(wrong()),
        };
        let authority = parts
            .authority
            .filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or_else(wrong)?;
        if authority.as_str().ends_with(':') || rest.contains('#') {
            return Err(wrong());
        }
        Ok((Self { is_tls, authority }, rest))
    }

    /// As the header `host` has it.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Looks its addresses up, and whether it is to be trusted if it is there. `authorities` is a PEM
    /// file of who may vouch for it in place of this system's.
    pub(crate) async fn host(&self, authorities: Option<&Path>) -> Result<Host, HostError> {
        let name = self.authority.host();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let port = self.authority.port_u16();
        let port = port.unwrap_or(if self.is_tls { 443 } else { 80 });
        let found = tokio::net::lookup_host((name, port)).await;
        let found = found.map_err(|source| HostError::LookUp {
            name: name.to_owned(),
            source,
        })?;
        let addresses: Vec<_> = found.collect();
        if addresses.is_empty() {
            return Err(HostError::Name(name.to_owned()));
        }
        let tls = if self.is_tls {
            let server = ServerName::try_from(name.to_owned());
            let server = server.map_err(|_| HostError::Address(self.to_string()))?;
            Some((connector(authorities).map_err(HostError::Tls)?, server))
        } else {
            None
        };
        let host = Host {
            addresses,
            next: AtomicUsize::new(0),
            tls,
        };
        // One that is not there, or no longer, is a figure of the run.
        match tokio::time::timeout(GREETING, host.greet()).await {
            Ok(Some(error)) => Err(self.refused(error)),
            Ok(None) | Err(_) => Ok(host),
        }
    }

    fn refused(&self, error: rustls::Error) -> HostError {
        use rustls::{CertificateError, Error};

        let origin = self.clone();
        match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                HostError::Unvouched(origin, error)
            }
            Error::InvalidCertificate(_) => HostError::Certificate(origin, error),
            _ => HostError::Handshake(origin, error),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Host").field(&self.addresses).finish()
    }
}

impl Host {
    /// What is wrong with its TLS, if it has any and answers.
    async fn greet(&self) -> Option<rustls::Error> {
        let (connector, name) = self.tls.as_ref()?;
        let stream = TcpStream::connect(self.addresses[0]).await.ok()?;
        let refused = connector.connect(name.clone(), stream).await.err()?;
        let error = refused.into_inner()?.downcast::<rustls::Error>();
        error.ok().map(|error| *error)
    }

    /// A new connection, to its addresses in turn.
    pub(super) async fn connect(&self, bytes: Rc<Bytes>) -> Result<Wire, Failure> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let address = self.addresses[turn % self.addresses.len()];
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| Failure::of_connecting(&error))?;
        let at_once = stream.set_nodelay(true);
        at_once.map_err(|error| Failure::of_connecting(&error))?;
        match &self.tls {
            None => Ok(Wire::plain(stream, bytes)),
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.map_err(|_| Failure::Tls)?;
                Ok(Wire::tls(stream, bytes))
            }
        }
    }
}

fn connector(authorities: Option<&Path>) -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = if let Some(file) = authorities {
        builder
            .with_root_certificates(
                roots(file).map_err(|told| format!("{}: {told}", file.display()))?,
            )
            .with_no_client_auth()
    } else {
        let verifier = Verifier::new(provider)
            .map_err(|_| "this machine has no trusted root certificates (ca-certificates)")?;
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The certificates of a PEM file.
fn roots(file: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    for certificate in found {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate".to_owned());
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_split_into_origin_and_rest() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = Origin::split(text).ok();
            let found = found.map(|(origin, rest)| (origin.to_string(), rest));
            let expected = expected.map(|(origin, rest)| (origin.to_owned(), rest));
            assert_eq!(found, expected, "{text}");
        };
        check("http://a:1/b?c=d", Some(("http://a:1", "/b?c=d")));
        check("https://shop.example", Some(("https://shop.example", "")));
        check(
            "127.0.0.1:80/{{pick a,b}}",
            Some(("http://127.0.0.1:80", "/{{pick a,b}}")),
        );
        check("http://[::1]:80?x", Some(("http://[::1]:80", "?x")));
        check("ftp://a", None);
        check("http://", None);
        check("http://a:", None);
        check("http://a b/", None);
        check("http://user:pw@a/", None);
        check("http://a/#part", None);
        check("", None);
    }
}
