use std::num::NonZeroU32;
use std::time::Duration;

use http::Uri;

use crate::messages::backoff::Backoff;
use crate::messages::channel::Channel;

/// What can be chosen by the environment, besides the secrets. Without anything given the providers
/// are stand-ins of this process.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) backoff: Backoff,
    /// After so many attempts a message is a dead letter.
    pub(crate) most_attempts: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct ProviderSettings {
    /// `sms-primary`: with `-` as `_` a part of its variables' names.
    pub(crate) name: &'static str,
    pub(crate) channel: Channel,
    pub(crate) endpoint: Endpoint,
    /// Messages a second.
    pub(crate) rate: NonZeroU32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A stand-in that speaks HTTP.
    Sandbox,
    /// A stand-in that speaks SMTP.
    SmtpSandbox,
    Http(String),
    Smtp {
        host: String,
        port: u16,
        user: Option<String>,
    },
}

const PROVIDERS: [(&str, Channel, Endpoint); 6] = [
    ("email-primary", Channel::Email, Endpoint::SmtpSandbox),
    ("email-secondary", Channel::Email, Endpoint::Sandbox),
    ("sms-primary", Channel::Sms, Endpoint::Sandbox),
    ("sms-secondary", Channel::Sms, Endpoint::Sandbox),
    ("push-primary", Channel::Push, Endpoint::Sandbox),
    ("push-secondary", Channel::Push, Endpoint::Sandbox),
];

impl Settings {
    /// Says which variable is wrong, and what was expected.
    pub(crate) fn read(variable_of: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut providers = Vec::new();
        for (name, channel, endpoint) in PROVIDERS {
            let prefix = format!(
                "WATCHFIRE_MESSAGES_{}",
                name.to_uppercase().replace('-', "_")
            );
            let url = format!("{prefix}_URL");
            let endpoint = match variable_of(&url).as_deref() {
                None => endpoint,
                // A channel can do without a second provider.
                Some("none") => continue,
                Some(text) => {
                    parse_endpoint(text, channel).map_err(|error| format!("{url}: {error}"))?
                }
            };
            let rate = number(&variable_of, &format!("{prefix}_RATE"), 1..=1_000_000, 300)?;
            providers.push(ProviderSettings {
                name,
                channel,
                endpoint,
                rate: NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN),
            });
        }
        let base = number(
            &variable_of,
            "WATCHFIRE_MESSAGES_RETRY_BASE_MS",
            1..=60_000,
            1_000,
        )?;
        let most = number(&variable_of, "WATCHFIRE_MESSAGES_ATTEMPTS", 1..=100, 8)?;
        Ok(Self {
            providers,
            backoff: Backoff {
                base: Duration::from_millis(base.into()),
                cap: Duration::from_mins(5),
            },
            most_attempts: most.into(),
        })
    }
}

fn number(
    variable_of: &impl Fn(&str) -> Option<String>,
    variable: &str,
    range: std::ops::RangeInclusive<u32>,
    default: u32,
) -> Result<u32, String> {
    let Some(text) = variable_of(variable) else {
        return Ok(default);
    };
    let parsed = text
        .trim()
        .parse()
        .ok()
        .filter(|number| range.contains(number));
    parsed.ok_or_else(|| {
        format!(
            "{variable}: expected a number from {} to {}",
            range.start(),
            range.end()
        )
    })
}

/// The text itself is not told again: it may hold a password.
fn parse_endpoint(text: &str, channel: Channel) -> Result<Endpoint, String> {
    let uri: Uri = text
        .parse()
        .map_err(|_| "expected a URL, or none".to_owned())?;
    let authority = uri
        .authority()
        .ok_or("expected a URL with a host, or none")?;
    let user = authority
        .as_str()
        .rsplit_once('@')
        .map(|(user, _)| user.to_owned());
    if user.as_ref().is_some_and(|user| user.contains(':')) {
        return Err("a password belongs into the channel's secret".to_owned());
    }
    let host = authority.host();
    let is_here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    match (uri.scheme_str(), channel) {
        (Some("https"), _) if user.is_none() => Ok(Endpoint::Http(text.to_owned())),
        (Some("http"), _) if user.is_none() && is_here => Ok(Endpoint::Http(text.to_owned())),
        (Some("http" | "https"), _) if user.is_some() => {
            Err("an HTTP provider is given no user".to_owned())
        }
        (Some("smtp"), Channel::Email) if is_here => Ok(Endpoint::Smtp {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(25),
            user,
        }),
        (Some("http" | "smtp"), _) if !is_here => {
            Err("without TLS a provider or relay must be on this machine".to_owned())
        }
        (Some("smtp"), _) => Err("only e-mail goes by smtp".to_owned()),
        _ => Err("expected an address with https, http or smtp, or none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|variable| {
            let found = given.iter().find(|(name, _)| *name == variable);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_anything_given_all_providers_are_stand_ins() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.providers.len(), 6);
        assert_eq!(settings.providers[0].endpoint, Endpoint::SmtpSandbox);
    }

    #[test]
    fn a_provider_is_chosen_by_its_url() {
        let settings = read(&[
            (
                "WATCHFIRE_MESSAGES_EMAIL_PRIMARY_URL",
                "smtp://mailer@localhost:2525",
            ),
            ("WATCHFIRE_MESSAGES_EMAIL_SECONDARY_URL", "none"),
            (
                "WATCHFIRE_MESSAGES_SMS_PRIMARY_URL",
                "https://sms.example.com/v1/send",
            ),
            ("WATCHFIRE_MESSAGES_SMS_PRIMARY_RATE", "20"),
        ])
        .unwrap();
        let smtp = Endpoint::Smtp {
            host: "localhost".to_owned(),
            port: 2525,
            user: Some("mailer".to_owned()),
        };
        assert_eq!(settings.providers[0].endpoint, smtp);
        assert_eq!(settings.providers[1].name, "sms-primary");
        assert_eq!(settings.providers[1].rate.get(), 20);
    }

    #[test]
    fn what_is_wrong_is_named_and_no_password_told() {
        let check = |name: &str, value: &str, expected: &str| {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error, format!("{name}: {expected}"));
        };
        let url = "WATCHFIRE_MESSAGES_EMAIL_PRIMARY_URL";
        check(
            url,
            "smtp://mail.example.com",
            "without TLS a provider or relay must be on this machine",
        );
        check(
            url,
            "smtp://me:secret@localhost",
            "a password belongs into the channel's secret",
        );
        check(
            "WATCHFIRE_MESSAGES_SMS_PRIMARY_URL",
            "smtp://localhost",
            "only e-mail goes by smtp",
        );
        check(
            "WATCHFIRE_MESSAGES_SMS_PRIMARY_RATE",
            "0",
            "expected a number from 1 to 1000000",
        );
    }
}
