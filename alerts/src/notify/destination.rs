use std::time::Duration;

use super::access::HttpAccess;
use super::mailbox::{Mailbox, MailboxConfig};
use super::secret::Secret;
use super::secret_source::SecretSource;
use crate::OpenError;

/// Where pages go, as it was written. The secret part never appears in an error, a log or a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationConfig {
    pub name: String,
    pub means: Means,
    /// Who is told while this one does not work, or refuses.
    pub fallback: Option<String>,
    /// It is told only in the place of others.
    pub standby: bool,
    /// It is told in the place of every destination and receiver that names no fallback.
    pub for_all: bool,
}

/// By which way a destination is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// `PagerDuty` Events v2. An empty `url` is the public one. `changes` asks for deploys as well.
    PagerDuty {
        routing_key: Secret,
        url: String,
        changes: bool,
    },
    /// A Slack incoming webhook. Whoever knows its address can post, so the address is the secret.
    SlackWebhook { url: Secret },
    /// A Slack app that posts into a channel and keeps its message up to date. An empty `url` is
    /// Slack's Web API.
    SlackBot {
        token: Secret,
        channel: String,
        url: String,
    },
    /// Alertmanager's webhook, version 4; signed as in Standard Webhooks if there is a secret
    /// (`whsec_…` is read as base64, anything else as it stands). Of several secrets each signs,
    /// so that one can take over from another.
    Webhook { url: Secret, secrets: Vec<Secret> },
    /// Mail by SMTP.
    Email(MailboxConfig),
}

impl DestinationConfig {
    /// One that is told of every page, with nobody in its place.
    pub fn new(name: &str, means: Means) -> Self {
        Self {
            name: name.to_owned(),
            means,
            fallback: None,
            standby: false,
            for_all: false,
        }
    }

    /// What is wrong with any of them, as [`crate::Alerts::open`] would say.
    pub fn check_all(written: &[Self]) -> Result<(), OpenError> {
        Destination::parse_all(written.to_vec()).map(drop)
    }
}

/// What speaks at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DestinationKind {
    PagerDuty,
    /// `PagerDuty`'s older API.
    PagerDutyV1,
    Slack,
    SlackBot,
    Webhook,
    Email,
    OpsGenie,
    VictorOps,
    Pushover,
    Telegram,
    Discord,
    Webex,
    MsTeams,
    MsTeamsV2,
    IncidentIo,
    /// One of Alertmanager's that is not delivered to, by its name there.
    Other(&'static str),
}

/// A destination that is known to be well formed.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub name: String,
    pub kind: DestinationKind,
    /// The whole address, which may hold a secret.
    pub url: SecretSource,
    /// A routing key, or the token or key by which the other end knows us.
    pub key: Option<SecretSource>,
    /// Pushover's key of the user.
    pub second_key: Option<SecretSource>,
    /// Only a webhook may have some.
    pub signing_secrets: Vec<Secret>,
    /// How long an attempt may take, where that is not for us to say.
    pub timeout: Option<Duration>,
    pub access: HttpAccess,
    /// Only for mail.
    pub mailbox: Option<Mailbox>,
    /// The channel that a Slack app posts into.
    pub channel: Option<String>,
    pub fallback: Option<String>,
    pub standby: bool,
    pub for_all: bool,
    pub takes_changes: bool,
    /// Why nothing can be delivered to it.
    pub refused: Option<String>,
}

const PAGERDUTY_EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";
const SLACK_API: &str = "https://slack.com/api/";
const ROUTING_KEY_LENGTH: usize = 32;

impl DestinationKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::PagerDuty | Self::PagerDutyV1 => "pagerduty",
            Self::Slack => "slack",
            Self::SlackBot => "slack_bot",
            Self::Webhook => "webhook",
            Self::Email => "email",
            Self::OpsGenie => "opsgenie",
            Self::VictorOps => "victorops",
            Self::Pushover => "pushover",
            Self::Telegram => "telegram",
            Self::Discord => "discord",
            Self::Webex => "webex",
            Self::MsTeams => "msteams",
            Self::MsTeamsV2 => "msteamsv2",
            Self::IncidentIo => "incidentio",
            Self::Other(name) => name,
        }
    }

    /// Whether it can be told that somebody took an incident on. The others know only open and
    /// closed.
    pub(crate) const fn takes_acknowledge(self) -> bool {
        matches!(self, Self::PagerDuty | Self::SlackBot)
    }

    /// Whether it can be told of what is neither opened nor closed by it.
    pub(crate) const fn takes_updates(self) -> bool {
        matches!(self, Self::SlackBot)
    }

    /// Whether an alert there belongs to the key that opened it.
    pub(crate) const fn threads_by_key(self) -> bool {
        matches!(self, Self::PagerDuty | Self::PagerDutyV1)
    }
}

impl Destination {
    /// One that has nothing but its address.
    pub(crate) fn new(name: &str, kind: DestinationKind, url: SecretSource) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            url,
            key: None,
            second_key: None,
            signing_secrets: Vec::new(),
            timeout: None,
            access: HttpAccess::default(),
            mailbox: None,
            channel: None,
            fallback: None,
            standby: false,
            for_all: false,
            takes_changes: false,
            refused: None,
        }
    }

    /// Parses all, refusing names that come twice and fallbacks that are not there.
    pub(crate) fn parse_all(written: Vec<DestinationConfig>) -> Result<Vec<Self>, OpenError> {
        let mut parsed: Vec<Self> = Vec::with_capacity(written.len());
        for config in written {
            let destination = Self::parse(config)?;
            if parsed.iter().any(|other| other.name == destination.name) {
                return Err(refusal(&destination.name, "the name is used twice"));
            }
            parsed.push(destination);
        }
        for Self { name, fallback, .. } in &parsed {
            let Some(fallback) = fallback else { continue };
            if fallback == name {
                return Err(refusal(name, "it cannot be its own fallback"));
            }
            if !parsed.iter().any(|other| other.name == *fallback) {
                let reason = format!("its fallback {fallback:?} is no destination");
                return Err(refusal(name, &reason));
            }
        }
        Ok(parsed)
    }

    fn parse(config: DestinationConfig) -> Result<Self, OpenError> {
        let name = config.name;
        if name.trim().is_empty() {
            return Err(refusal(&name, "a destination needs a name"));
        }
        let means = Self::of_means(&name, config.means)?;
        let checked = match means.kind {
            DestinationKind::Email => Ok(()),
            _ => means.url.check_as_url(),
        };
        checked.map_err(|reason| refusal(&name, reason))?;
        for secret in &means.signing_secrets {
            super::signature::key_of(secret).map_err(|reason| refusal(&name, reason))?;
        }
        Ok(Self {
            fallback: config.fallback,
            standby: config.standby,
            for_all: config.for_all,
            ..means
        })
    }

    fn of_means(name: &str, means: Means) -> Result<Self, OpenError> {
        let address = |url: &str, public: &str| {
            let is_public = url.trim().is_empty();
            SecretSource::from(Secret::from(if is_public { public } else { url }))
        };
        Ok(match means {
            Means::PagerDuty {
                routing_key,
                url,
                changes,
            } => {
                check_routing_key(name, &routing_key)?;
                let url = address(&url, PAGERDUTY_EVENTS);
                Self {
                    key: Some(routing_key.into()),
                    takes_changes: changes,
                    ..Self::new(name, DestinationKind::PagerDuty, url)
                }
            }
            Means::SlackWebhook { url } => Self::new(name, DestinationKind::Slack, url.into()),
            Means::SlackBot {
                token,
                channel,
                url,
            } => {
                if channel.trim().is_empty() {
                    return Err(refusal(name, "a Slack app needs a channel to post into"));
                }
                if token.expose().is_empty() {
                    return Err(refusal(name, "the token is empty"));
                }
                let url = address(&url, SLACK_API);
                Self {
                    key: Some(token.into()),
                    channel: Some(channel),
                    ..Self::new(name, DestinationKind::SlackBot, url)
                }
            }
            Means::Webhook { url, secrets } => Self {
                signing_secrets: secrets,
                ..Self::new(name, DestinationKind::Webhook, url.into())
            },
            Means::Email(written) => {
                let mailbox = Mailbox::parse(written).map_err(|it| refusal(name, &it))?;
                let address = Secret::from(format!("smtp://{}", mailbox.smarthost));
                Self {
                    mailbox: Some(mailbox),
                    ..Self::new(name, DestinationKind::Email, address.into())
                }
            }
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
        let means = Means::PagerDuty {
            routing_key: key.into(),
            url: url.to_owned(),
            changes: false,
        };
        DestinationConfig::new(name, means)
    }

    fn slack(url: &str) -> DestinationConfig {
        DestinationConfig::new("chat", Means::SlackWebhook { url: url.into() })
    }

    fn check_refused(config: Vec<DestinationConfig>, expected: &str, secret: &str) {
        let error = Destination::parse_all(config).expect_err("it is refused");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains(secret));
    }

    #[test]
    fn an_empty_pagerduty_url_is_the_public_one() {
        let parsed = Destination::parse_all(vec![pagerduty("pd", KEY, "")]).expect("well formed");
        let url = parsed[0].url.written().map(Secret::expose);
        assert_eq!(url, Some(PAGERDUTY_EVENTS));
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
    fn a_fallback_is_another_destination() {
        let backed = |fallback: &str| DestinationConfig {
            fallback: Some(fallback.to_owned()),
            ..pagerduty("pd", KEY, "")
        };
        check_refused(
            vec![backed("mail")],
            "destination pd: its fallback \"mail\" is no destination",
            KEY,
        );
        check_refused(
            vec![backed("pd")],
            "destination pd: it cannot be its own fallback",
            KEY,
        );
        let both = vec![backed("chat"), slack("https://hooks.example/T0")];
        assert!(Destination::parse_all(both).is_ok());
    }

    #[test]
    fn debug_shows_no_secret() {
        let hook = Means::Webhook {
            url: "https://user:hush@hook.example/hush?hush".into(),
            secrets: vec!["hush".into()],
        };
        let bot = Means::SlackBot {
            token: "xoxb-hush".into(),
            channel: "C1".to_owned(),
            url: String::new(),
        };
        let written = vec![
            pagerduty("pd", KEY, ""),
            slack("https://hooks.example/T0/hush"),
            DestinationConfig::new("hook", hook),
            DestinationConfig::new("bot", bot),
        ];
        let parsed = Destination::parse_all(written.clone()).expect("well formed");
        let shown = format!("{written:?}{parsed:?}");
        assert!(!shown.contains("hush") && !shown.contains(KEY), "{shown}");
    }
}
