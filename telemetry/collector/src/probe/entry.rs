use std::collections::BTreeMap;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use regex::Regex;
use serde::Deserialize;

use super::dns_message::RecordType;
use super::{DnsProbe, HttpProbe, ProbeConfig, ProbeKind, TcpProbe};
use crate::scrape::quantity::parse_duration;

/// A probe as written in a configuration file.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ProbeEntry {
    /// A request over HTTP.
    Http {
        /// What it is called.
        name: String,
        /// A URL.
        target: String,
        /// How often; 15s where it is not said.
        every: Option<String>,
        /// How long it may take; 10s where it is not said.
        timeout: Option<String>,
        /// `GET` where it is not said.
        method: Option<String>,
        /// Sent with the request.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Sent with the request.
        #[serde(default)]
        body: String,
        /// Any of these; where none is said, 200 to 299.
        #[serde(default)]
        expected_status: Vec<u16>,
        /// A regular expression that must be found in the answer's body.
        expected_body: Option<String>,
        /// Yes where it is not said.
        follow_redirects: Option<bool>,
        /// Takes any certificate.
        #[serde(default)]
        insecure_skip_verify: bool,
    },
    /// A connection.
    Tcp {
        /// What it is called.
        name: String,
        /// Host and port.
        target: String,
        /// As above.
        every: Option<String>,
        /// As above.
        timeout: Option<String>,
        /// Whether to speak TLS.
        #[serde(default)]
        tls: bool,
        /// Takes any certificate.
        #[serde(default)]
        insecure_skip_verify: bool,
    },
    /// A question to a name server.
    Dns {
        /// What it is called.
        name: String,
        /// The name server, with or without port; this system's where it is not said.
        target: Option<String>,
        /// As above.
        every: Option<String>,
        /// As above.
        timeout: Option<String>,
        /// The name to ask for.
        query_name: String,
        /// `A` where it is not said.
        query_type: Option<String>,
        /// Each must be among the answers.
        #[serde(default)]
        expected: Vec<String>,
        /// `udp` or `tcp`.
        transport: Option<String>,
    },
}

impl ProbeEntry {
    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Http { name, .. } | Self::Tcp { name, .. } | Self::Dns { name, .. } => name,
        }
    }

    /// What is meant, or what is wrong with it.
    pub fn meaning(self) -> Result<ProbeConfig, String> {
        let named = self.name().to_owned();
        if named.is_empty() {
            return Err("a probe needs a name".to_owned());
        }
        let read = match self {
            Self::Http { .. } => http(self),
            Self::Tcp { .. } => tcp(self),
            Self::Dns { .. } => dns(self),
        };
        read.map_err(|reason| format!("{named:?}: {reason}"))
    }
}

fn config(
    (name, target): (String, String),
    (every, timeout): (Option<String>, Option<String>),
    kind: ProbeKind,
) -> Result<ProbeConfig, String> {
    let read = |key: &str, text: Option<String>, default: Duration| match text {
        None => Ok(default),
        Some(text) => match parse_duration(&text) {
            Ok(Duration::ZERO) => Err(format!("{key} must be longer than nothing")),
            read => read.map_err(|reason| format!("{key}: {reason}")),
        },
    };
    let every = read("every", every, Duration::from_secs(15))?;
    let timeout = read("timeout", timeout, every.min(Duration::from_secs(10)))?;
    if timeout > every {
        return Err("timeout is longer than every".to_owned());
    }
    Ok(ProbeConfig {
        name,
        target,
        every,
        timeout,
        kind,
    })
}

fn http(entry: ProbeEntry) -> Result<ProbeConfig, String> {
    let ProbeEntry::Http {
        name,
        target,
        every,
        timeout,
        method,
        headers,
        body,
        expected_status,
        expected_body,
        follow_redirects,
        insecure_skip_verify,
    } = entry
    else {
        unreachable!("asked for HTTP only")
    };
    let url: Uri = target
        .parse()
        .map_err(|_| format!("{target:?} is no URL"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(format!(
            "{target:?} does not begin with http:// or https://"
        ));
    }
    let method = method.unwrap_or_else(|| "GET".to_owned());
    let expected_body = expected_body.map(|text| Regex::new(&text)).transpose();
    let kind = ProbeKind::Http(Box::new(HttpProbe {
        url,
        method: Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("{method:?} is no method"))?,
        headers: header_map(&headers)?,
        body,
        expected_status,
        expected_body: expected_body.map_err(|error| format!("expected_body: {error}"))?,
        follow_redirects: follow_redirects.unwrap_or(true),
        insecure_skip_verify,
    }));
    config((name, target), (every, timeout), kind)
}

fn header_map(headers: &BTreeMap<String, String>) -> Result<HeaderMap, String> {
    let pairs = headers.iter().map(|(name, value)| {
        let header = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(value);
        match (header, value) {
            (Ok(header), Ok(value)) => Ok((header, value)),
            _ => Err(format!("{name:?} or its value cannot stand in a header")),
        }
    });
    pairs.collect()
}

fn tcp(entry: ProbeEntry) -> Result<ProbeConfig, String> {
    let ProbeEntry::Tcp {
        name,
        target,
        every,
        timeout,
        tls,
        insecure_skip_verify,
    } = entry
    else {
        unreachable!("asked for TCP only")
    };
    let (host, port) = host_and_port(&target, None)?;
    let kind = ProbeKind::Tcp(TcpProbe {
        host,
        port,
        tls,
        insecure_skip_verify,
    });
    config((name, target), (every, timeout), kind)
}

fn dns(entry: ProbeEntry) -> Result<ProbeConfig, String> {
    let ProbeEntry::Dns {
        name,
        target,
        every,
        timeout,
        query_name,
        query_type,
        expected,
        transport,
    } = entry
    else {
        unreachable!("asked for DNS only")
    };
    let server = target
        .as_deref()
        .map(|target| host_and_port(target, Some(53)));
    let record = query_type.as_deref().unwrap_or("A");
    let is_name = |label: &str| (1..=63).contains(&label.len());
    let bare = query_name.trim_end_matches('.');
    if !bare.is_empty() && (bare.len() > 253 || !bare.split('.').all(is_name)) {
        return Err(format!("{query_name:?} is no name"));
    }
    let over_tcp = match transport.as_deref() {
        None | Some("udp") => false,
        Some("tcp") => true,
        Some(other) => return Err(format!("{other:?} is neither udp nor tcp")),
    };
    let kind = ProbeKind::Dns(DnsProbe {
        server: server.transpose()?,
        name: bare.to_owned(),
        record: RecordType::named(record)
            .ok_or_else(|| format!("{record:?} is no type of a record"))?,
        expected,
        over_tcp,
    });
    config((name, target.unwrap_or(query_name)), (every, timeout), kind)
}

/// `host:port`, `[::1]:port`; without a port where there is a default.
fn host_and_port(text: &str, default: Option<u16>) -> Result<(String, u16), String> {
    let wrong = || format!("{text:?} is no host and port");
    if let (Ok(address), Some(port)) = (text.parse::<std::net::IpAddr>(), default) {
        return Ok((address.to_string(), port));
    }
    let (host, port) = match (text.rsplit_once(':'), default) {
        (Some((host, port)), _) => (host, port.parse().map_err(|_| wrong())?),
        (None, Some(port)) => (text, port),
        (None, None) => return Err(wrong()),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains('/') {
        return Err(wrong());
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ProbeConfig, String> {
        let entry: ProbeEntry = serde_json::from_str(text).map_err(|error| error.to_string())?;
        entry.meaning()
    }

    fn check(text: &str, expected: &str) {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let probe =
            read(r#"{"kind": "http", "name": "a", "target": "https://x.example/y"}"#).unwrap();
        assert_eq!((probe.every.as_secs(), probe.timeout.as_secs()), (15, 10));
        let ProbeKind::Http(http) = probe.kind else {
            panic!("not HTTP")
        };
        assert_eq!(http.method, Method::GET);
        assert!(http.follow_redirects && http.expected_status.is_empty());
        let probe = read(r#"{"kind": "dns", "name": "a", "target": "::1", "query_name": "x.example.", "every": "5s"}"#).unwrap();
        assert_eq!(probe.timeout.as_secs(), 5);
        let ProbeKind::Dns(dns) = probe.kind else {
            panic!("not DNS")
        };
        assert_eq!(dns.server, Some(("::1".to_owned(), 53)));
        assert_eq!(dns.name, "x.example");
    }

    #[test]
    fn what_is_wrong_is_told() {
        check(
            r#"{"kind": "http", "name": "", "target": "x"}"#,
            "a probe needs a name",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "x.example"}"#,
            "\"a\": \"x.example\" does not begin",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "http://x", "timeout": "1h"}"#,
            "\"a\": timeout is longer",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "http://x", "every": "0"}"#,
            "\"a\": every must be longer",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "http://x", "expected_body": "("}"#,
            "\"a\": expected_body: ",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "http://x", "headers": {"a b": "c"}}"#,
            "\"a\": \"a b\" or its",
        );
        check(
            r#"{"kind": "http", "name": "a", "target": "http://x", "tls": true}"#,
            "unknown field `tls`",
        );
        check(
            r#"{"kind": "tcp", "name": "a", "target": "x.example"}"#,
            "\"a\": \"x.example\" is no host and port",
        );
        check(
            r#"{"kind": "dns", "name": "a", "query_name": "a..b"}"#,
            "\"a\": \"a..b\" is no name",
        );
        check(
            r#"{"kind": "dns", "name": "a", "query_name": "a", "query_type": "B"}"#,
            "\"a\": \"B\" is no type",
        );
        check(
            r#"{"kind": "dns", "name": "a", "query_name": "a", "transport": "mail"}"#,
            "\"a\": \"mail\" is neither",
        );
    }
}
