//! Probes: from here it is tried whether something answers, as its users would, so that a failure of
//! the network can wake somebody.
//!
//! Names of series are those of Prometheus' blackbox exporter. A probe never takes longer than its
//! time, and has a task of its own.

mod certificate;
mod connection;
mod dns;
mod dns_message;
mod entry;
mod findings;
mod http;
mod prober;
mod tls;

use std::time::Duration;

use regex::Regex;

pub use entry::ProbeEntry;
pub use prober::Prober;

use dns_message::RecordType;

/// Something to try again and again.
#[derive(Debug, Clone)]
pub struct ProbeConfig {
    /// What it is called.
    pub name: String,
    pub(crate) target: String,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    pub(crate) kind: ProbeKind,
}

#[derive(Debug, Clone)]
pub(crate) enum ProbeKind {
    Http(Box<HttpProbe>),
    Tcp(TcpProbe),
    Dns(DnsProbe),
}

/// A request, and what its answer must be like.
#[derive(Debug, Clone)]
pub(crate) struct HttpProbe {
    pub(crate) url: ::http::Uri,
    pub(crate) method: ::http::Method,
    pub(crate) headers: ::http::HeaderMap,
    pub(crate) body: String,
    /// Empty: any of 200 to 299.
    pub(crate) expected_status: Vec<u16>,
    pub(crate) expected_body: Option<Regex>,
    pub(crate) follow_redirects: bool,
    pub(crate) insecure_skip_verify: bool,
}

/// A connection, with or without TLS.
#[derive(Debug, Clone)]
pub(crate) struct TcpProbe {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) insecure_skip_verify: bool,
}

/// A question to a name server, and what it must answer.
#[derive(Debug, Clone)]
pub(crate) struct DnsProbe {
    /// Host and port; none: the first name server of this system.
    pub(crate) server: Option<(String, u16)>,
    pub(crate) name: String,
    pub(crate) record: RecordType,
    /// Each must be among the answers.
    pub(crate) expected: Vec<String>,
    pub(crate) over_tcp: bool,
}
