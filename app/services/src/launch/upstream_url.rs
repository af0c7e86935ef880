use std::str::FromStr;

use http::Uri;

/// Where a service answers that another process runs: `http://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamUrl(String);

/// A text that is no such address.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{asked:?} is no address of a service: it must be of the form http://host:port")]
pub struct NoUpstreamUrl {
    asked: String,
}

impl UpstreamUrl {
    /// Without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UpstreamUrl {
    type Err = NoUpstreamUrl;

    fn from_str(text: &str) -> Result<Self, NoUpstreamUrl> {
        let uri: Option<Uri> = text.parse().ok();
        let authority = uri.as_ref().and_then(|uri| {
            let is_plain = uri.scheme_str() == Some("http") && matches!(uri.path(), "" | "/");
            uri.authority().filter(|authority| {
                is_plain && uri.query().is_none() && !authority.host().is_empty()
            })
        });
        // A name and a password would stand in every span.
        let authority = authority.filter(|authority| !authority.as_str().contains('@'));
        let url = authority.map(|authority| Self(format!("http://{authority}")));
        url.ok_or_else(|| NoUpstreamUrl {
            asked: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_without_secrets() {
        let check = |text: &str, expected: Option<&str>| {
            let found = text.parse::<UpstreamUrl>().ok();
            assert_eq!(found.as_ref().map(UpstreamUrl::as_str), expected, "{text}");
        };
        check("http://127.0.0.1:7121", Some("http://127.0.0.1:7121"));
        check("http://payments:80/", Some("http://payments:80"));
        for wrong in [
            "payments:80",
            "https://payments",
            "http://payments/base",
            "http://payments/?a=1",
            "http://name:secret@payments",
            "",
        ] {
            check(wrong, None);
        }
    }
}
