use std::time::Duration;

use super::secret::Secret;
use super::secret_source::SecretSource;
use crate::OpenError;

/// Where pages go, as it was written. The secret part never appears in an error, a log or a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DestinationConfig {
    /// `PagerDuty` Events v2. An empty `url` is the public one.
    PagerDuty {
        name: String,
        routing_key: Secret,
        url: String,
    },
    /// A Slack incoming webhook. Whoever knows its address can post, so the address is the secret.
    SlackWebhook { name: String, url: Secret },
    /// Alertmanager's webhook, version 4; signed as in Standard Webhooks if there is a secret
    /// (`whsec_…` is read as base64, anything else as it stands).
    Webhook {
        name: String,
        url: Secret,
        secret: Option<Secret>,
    },
}

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DestinationKind {
    PagerDuty,
    Slack,
    Webhook,
}

/// A destination that is known to be well formed.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub name: String,
    pub kind: DestinationKind,
    /// The whole address, which may hold a secret.
    pub url: SecretSource,
    /// Only `PagerDuty` has one.
    pub routing_key: Option<Secret>,
    /// Only a webhook may have one.
    pub signing_secret: Option<Secret>,
    /// How long an attempt may take, where that is not for us to say.
    pub timeout: Option<Duration>,
}

const PAGERDUTY_EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";
const ROUTING_KEY_LENGTH: usize = 32;

impl DestinationKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PagerDuty => "pagerduty",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// Whether it can be told that somebody took an incident on. The others know only open and
    /// closed.
    pub(crate) const fn takes_acknowledge(self) -> bool {
        matches!(self, Self::PagerDuty)
    }
}

impl Destination {
    /// One that has nothing but its address.
    pub(crate) fn new(name: &str, kind: DestinationKind, url: SecretSource) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            url,
            routing_key: None,
            signing_secret: None,
            timeout: None,
        }
    }

    /// Parses all, refusing names that come twice.
    pub(crate) fn parse_all(written: Vec<DestinationConfig>) -> Result<Vec<Self>, OpenError> {
        let mut parsed: Vec<Self> = Vec::with_capacity(written.len());
        for config in written {
            let destination = Self::parse(config)?;
            if parsed.iter().any(|other| other.name == destination.name) {
                return Err(refusal(&destination.name, "the name is used twice"));
            }
            parsed.push(destination);
        }
        Ok(parsed)
    }

    fn parse(config: DestinationConfig) -> Result<Self, OpenError> {
        let (name, kind, url, routing_key, signing_secret) = match config {
            DestinationConfig::PagerDuty {
                name,
                routing_key,
                url,
            } => {
                let public = url.trim().is_empty();
                let url = Secret::from(if public { PAGERDUTY_EVENTS } else { &*url });
                let key = Some(routing_key);
                (name, DestinationKind::PagerDuty, url, key, None)
            }
            DestinationConfig::SlackWebhook { name, url } => {
                (name, DestinationKind::Slack, url, None, None)
            }
            DestinationConfig::Webhook { name, url, secret } => {
                (name, DestinationKind::Webhook, url, None, secret)
            }
        };
        if name.trim().is_empty() {
            return Err(refusal(&name, "a destination needs a name"));
        }
        let url = SecretSource::from(url);
        url.check_as_url()
            .map_err(|reason| refusal(&name, reason))?;
        if let Some(key) = &routing_key {
            check_routing_key(&name, key)?;
        }
        if let Some(secret) = &signing_secret {
            super::signature::key_of(secret).map_err(|reason| refusal(&name, reason))?;
        }
        Ok(Self {
            routing_key,
            signing_secret,
            ..Self::new(&name, kind, url)
        })
    }
}

fn check_routing_key(name: &str, key: &Secret) -> Result<(), OpenError> {
    let key = key.expose();
    if key.len() == ROUTING_KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(refusal(
            name,
            "a routing key is 32 letters and digits; this one is not",
        ))
    }
}

fn refusal(name: &str, reason: &str) -> OpenError {
    OpenError::Destination {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn pagerduty(name: &str, key: &str, url: &str) -> DestinationConfig {
        DestinationConfig::PagerDuty {
            name: name.to_owned(),
            routing_key: key.into(),
            url: url.to_owned(),
        }
    }

    fn slack(url: &str) -> DestinationConfig {
        DestinationConfig::SlackWebhook {
            name: "chat".to_owned(),
            url: url.into(),
        }
    }

    fn check_refused(config: Vec<DestinationConfig>, expected: &str, secret: &str) {
        let error = Destination::parse_all(config).expect_err("it is refused");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains(secret));
    }

    #[test]
    fn an_empty_pagerduty_url_is_the_public_one() {
        let parsed = Destination::parse_all(vec![pagerduty("pd", KEY, "")]).expect("well formed");
        assert_eq!(
            parsed[0].url.written().map(Secret::expose),
            Some(PAGERDUTY_EVENTS)
        );
    }

    #[test]
    fn bad_destinations_are_refused_without_telling_the_secret() {
        let short = "0123456789";
        check_refused(
            vec![pagerduty("pd", short, "")],
            "destination pd: a routing key is 32 letters and digits; this one is not",
            short,
        );
        check_refused(
            vec![slack("hooks/T0/B0/hush")],
            "destination chat: the URL is not a URL",
            "hush",
        );
        check_refused(
            vec![slack("ftp://hooks/T0/B0/hush")],
            "destination chat: the URL must be http:// or https://",
            "hush",
        );
        check_refused(
            vec![pagerduty("pd", KEY, ""), pagerduty("pd", KEY, "")],
            "destination pd: the name is used twice",
            KEY,
        );
        check_refused(
            vec![pagerduty(" ", KEY, "")],
            "destination  : a destination needs a name",
            KEY,
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let written = vec![
            pagerduty("pd", KEY, ""),
            slack("https://hooks.example/T0/hush"),
            DestinationConfig::Webhook {
                name: "hook".to_owned(),
                url: "https://user:hush@hook.example/hush?hush".into(),
                secret: Some("hush".into()),
            },
        ];
        let parsed = Destination::parse_all(written.clone()).expect("well formed");
        let shown = format!("{written:?}{parsed:?}");
        assert!(!shown.contains("hush") && !shown.contains(KEY), "{shown}");
    }
}
