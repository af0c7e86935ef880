use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use super::TcpProbe;
use super::findings::Findings;
use super::tls::Recording;

/// Bytes both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// How long each step took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Steps {
    pub(crate) resolve: Duration,
    pub(crate) connect: Duration,
    pub(crate) tls: Option<Duration>,
}

/// Where to connect to.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) insecure_skip_verify: bool,
}

impl Endpoint {
    /// Opens a connection. What was found out is written down step by step, so that it is known when
    /// the next step fails.
    pub(crate) async fn connect(
        &self,
        findings: &mut Findings,
        steps: &mut Steps,
    ) -> Result<Box<dyn Stream>, String> {
        let began = Instant::now();
        let addresses = resolve(&self.host, self.port).await;
        steps.resolve = began.elapsed();
        findings.put("probe_dns_lookup_time_seconds", steps.resolve.as_secs_f64());
        let addresses = addresses?;
        let began = Instant::now();
        let connected = connect_to_any(&addresses).await;
        steps.connect = began.elapsed();
        let (stream, address) = connected?;
        findings.put(
            "probe_ip_protocol",
            if address.is_ipv4() { 4.0 } else { 6.0 },
        );
        if !self.tls {
            return Ok(Box::new(stream));
        }
        let began = Instant::now();
        let secured = self.secure(stream, findings).await;
        steps.tls = Some(began.elapsed());
        secured
    }

    async fn secure(
        &self,
        stream: TcpStream,
        findings: &mut Findings,
    ) -> Result<Box<dyn Stream>, String> {
        let recording = Recording::new(self.insecure_skip_verify)?;
        let connector = TlsConnector::from(Arc::new(recording.client()?));
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| format!("{:?} cannot stand in a certificate", self.host))?;
        let secured = connector.connect(name, stream).await;
        if let Some(end) = recording.earliest_end() {
            findings.put("probe_ssl_earliest_cert_expiry", end.as_secs_f64());
        }
        let secured = secured.map_err(|error| format!("no TLS: {error}"))?;
        Ok(Box::new(secured))
    }
}

impl TcpProbe {
    /// Whether a connection can be made; why not, if not.
    pub(crate) async fn run(&self, findings: &mut Findings) -> Result<(), String> {
        let endpoint = Endpoint {
            host: self.host.clone(),
            port: self.port,
            tls: self.tls,
            insecure_skip_verify: self.insecure_skip_verify,
        };
        let mut steps = Steps::default();
        endpoint.connect(findings, &mut steps).await.map(drop)
    }
}

pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = lookup_host((host, port)).await;
    let found = found.map_err(|error| format!("{host} is not known: {error}"))?;
    let addresses: Vec<SocketAddr> = found.collect();
    if addresses.is_empty() {
        return Err(format!("{host} has no address"));
    }
    Ok(addresses)
}

/// The first address that takes a connection.
async fn connect_to_any(addresses: &[SocketAddr]) -> Result<(TcpStream, SocketAddr), String> {
    let mut refused = String::new();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => refused = format!("{address}: {error}"),
        }
    }
    Err(refused)
}
