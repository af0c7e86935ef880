//! `[[destination]]` of the configuration file: who is told, and by which way.

use std::path::PathBuf;

use serde::Deserialize;
use watchfire_alerts::{DestinationConfig, MailboxConfig, Means};

use super::ConfigError;
use super::secret::{Written, maybe_secret, secret, secrets};

const PAGERDUTY_URL: &str = "https://events.pagerduty.com/v2/enqueue";

/// One `[[destination]]`. A secret is written out or, better, named by a file that holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum DestinationEntry {
    PagerDuty {
        name: String,
        fallback: Option<String>,
        #[serde(default)]
        standby: bool,
        routing_key: Option<Written>,
        routing_key_file: Option<PathBuf>,
        url: Option<String>,
        /// Whether it is told of deploys and other changes.
        #[serde(default)]
        changes: bool,
    },
    Slack {
        name: String,
        fallback: Option<String>,
        #[serde(default)]
        standby: bool,
        url: Option<Written>,
        url_file: Option<PathBuf>,
    },
    #[serde(rename = "slack_bot")]
    SlackBot {
        name: String,
        fallback: Option<String>,
        #[serde(default)]
        standby: bool,
        token: Option<Written>,
        token_file: Option<PathBuf>,
        channel: String,
        /// In place of Slack's Web API.
        url: Option<String>,
    },
    Webhook {
        name: String,
        fallback: Option<String>,
        #[serde(default)]
        standby: bool,
        url: Option<Written>,
        url_file: Option<PathBuf>,
        /// Signs what is sent, as in Standard Webhooks.
        secret: Option<Written>,
        secret_file: Option<PathBuf>,
        /// Further ones that sign as well, while one takes over from another.
        #[serde(default)]
        more_secrets: Vec<Written>,
        #[serde(default)]
        more_secret_files: Vec<PathBuf>,
    },
    Email(Box<MailEntry>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailEntry {
    name: String,
    fallback: Option<String>,
    #[serde(default)]
    standby: bool,
    /// `host:port`.
    smarthost: String,
    from: String,
    /// Addresses, separated by commas.
    to: String,
    #[serde(default)]
    hello: String,
    #[serde(default)]
    username: String,
    password: Option<Written>,
    password_file: Option<PathBuf>,
    /// Refuse to send without TLS; on, unless it is said otherwise.
    require_tls: Option<bool>,
    /// TLS from the first byte; what follows from the port, unless it is said.
    implicit_tls: Option<bool>,
}

/// The destinations of the file, and those that the environment's usual variables name. `general`
/// is told in the place of every one that does not work.
pub(super) fn destinations(
    entries: Vec<DestinationEntry>,
    general: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<DestinationConfig>, ConfigError> {
    let mut destinations = entries
        .into_iter()
        .map(destination)
        .collect::<Result<Vec<_>, _>>()?;
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(routing_key) = set("PAGERDUTY_ROUTING_KEY") {
        let url = set("PAGERDUTY_URL").unwrap_or_else(|| PAGERDUTY_URL.to_owned());
        let means = Means::PagerDuty {
            routing_key: routing_key.into(),
            url,
            changes: false,
        };
        destinations.push(DestinationConfig::new("pagerduty", means));
    }
    if let Some(url) = set("SLACK_WEBHOOK_URL") {
        let means = Means::SlackWebhook { url: url.into() };
        destinations.push(DestinationConfig::new("slack", means));
    }
    if let Some(general) = general {
        let found = destinations.iter_mut().find(|it| it.name == general);
        let Some(found) = found else {
            let reason = format!("{general:?} is no destination");
            return Err(ConfigError::Option {
                option: "fallback",
                reason,
            });
        };
        found.for_all = true;
    }
    let checked = DestinationConfig::check_all(&destinations);
    checked.map_err(|error| ConfigError::Option {
        option: "destination",
        reason: error.to_string(),
    })?;
    Ok(destinations)
}

fn destination(entry: DestinationEntry) -> Result<DestinationConfig, ConfigError> {
    let whose = |name: &str| format!("destination {name:?}");
    let (name, fallback, standby, means) = match entry {
        DestinationEntry::PagerDuty {
            name,
            fallback,
            standby,
            routing_key,
            routing_key_file,
            url,
            changes,
        } => {
            let option = "destination.routing_key";
            let routing_key = secret(option, &whose(&name), routing_key, routing_key_file)?;
            let means = Means::PagerDuty {
                routing_key,
                url: url.unwrap_or_else(|| PAGERDUTY_URL.to_owned()),
                changes,
            };
            (name, fallback, standby, means)
        }
        DestinationEntry::Slack {
            name,
            fallback,
            standby,
            url,
            url_file,
        } => {
            let url = secret("destination.url", &whose(&name), url, url_file)?;
            (name, fallback, standby, Means::SlackWebhook { url })
        }
        DestinationEntry::SlackBot {
            name,
            fallback,
            standby,
            token,
            token_file,
            channel,
            url,
        } => {
            let token = secret("destination.token", &whose(&name), token, token_file)?;
            let means = Means::SlackBot {
                token,
                channel,
                url: url.unwrap_or_default(),
            };
            (name, fallback, standby, means)
        }
        DestinationEntry::Webhook {
            name,
            fallback,
            standby,
            url,
            url_file,
            secret: key,
            secret_file,
            more_secrets,
            more_secret_files,
        } => {
            let url = secret("destination.url", &whose(&name), url, url_file)?;
            let first = maybe_secret("destination.secret", &whose(&name), key, secret_file)?;
            let more = secrets(more_secrets, more_secret_files)?;
            let secrets = first.into_iter().chain(more).collect();
            (name, fallback, standby, Means::Webhook { url, secrets })
        }
        DestinationEntry::Email(entry) => return mail(*entry),
    };
    let mut config = DestinationConfig::new(&name, means);
    (config.fallback, config.standby) = (fallback, standby);
    Ok(config)
}

fn mail(entry: MailEntry) -> Result<DestinationConfig, ConfigError> {
    let whose = format!("destination {:?}", entry.name);
    let option = "destination.password";
    let mailbox = MailboxConfig {
        smarthost: entry.smarthost,
        from: entry.from,
        to: entry.to,
        hello: entry.hello,
        username: entry.username,
        password: maybe_secret(option, &whose, entry.password, entry.password_file)?,
        require_tls: entry.require_tls.unwrap_or(true),
        implicit_tls: entry.implicit_tls,
    };
    Ok(DestinationConfig {
        fallback: entry.fallback,
        standby: entry.standby,
        ..DestinationConfig::new(&entry.name, Means::Email(mailbox))
    })
}
