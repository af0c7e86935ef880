use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, header};
use opentelemetry::trace::SpanKind;

use super::{ClientFacts, Val};
use crate::database_call::DatabaseCall;
use crate::http_layer::{RequestId, shortened};
use crate::signed_query::without_signatures;

/// What a span is about.
#[derive(Debug)]
pub(crate) enum Facts {
    Server(ServerFacts),
    Client(ClientFacts),
    Database(DatabaseFacts),
}

/// A request that was received, with what semantic conventions want to know of it.
#[derive(Debug)]
pub(crate) struct ServerFacts {
    pub(crate) method: &'static str,
    /// Where the method is none that is known.
    method_original: Option<String>,
    /// Empty if no route matched.
    pub(crate) route: Arc<str>,
    pub(crate) id: RequestId,
    scheme: &'static str,
    version: &'static str,
    /// Path, query, host and user agent, one after the other.
    text: String,
    path: usize,
    query: Option<usize>,
    host: Option<usize>,
}

/// A statement that was sent to a database.
#[derive(Debug)]
pub(crate) struct DatabaseFacts {
    pub(crate) call: DatabaseCall,
}

/// A request's address and who sent it.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) method: &'static str,
    pub(crate) route: Arc<str>,
    pub(crate) id: RequestId,
}

impl ServerFacts {
    pub(crate) fn of(asked: Asked<'_>) -> Self {
        let Asked { parts, method, .. } = asked;
        let header = |name: HeaderName| {
            let value = parts.headers.get(name)?;
            value.to_str().ok().map(shortened)
        };
        let host = parts.uri.host();
        let host = host.or_else(|| header(header::HOST).map(without_port));
        let agent = header(header::USER_AGENT);
        let query = parts.uri.query().map(without_signatures);
        let query = query.as_deref().map(shortened);
        let path = shortened(parts.uri.path());
        let lengths = [Some(path), query, host, agent].map(|part| part.map_or(0, str::len));
        let mut text = String::with_capacity(lengths.iter().sum());
        for part in [Some(path), query, host, agent].into_iter().flatten() {
            text.push_str(part);
        }
        Self {
            method,
            method_original: (method == "_OTHER")
                .then(|| shortened(parts.method.as_str()).to_owned()),
            route: asked.route,
            id: asked.id,
            scheme: match parts.uri.scheme_str() {
                Some("https") => "https",
                _ => "http",
            },
            version: protocol_version(parts.version),
            path: lengths[0],
            query: query.map(str::len),
            host: host.map(str::len),
            text,
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.text[..self.path]
    }

    fn query(&self) -> Option<&str> {
        let length = self.query?;
        Some(&self.text[self.path..][..length])
    }

    fn host(&self) -> Option<&str> {
        let start = self.path + self.query.unwrap_or(0);
        Some(&self.text[start..][..self.host?])
    }

    fn agent(&self) -> Option<&str> {
        let start = self.path + self.query.unwrap_or(0) + self.host.unwrap_or(0);
        Some(&self.text[start..]).filter(|agent| !agent.is_empty())
    }

    /// What log records within it repeat.
    pub(crate) fn inherited(&self, see: &mut dyn FnMut(&'static str, &str)) {
        see("http.request.method", self.method);
        if !self.route.is_empty() {
            see("http.route", &self.route);
        }
        see("url.path", self.path());
        if let Some(query) = self.query() {
            see("url.query", query);
        }
        see("request.id", self.id.as_str());
    }
}

impl Facts {
    pub(crate) fn kind(&self) -> SpanKind {
        match self {
            Self::Server(_) => SpanKind::Server,
            Self::Client(_) | Self::Database(_) => SpanKind::Client,
        }
    }

    /// What its name begins with: the method, or a statement's operation.
    pub(crate) fn verb(&self) -> &'static str {
        match self {
            Self::Server(server) => server.method,
            Self::Client(client) => client.method,
            Self::Database(database) => database.call.operation,
        }
    }

    /// What its name goes on with: the route that was asked for, or is asked for, or a statement's
    /// collection; empty if none is known.
    pub(crate) fn object(&self) -> &str {
        match self {
            Self::Server(server) => &server.route,
            Self::Client(client) => client.template().unwrap_or_default(),
            Self::Database(database) => database.call.collection,
        }
    }

    pub(crate) fn attributes<'a>(&'a self, see: &mut dyn FnMut(&'a str, Val<'a>)) {
        match self {
            Self::Server(server) => server.attributes(see),
            Self::Client(client) => client.attributes(see),
            Self::Database(database) => database.attributes(see),
        }
    }
}

impl ServerFacts {
    fn attributes<'a>(&'a self, see: &mut dyn FnMut(&'a str, Val<'a>)) {
        let texts = [
            ("http.request.method", Some(self.method)),
            (
                "http.request.method_original",
                self.method_original.as_deref(),
            ),
            ("http.route", Some(&*self.route).filter(|r| !r.is_empty())),
            ("url.path", Some(self.path())),
            ("url.query", self.query()),
            ("url.scheme", Some(self.scheme)),
            ("server.address", self.host()),
            ("network.protocol.version", Some(self.version)),
            ("user_agent.original", self.agent()),
            ("request.id", Some(self.id.as_str())),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                see(key, Val::Text(text));
            }
        }
    }
}

impl DatabaseFacts {
    fn attributes<'a>(&'a self, see: &mut dyn FnMut(&'a str, Val<'a>)) {
        let DatabaseCall {
            system,
            namespace,
            operation,
            collection,
            server,
        } = self.call;
        see("db.system.name", Val::Text(system));
        see("db.namespace", Val::Text(namespace));
        see("db.operation.name", Val::Text(operation));
        see("db.collection.name", Val::Text(collection));
        if let Some(server) = server {
            see("server.address", Val::Text(server.address));
            if let Some(port) = server.port {
                see("server.port", Val::Whole(i64::from(port)));
            }
        }
    }
}

fn protocol_version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "0.9",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: http::request::Builder, expected: &[(&str, &str)]) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let facts = Facts::Server(ServerFacts::of(Asked {
            parts: &parts,
            method: "GET",
            route: "/places/{id}".into(),
            id: RequestId::of(&parts.headers),
        }));
        let mut found = Vec::new();
        facts.attributes(&mut |key, value| {
            if let Val::Text(text) = value {
                found.push((key, text));
            }
        });
        let left_out = ["request.id", "http.request.method", "http.route"];
        found.retain(|(key, _)| !left_out.contains(key));
        assert_eq!(found, expected);
    }

    #[test]
    fn parts_of_the_address_are_told_apart() {
        let request = http::Request::get("/places/7?lang=de");
        check(
            request
                .header("host", "content:8080")
                .header("user-agent", "curl"),
            &[
                ("url.path", "/places/7"),
                ("url.query", "lang=de"),
                ("url.scheme", "http"),
                ("server.address", "content"),
                ("network.protocol.version", "1.1"),
                ("user_agent.original", "curl"),
            ],
        );
        check(
            http::Request::get("/"),
            &[
                ("url.path", "/"),
                ("url.scheme", "http"),
                ("network.protocol.version", "1.1"),
            ],
        );
    }
}
