//! `http_config:` and `tls_config:`.

use reqwest::header::HeaderName;

use super::Global;
use crate::notify::{Authorities, Authorization, HttpAccess, SecretSource};
use crate::receivers::fields::{Fields, Findings};
use crate::receivers::tree::Tree;

/// Whom to trust.
#[derive(Debug, Clone, Default)]
pub(super) struct Tls {
    pub authorities: Option<Authorities>,
    pub server_name: Option<String>,
    pub accepts_invalid: bool,
    /// Whether a certificate of our own is to be shown.
    pub shows_own: bool,
}

/// How HTTP is spoken, and why it cannot be, if so. Without an `http_config`, as for all.
pub(super) fn access(
    fields: &mut Fields<'_>,
    global: Option<&Global>,
    findings: &mut Findings<'_>,
) -> (HttpAccess, Option<String>) {
    let Some(mut http) = fields.within("http_config", findings) else {
        return global.map_or_else(Default::default, |global| {
            (global.access.clone(), global.refused.clone())
        });
    };
    // Redirections are never followed: the secrets would go with them.
    http.leave(&["follow_redirects", "enable_http2", "no_proxy"]);
    let mut refused = Vec::new();
    for (name, what) in [
        ("oauth2", "OAuth 2"),
        ("proxy_connect_header", "proxy_connect_header"),
    ] {
        if http.place(name).is_some() {
            refused.push(format!("{what} is not supported"));
        }
    }
    http.truth("proxy_from_environment", findings);
    let mut access = HttpAccess {
        authorization: authorization(&mut http, findings),
        headers: headers(&mut http, findings),
        proxy: http.some_text("proxy_url", findings).map(Into::into),
        ..HttpAccess::default()
    };
    if let Some(written) = http.within("tls_config", findings) {
        let tls = tls(written, findings);
        if tls.shows_own {
            refused.push("a certificate of the client is not supported".to_owned());
        }
        access.authorities = tls.authorities;
        access.accepts_invalid_certificates = tls.accepts_invalid;
    }
    http.finish(findings);
    (access, refused.into_iter().next())
}

pub(super) fn tls(mut fields: Fields<'_>, findings: &mut Findings<'_>) -> Tls {
    fields.leave(&[
        "min_version",
        "max_version",
        "curve_preferences",
        "cipher_suites",
    ]);
    let own = [
        "cert",
        "cert_file",
        "cert_ref",
        "key",
        "key_file",
        "key_ref",
    ];
    let shown = own.map(|name| fields.place(name).is_some());
    let shows_own = shown.contains(&true);
    let written = fields.some_text("ca", findings).map(Authorities::Written);
    let file = fields.some_text("ca_file", findings);
    let file = file.map(|name| Authorities::File(findings.path(&name)));
    let tls = Tls {
        authorities: written.or(file),
        server_name: fields.some_text("server_name", findings),
        accepts_invalid: fields
            .truth("insecure_skip_verify", findings)
            .unwrap_or(false),
        shows_own,
    };
    fields.finish(findings);
    tls
}

fn authorization(http: &mut Fields<'_>, findings: &mut Findings<'_>) -> Option<Authorization> {
    let at = http.at;
    let bearer = http.secret("bearer_token", "bearer_token_file", findings);
    let mut found: Vec<Authorization> = Vec::new();
    found.extend(bearer.map(|credentials| Authorization::Scheme {
        scheme: "Bearer".to_owned(),
        credentials,
    }));
    if let Some(mut basic) = http.within("basic_auth", findings) {
        let user = basic.secret("username", "username_file", findings);
        let password = basic.secret("password", "password_file", findings);
        basic.finish(findings);
        found.push(Authorization::Basic {
            user: user.unwrap_or_else(|| SecretSource::Written("".into())),
            password,
        });
    }
    if let Some(mut written) = http.within("authorization", findings) {
        let scheme = written.some_text("type", findings);
        let credentials = written.secret("credentials", "credentials_file", findings);
        written.finish(findings);
        found.extend(credentials.map(|credentials| Authorization::Scheme {
            scheme: scheme.unwrap_or_else(|| "Bearer".to_owned()),
            credentials,
        }));
    }
    if found.len() > 1 {
        let reason = "at most one of basic_auth, authorization & bearer_token must be configured";
        findings.note(at, reason);
    }
    found.pop()
}

fn headers(http: &mut Fields<'_>, findings: &mut Findings<'_>) -> Vec<(HeaderName, SecretSource)> {
    let mut headers = Vec::new();
    let Some(place) = http.place("http_headers") else {
        return headers;
    };
    let Tree::Map(entries) = &place.value else {
        findings.note(place.referenced, "http_headers must be a mapping");
        return headers;
    };
    for (name, place) in entries {
        let Ok(header) = HeaderName::from_bytes(name.value.as_bytes()) else {
            findings.note(name.referenced, format!("{:?} is no header", name.value));
            continue;
        };
        let Some(mut values) = Fields::of(place, "http_headers", findings) else {
            continue;
        };
        let written = values.texts("values", findings).into_iter();
        let secret = values.texts("secrets", findings).into_iter();
        let written = written
            .chain(secret)
            .map(|it| SecretSource::Written(it.into()));
        let files = values.texts("files", findings);
        let files = files.iter().map(|it| SecretSource::File(findings.path(it)));
        let all: Vec<SecretSource> = written.chain(files).collect();
        headers.extend(all.into_iter().map(|value| (header.clone(), value)));
        values.finish(findings);
    }
    headers
}
