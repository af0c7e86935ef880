use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tonic::metadata::MetadataMap;

use super::header_list::header_list;
use crate::builder::StartError;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where each signal goes, as OpenTelemetry's environment variables say it. `None`: not exported.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(super) traces: Option<Endpoint>,
    pub(super) logs: Option<Endpoint>,
    pub(super) metrics: Option<Endpoint>,
}

/// Where one signal goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) protocol: Protocol,
    /// Whole, with the signal's path if the protocol has paths.
    pub(super) url: String,
    pub(super) timeout: Duration,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    HttpProtobuf,
}

impl Settings {
    /// Reads the variables that `variable` gives. An endpoint that is not said is no endpoint:
    /// without a variable nothing is exported.
    pub(crate) fn read(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, StartError> {
        let said = |name: &str| {
            variable(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        if said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let settings = Self {
            traces: Endpoint::read("TRACES", &said)?,
            logs: Endpoint::read("LOGS", &said)?,
            metrics: Endpoint::read("METRICS", &said)?,
        };
        let all = [&settings.traces, &settings.logs, &settings.metrics];
        let is_any = all.into_iter().any(Option::is_some);
        Ok(is_any.then_some(settings))
    }

    pub(super) fn uses_grpc(&self) -> bool {
        let all = [&self.traces, &self.logs, &self.metrics];
        all.into_iter()
            .flatten()
            .any(|endpoint| endpoint.protocol == Protocol::Grpc)
    }
}

impl Endpoint {
    fn read(
        signal: &str,
        said: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, StartError> {
        let own = said(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"));
        let shared = said("OTEL_EXPORTER_OTLP_ENDPOINT");
        let exporter = said(&format!("OTEL_{signal}_EXPORTER"));
        if exporter.is_some_and(|exporter| exporter == "none") {
            return Ok(None);
        }
        let either = |name: &str| {
            said(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"))
                .or_else(|| said(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let (said_url, is_shared) = match (own, shared) {
            (Some(own), _) => (own, false),
            (None, Some(shared)) => (shared, true),
            (None, None) => return Ok(None),
        };
        Self::parse(&said_url, is_shared.then_some(signal), &either)
            .map(Some)
            .map_err(|reason| StartError::Exporter {
                endpoint: said_url,
                reason,
            })
    }

    /// A shared address lacks the path of its `signal`.
    fn parse(
        url: &str,
        signal: Option<&str>,
        either: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let protocol = match either("PROTOCOL").as_deref() {
            None | Some("http/protobuf") => Protocol::HttpProtobuf,
            Some("grpc") => Protocol::Grpc,
            Some(other) => {
                return Err(format!(
                    "the protocol {other:?} is neither grpc nor http/protobuf"
                ));
            }
        };
        check_scheme(url, protocol)?;
        let url = match (protocol, signal) {
            (Protocol::HttpProtobuf, Some(signal)) => {
                let signal = signal.to_ascii_lowercase();
                format!("{}/v1/{signal}", url.trim_end_matches('/'))
            }
            _ => url.to_owned(),
        };
        let timeout = either("TIMEOUT").map_or(Ok(DEFAULT_TIMEOUT), |millis| {
            let parsed = millis.parse().map(Duration::from_millis);
            parsed.map_err(|_| format!("the timeout {millis:?} is not in milliseconds"))
        })?;
        // The text may hold a token and is not repeated.
        let headers = either("HEADERS").map_or(Some(Vec::new()), |text| header_list(&text));
        Ok(Self {
            protocol,
            url,
            timeout,
            headers: headers.ok_or("the headers are not of the form name=value,name=value")?,
        })
    }

    pub(super) fn error(&self, reason: &impl Display) -> StartError {
        StartError::Exporter {
            endpoint: self.url.clone(),
            reason: reason.to_string(),
        }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        self.headers.iter().cloned().collect()
    }

    pub(super) fn metadata(&self) -> MetadataMap {
        MetadataMap::from_headers(self.headers())
    }

    pub(super) fn header_map(&self) -> HashMap<String, String> {
        let text = |(name, value): &(HeaderName, HeaderValue)| {
            Some((name.to_string(), value.to_str().ok()?.to_owned()))
        };
        self.headers.iter().filter_map(text).collect()
    }
}

fn check_scheme(url: &str, protocol: Protocol) -> Result<(), String> {
    let parsed: Uri = url
        .parse()
        .map_err(|error| format!("not an address: {error}"))?;
    match (parsed.scheme_str(), protocol) {
        (Some("http"), _) | (Some("https"), Protocol::HttpProtobuf) => Ok(()),
        (Some("https"), Protocol::Grpc) => {
            Err("grpc over TLS is not built in, take http/protobuf".to_owned())
        }
        _ => Err("expected an address such as http://localhost:4318".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, StartError> {
        let find = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Settings::read(&find)
    }

    #[test]
    fn the_variables_of_the_specification_are_understood() {
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"),
                ("OTEL_SDK_DISABLED", "TRUE")
            ])
            .unwrap()
            .is_none()
        );
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4318/"),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://b:9/logs"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Bearer%20x, x-tenant=7",
            ),
        ]);
        let settings = settings.unwrap().unwrap();
        let (traces, logs, metrics) = (
            settings.traces.unwrap(),
            settings.logs.unwrap(),
            settings.metrics.unwrap(),
        );
        assert_eq!(
            (traces.url.as_str(), traces.protocol),
            ("http://a:4318/", Protocol::Grpc)
        );
        assert_eq!(
            (logs.url.as_str(), logs.protocol),
            ("http://b:9/logs", Protocol::HttpProtobuf)
        );
        assert_eq!(metrics.url, "http://a:4318/v1/metrics");
        assert_eq!(metrics.timeout, Duration::from_millis(1500));
        assert_eq!(metrics.headers()["authorization"], "Bearer x");
        assert_eq!(metrics.headers()["x-tenant"], "7");
    }

    #[test]
    fn one_signal_can_be_left_out() {
        let settings = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"),
            ("OTEL_METRICS_EXPORTER", "none"),
        ]);
        let settings = settings.unwrap().unwrap();
        assert!(settings.metrics.is_none() && settings.logs.is_some());
    }

    #[test]
    fn what_is_wrong_is_told_and_no_secret_with_it() {
        let check = |name: &str, value: &str, expected: &str| {
            let error =
                read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"), (name, value)]).unwrap_err();
            assert!(error.to_string().ends_with(expected), "{error}");
        };
        check(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http/json",
            r#"the protocol "http/json" is neither grpc nor http/protobuf"#,
        );
        check(
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            r#"the timeout "10s" is not in milliseconds"#,
        );
        check(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "secret",
            "the headers are not of the form name=value,name=value",
        );
        check(
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
            "localhost:4317",
            "expected an address such as http://localhost:4318",
        );
    }
}
