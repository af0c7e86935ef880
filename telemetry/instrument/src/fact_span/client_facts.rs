use http::Uri;

use super::Val;
use crate::signed_query::without_signatures;

/// A request that was sent.
#[derive(Debug)]
pub(crate) struct ClientFacts {
    pub(crate) method: &'static str,
    /// The address, and the template after it.
    text: String,
    url: usize,
    /// Where in the text the server's name begins and ends.
    server: (usize, usize),
    port: Option<u16>,
}

impl ClientFacts {
    /// The address is kept without user, password and signatures, which must never be told.
    pub(crate) fn of(method: &'static str, url: &Uri) -> Self {
        /// Of a template, which comes later.
        const ROOM: usize = 48;
        let Some(authority) = url.authority() else {
            return Self::without_server(method, url.to_string());
        };
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let scheme = url.scheme_str().unwrap_or("http");
        let query = url.query().map(without_signatures);
        let query = query.as_deref().unwrap_or_default();
        let mark = if query.is_empty() { "" } else { "?" };
        let parts = [scheme, "://", host, url.path(), mark, query];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut text = String::with_capacity(length + ROOM);
        for part in parts {
            text.push_str(part);
        }
        let start = scheme.len() + "://".len();
        Self {
            method,
            url: text.len(),
            text,
            server: (start, start + authority.host().len()),
            port: authority.port_u16().or(match scheme {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            }),
        }
    }

    fn without_server(method: &'static str, text: String) -> Self {
        Self {
            method,
            url: text.len(),
            text,
            server: (0, 0),
            port: None,
        }
    }

    pub(crate) fn set_template(&mut self, template: &str) {
        self.text.truncate(self.url);
        self.text.push_str(template);
    }

    pub(crate) fn server(&self) -> &str {
        &self.text[self.server.0..self.server.1]
    }

    pub(crate) fn template(&self) -> Option<&str> {
        Some(&self.text[self.url..]).filter(|template| !template.is_empty())
    }

    pub(super) fn attributes<'a>(&'a self, see: &mut dyn FnMut(&'a str, Val<'a>)) {
        see("http.request.method", Val::Text(self.method));
        see("url.full", Val::Text(&self.text[..self.url]));
        if let Some(template) = self.template() {
            see("url.template", Val::Text(template));
        }
        see("server.address", Val::Text(self.server()));
        if let Some(port) = self.port {
            see("server.port", Val::Whole(i64::from(port)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &[(&str, Val<'_>)]) {
        let mut facts = ClientFacts::of("GET", &url.parse().unwrap());
        facts.set_template("/a");
        facts.set_template("/places");
        let mut found = Vec::new();
        facts.attributes(&mut |key, value| found.push((key, value)));
        found.retain(|(key, _)| !matches!(*key, "http.request.method" | "url.template"));
        assert_eq!(found, expected);
        assert_eq!(facts.template(), Some("/places"));
    }

    #[test]
    fn credentials_are_not_told() {
        check(
            "http://user:secret@content:8080/places?page=2",
            &[
                ("url.full", Val::Text("http://content:8080/places?page=2")),
                ("server.address", Val::Text("content")),
                ("server.port", Val::Whole(8080)),
            ],
        );
    }

    #[test]
    fn an_address_has_its_schemes_port() {
        check(
            "https://[::1]/",
            &[
                ("url.full", Val::Text("https://[::1]/")),
                ("server.address", Val::Text("[::1]")),
                ("server.port", Val::Whole(443)),
            ],
        );
        check(
            "/places",
            &[
                ("url.full", Val::Text("/places")),
                ("server.address", Val::Text("")),
            ],
        );
    }
}
