use serde_saphyr::Spanned;

use super::Reader;
use crate::scrape::config::text::{AuthorizationText, BasicText, GlobalText, JobText, TlsText};
use crate::scrape::config::{Credentials, Fallback, Hidden, Pem, RequestConfig, TlsConfig};

/// What is asked for of each protocol, with the weight left to the place in the list.
const PROTOCOLS: [(&str, &str); 4] = [
    (
        "OpenMetricsText1.0.0",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
    ),
    (
        "OpenMetricsText0.0.1",
        "application/openmetrics-text;version=0.0.1",
    ),
    (
        "PrometheusText1.0.0",
        "text/plain;version=1.0.0;escaping=allow-utf-8",
    ),
    ("PrometheusText0.0.4", "text/plain;version=0.0.4"),
];

impl Reader<'_> {
    pub(super) fn request(&mut self, text: &JobText, global: &GlobalText) -> RequestConfig {
        let own_limit = self.size(&text.body_size_limit);
        let limit_of_all = self.size(&global.body_size_limit);
        let protocols = text
            .scrape_protocols
            .as_ref()
            .or(global.scrape_protocols.as_ref());
        RequestConfig {
            accept: self.accept(protocols),
            fallback: self.fallback(text.fallback_scrape_protocol.as_ref()),
            credentials: self.credentials(text),
            tls: text
                .tls_config
                .as_ref()
                .map(|tls| self.tls(tls))
                .unwrap_or_default(),
            follow_redirects: text.follow_redirects.unwrap_or(true),
            compression: text.enable_compression.unwrap_or(true),
            body_size_limit: own_limit.or(limit_of_all).unwrap_or(0),
        }
    }

    /// The header, the most wanted format first.
    fn accept(&mut self, protocols: Option<&Vec<Spanned<String>>>) -> String {
        let mut wanted = Vec::new();
        match protocols {
            None => wanted.extend(PROTOCOLS.map(|(_, header)| header)),
            Some(protocols) => {
                for protocol in protocols {
                    let known = PROTOCOLS.iter().find(|(name, _)| *name == protocol.value);
                    match known {
                        Some((_, header)) => wanted.push(header),
                        None => self.at(protocol, unreadable(&protocol.value)),
                    }
                }
            }
        }
        let weights = (0..wanted.len()).map(|index| wanted.len() + 1 - index);
        let weighted = wanted
            .iter()
            .zip(weights)
            .map(|(header, weight)| format!("{header};q=0.{weight}"));
        let mut accept: Vec<String> = weighted.collect();
        accept.push("*/*;q=0.1".to_owned());
        accept.join(",")
    }

    fn fallback(&mut self, protocol: Option<&Spanned<String>>) -> Fallback {
        let Some(protocol) = protocol else {
            return Fallback::default();
        };
        match protocol.value.as_str() {
            "PrometheusText0.0.4" | "PrometheusText1.0.0" => Fallback::Text,
            "OpenMetricsText1.0.0" | "OpenMetricsText0.0.1" => Fallback::OpenMetrics,
            other => {
                self.at(protocol, unreadable(other));
                Fallback::default()
            }
        }
    }

    fn credentials(&mut self, text: &JobText) -> Credentials {
        match (&text.basic_auth, &text.authorization) {
            (None, None) => Credentials::None,
            (Some(basic), None) => self.basic(basic),
            (None, Some(authorization)) => self.authorization(authorization),
            (Some(_), Some(authorization)) => {
                self.at(
                    authorization,
                    "basic_auth and authorization exclude each other",
                );
                Credentials::None
            }
        }
    }

    fn basic(&mut self, place: &Spanned<BasicText>) -> Credentials {
        let text = &place.value;
        let password = self.hidden(
            place,
            "password",
            text.password.as_ref(),
            text.password_file.as_ref(),
        );
        Credentials::Basic {
            username: text.username.clone(),
            password: password.unwrap_or_else(|| Hidden::Written(String::new())),
        }
    }

    fn authorization(&mut self, place: &Spanned<AuthorizationText>) -> Credentials {
        let text = &place.value;
        let scheme = text.scheme.as_deref().unwrap_or("Bearer").trim();
        if scheme.eq_ignore_ascii_case("basic") {
            self.at(place, "write basic_auth for the scheme Basic");
        }
        let written = text.credentials.as_ref();
        let credentials = self.hidden(
            place,
            "credentials",
            written,
            text.credentials_file.as_ref(),
        );
        Credentials::Authorization {
            scheme: scheme.to_owned(),
            credentials: credentials.unwrap_or_else(|| Hidden::Written(String::new())),
        }
    }

    fn tls(&mut self, place: &Spanned<TlsText>) -> TlsConfig {
        let text = &place.value;
        let mut pem = |name, written: &Option<String>, file: &Option<String>| -> Option<Pem> {
            self.hidden(place, name, written.as_ref(), file.as_ref())
        };
        let config = TlsConfig {
            ca: pem("ca", &text.ca, &text.ca_file),
            cert: pem("cert", &text.cert, &text.cert_file),
            key: pem("key", &text.key, &text.key_file),
            insecure_skip_verify: text.insecure_skip_verify,
        };
        if config.cert.is_some() != config.key.is_some() {
            self.at(place, "a certificate of ours needs both cert and key");
        }
        config
    }

    fn hidden<T>(
        &mut self,
        place: &Spanned<T>,
        name: &str,
        written: Option<&String>,
        file: Option<&String>,
    ) -> Option<Hidden> {
        match (written, file) {
            (Some(_), Some(_)) => {
                self.at(place, format!("{name} and {name}_file exclude each other"));
                None
            }
            (Some(text), None) => Some(Hidden::Written(text.clone())),
            (None, Some(path)) => Some(Hidden::File(self.beside(path))),
            (None, None) => None,
        }
    }
}

fn unreadable(protocol: &str) -> String {
    if protocol == "PrometheusProto" {
        return "Prometheus knows `PrometheusProto`, Watchfire does not: text is scraped"
            .to_owned();
    }
    let names = PROTOCOLS.map(|(name, _)| name).join(", ");
    format!("{protocol:?} is no protocol; known are {names}")
}
