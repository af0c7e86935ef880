//! Who may speak to us over HTTP: no foreign host name, no page of another origin.
//!
//! A page in a browser can be made to send requests to loopback. By DNS rebinding it does so under
//! a host name of its own, and then may read the answers; without it, it can at least post. The
//! first is stopped by knowing our names, the second by asking where a request comes from.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::listeners::problem;

/// The host names that we answer to, besides `localhost` and addresses written as numbers. A
/// number cannot be rebound, so it is safe.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    names: Arc<[String]>,
}

impl Guard {
    pub(crate) fn new(names: &[String]) -> Self {
        Self {
            names: names.iter().map(|name| name.to_ascii_lowercase()).collect(),
        }
    }

    fn knows(&self, host: &str) -> bool {
        let name = host_name(host).to_ascii_lowercase();
        let literal = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(&name);
        name == "localhost" || literal.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }

    /// The reason for which a request is refused by the name that it knows us by, if there is one.
    fn foreign_name(&self, headers: &HeaderMap, authority: Option<&str>) -> Option<String> {
        let Some(host) = authority.or_else(|| text(headers, &header::HOST)) else {
            return Some("the request names no host".to_owned());
        };
        (!self.knows(host)).then(|| {
            format!(
                "this console is not known as {:?}; start it with --allowed-host {:?} if it should be",
                host,
                host_name(host)
            )
        })
    }

    /// The reason for which a request is refused, if there is one.
    fn objection(
        &self,
        method: &Method,
        headers: &HeaderMap,
        authority: Option<&str>,
    ) -> Option<String> {
        let foreign = self.foreign_name(headers, authority);
        if foreign.is_some() || method.is_safe() {
            return foreign;
        }
        let text = |name| text(headers, &name);
        let host = authority.or_else(|| text(header::HOST))?;
        if text(header::HeaderName::from_static("sec-fetch-site"))
            .is_some_and(|site| matches!(site, "cross-site" | "same-site"))
        {
            return Some("a page of another origin may not change anything here".to_owned());
        }
        let origin = text(header::ORIGIN)?;
        let same = origin
            .split_once("://")
            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
        (!same).then(|| format!("a page of {origin:?} may not change anything here"))
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let value = headers.get(name)?;
    Some(value.to_str().unwrap_or_default())
}

/// For routes that pages of any origin may post to, as they do nothing but take telemetry.
pub(crate) async fn guard_name(
    State(guard): State<Guard>,
    request: Request,
    next: Next,
) -> Response {
    let authority = request.uri().authority().map(ToString::to_string);
    match guard.foreign_name(request.headers(), authority.as_deref()) {
        None => next.run(request).await,
        Some(reason) => problem(StatusCode::FORBIDDEN, "Refused", &reason).into_response(),
    }
}

pub(crate) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(ToString::to_string);
    match guard.objection(request.method(), request.headers(), authority.as_deref()) {
        None => next.run(request).await,
        Some(reason) => problem(StatusCode::FORBIDDEN, "Refused", &reason).into_response(),
    }
}

/// The host without its port.
fn host_name(host: &str) -> &str {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => &host[..colon],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, headers: &[(&'static str, &str)], allowed: bool) {
        let guard = Guard::new(&["watchfire.internal".to_owned()]);
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect();
        let objection = guard.objection(method, &headers, None);
        assert_eq!(objection.is_none(), allowed, "{headers:?} {objection:?}");
    }

    #[test]
    fn only_known_names_are_answered() {
        for host in [
            "localhost:7117",
            "127.0.0.1:7117",
            "[::1]:7117",
            "Watchfire.internal",
            "10.0.0.5",
        ] {
            check(&Method::GET, &[("host", host)], true);
        }
        for host in [
            "evil.example",
            "localhost.evil.example:7117",
            "127.0.0.1.evil.example",
            "",
        ] {
            check(&Method::GET, &[("host", host)], false);
        }
        check(&Method::GET, &[], false);
    }

    #[test]
    fn a_foreign_page_may_look_but_not_post() {
        let host = ("host", "localhost:7117");
        check(&Method::POST, &[host], true);
        check(
            &Method::POST,
            &[host, ("origin", "http://localhost:7117")],
            true,
        );
        check(
            &Method::POST,
            &[host, ("origin", "http://evil.example")],
            false,
        );
        check(
            &Method::POST,
            &[host, ("origin", "http://localhost:3000")],
            false,
        );
        check(&Method::POST, &[host, ("origin", "null")], false);
        check(
            &Method::PATCH,
            &[host, ("sec-fetch-site", "cross-site")],
            false,
        );
        check(
            &Method::POST,
            &[
                host,
                ("sec-fetch-site", "same-origin"),
                ("origin", "http://localhost:7117"),
            ],
            true,
        );
    }
}
