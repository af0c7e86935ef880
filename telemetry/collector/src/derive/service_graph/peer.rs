//! Who is at the other end of a span, as its attributes say it.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::Value;
use watchfire_schemas::Span;

/// What a span says of the other end, if that has no spans of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Peer<'s> {
    /// A database: it is the other end for sure.
    Database(Cow<'s, str>),
    /// Something else, unless a span of it comes.
    Other(Cow<'s, str>),
}

/// What the attributes of a span say of its other end.
#[derive(Debug, Clone, Default)]
pub(super) struct Said<'s> {
    service: Option<&'s str>,
    database: Option<&'s str>,
    schema: Option<&'s str>,
    destination: Option<&'s str>,
    broker: Option<&'s str>,
    operation: Option<&'s str>,
    /// The destination was made for one use.
    is_passing: bool,
    /// Where it is, and how well that is said: the least is the best.
    host: Option<(u8, &'s str)>,
    /// Its interface, likewise.
    interface: Option<(u8, &'s str)>,
}

impl<'s> Said<'s> {
    /// Reads the attributes once.
    pub(super) fn by(span: &'s Span) -> Self {
        let mut said = Self::default();
        for (key, value) in &span.attributes {
            if let Value::Bool(true) = value {
                said.is_passing |= matches!(
                    key.as_str(),
                    "messaging.destination.temporary" | "messaging.destination.anonymous"
                );
            }
            if let Some(text) = value
                .as_str()
                .map(str::trim)
                .filter(|text| !text.is_empty())
            {
                said.take(key, text);
            }
        }
        said
    }

    fn take(&mut self, key: &str, text: &'s str) {
        let place = |rank, text| Some((rank, text));
        let host = match key {
            "server.address" => place(0, text),
            "net.peer.name" => place(1, text),
            "peer.hostname" => place(2, text),
            "http.host" => place(3, text),
            "network.peer.address" => place(4, text),
            "net.sock.peer.addr" => place(5, text),
            "url.full" | "http.url" => host_of(text).and_then(|host| place(6, host)),
            _ => None,
        };
        let interface = match key {
            "rpc.service" => place(0, text),
            "rpc.system.name" | "rpc.system" => place(1, text),
            "faas.invoked_name" => place(2, text),
            _ => None,
        };
        keep_best(&mut self.host, host);
        keep_best(&mut self.interface, interface);
        let slot = match key {
            "peer.service" => &mut self.service,
            "db.system.name" | "db.system" => &mut self.database,
            "db.namespace" | "db.name" => &mut self.schema,
            "messaging.destination.name" | "messaging.destination" => &mut self.destination,
            "messaging.system" => &mut self.broker,
            "messaging.operation.type" | "messaging.operation" => &mut self.operation,
            _ => return,
        };
        *slot = Some(text);
    }

    /// Whether it only fetches what others sent: then no call goes out.
    pub(super) fn fetches(&self) -> bool {
        self.broker.is_some() && matches!(self.operation, Some("receive" | "settle"))
    }

    /// Whether it is about messages.
    pub(super) fn is_messaging(&self) -> bool {
        self.broker.is_some()
    }

    /// The destination that messages go to or come from, or the system where that is made for one
    /// use.
    pub(super) fn destination(&self) -> Option<&'s str> {
        let lasting = self.destination.filter(|_| !self.is_passing);
        lasting.or(self.broker)
    }

    /// The other end of a client's span, or of a producer's.
    ///
    /// The order is that of the service graphs of OpenTelemetry and Tempo: what somebody called it,
    /// then where it is, then what it is.
    pub(super) fn peer(&self) -> Option<Peer<'s>> {
        let named = self.service.map(Cow::Borrowed);
        if self.database.is_some() || self.schema.is_some() {
            let name = named.or_else(|| self.address()).or_else(|| self.stored());
            return name.map(Peer::Database);
        }
        let name = named
            .or_else(|| self.destination().map(Cow::Borrowed))
            .or_else(|| self.address())
            .or_else(|| self.interface.map(|(_, name)| name.into()));
        name.map(Peer::Other)
    }

    /// The database as what it is. Its schema often has the name of the service that owns it, so the
    /// system is said too: a service does not call itself.
    fn stored(&self) -> Option<Cow<'s, str>> {
        match (self.schema, self.database) {
            (Some(schema), Some(system)) => Some(format!("{schema} ({system})").into()),
            (schema, system) => schema.or(system).map(Cow::Borrowed),
        }
    }

    /// Where the other end is: a name, or an address that is not this machine's own.
    fn address(&self) -> Option<Cow<'s, str>> {
        let host = without_port(self.host?.1);
        let is_somewhere = !host.is_empty() && !is_this_machine(host);
        if !is_somewhere {
            return None;
        }
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Some(host.to_ascii_lowercase().into());
        }
        Some(host.into())
    }
}

fn keep_best<'s>(best: &mut Option<(u8, &'s str)>, other: Option<(u8, &'s str)>) {
    if let Some((rank, _)) = other
        && best.is_none_or(|(known, _)| rank < known)
    {
        *best = other;
    }
}

fn host_of(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host.rsplit('@').next().unwrap_or(host))
}

fn without_port(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

/// Whether an address is that of whoever asks: it tells nobody.
fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::span;
    use super::*;

    fn check(attributes: &[(&str, &str)], expected: &str) {
        let mut one = span(1, "call", 0.1);
        for (key, value) in attributes {
            one.attributes.insert((*key).to_owned(), (*value).into());
        }
        let found = match Said::by(&one).peer() {
            Some(Peer::Database(name)) => format!("database {name}"),
            Some(Peer::Other(name)) => name.into_owned(),
            None => String::new(),
        };
        assert_eq!(found, expected, "{attributes:?}");
    }

    #[test]
    fn what_somebody_called_it_comes_first_then_where_it_is_then_what_it_is() {
        check(
            &[("peer.service", "bank"), ("server.address", "10.0.0.1")],
            "bank",
        );
        check(
            &[("server.address", "Api.Bank.example:8443")],
            "api.bank.example",
        );
        check(
            &[("http.url", "https://u@bank.example:1/pay?x=1")],
            "bank.example",
        );
        check(
            &[("rpc.system", "grpc"), ("rpc.service", "bank.Pay")],
            "bank.Pay",
        );
        check(&[("db.system", "redis")], "database redis");
        check(
            &[("db.system.name", "postgresql"), ("db.namespace", "shop")],
            "database shop (postgresql)",
        );
        check(
            &[
                ("db.system", "postgresql"),
                ("db.name", "shop"),
                ("server.address", "pg-1"),
            ],
            "database pg-1",
        );
        check(
            &[
                ("messaging.system", "kafka"),
                ("messaging.destination.name", "orders"),
            ],
            "orders",
        );
        check(&[], "");
    }

    #[test]
    fn this_machine_is_nobody() {
        check(&[("server.address", "127.0.0.1")], "");
        check(&[("server.address", "localhost:8080")], "");
        check(&[("network.peer.address", "[::1]:99")], "");
        check(
            &[("db.system", "redis"), ("server.address", "::1")],
            "database redis",
        );
    }
}
