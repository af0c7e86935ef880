use std::fmt;
use std::str::FromStr;

use crate::content;
use crate::launch::LaunchError;
use crate::setup::{Setup, Started};
use crate::telemetry::{CONTENT, GATEWAY};
use crate::{messages, payments, recruitment, reminders};

/// A service that can be started by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceName {
    /// Places of the world, with the worker that keeps them in step.
    Content,
    /// Customer messages.
    Messages,
    /// A health app's synchronisation.
    Reminders,
    /// Candidates and positions.
    Recruitment,
    /// Payments over a ledger.
    Payments,
    /// What clients talk to.
    Gateway,
}

/// A text that names no service.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no service {asked:?}: there are {}", ServiceName::ALL.map(ServiceName::as_str).join(", "))]
pub struct UnknownService {
    asked: String,
}

impl ServiceName {
    /// All of them, what is asked before what asks.
    pub const ALL: [Self; 6] = [
        Self::Content,
        Self::Messages,
        Self::Reminders,
        Self::Recruitment,
        Self::Payments,
        Self::Gateway,
    ];

    /// As telemetry names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => CONTENT,
            Self::Messages => messages::SERVICE,
            Self::Reminders => reminders::SERVICE,
            Self::Recruitment => recruitment::SERVICE,
            Self::Payments => payments::SERVICE,
            Self::Gateway => GATEWAY,
        }
    }

    /// Under which path the gateway offers it, and with which routes; itself it offers nowhere.
    pub(super) fn offer(self) -> Option<(&'static str, &'static [&'static str])> {
        Some(match self {
            Self::Content => (content::PREFIX, &content::ROUTES[..]),
            Self::Messages => ("/messages", messages::ROUTES),
            Self::Reminders => ("/reminders", reminders::ROUTES),
            Self::Recruitment => ("/recruitment", recruitment::ROUTES),
            Self::Payments => ("/payments", payments::ROUTES),
            Self::Gateway => return None,
        })
    }

    /// Starts it, if it needs no more than its setup.
    pub(super) async fn start(self, setup: &Setup<'_>) -> Result<Option<Started>, LaunchError> {
        Ok(Some(match self {
            Self::Messages => messages::start(setup).await?,
            Self::Reminders => reminders::start(setup).await?,
            Self::Recruitment => recruitment::start(setup).await?,
            Self::Payments => payments::start(setup).await?,
            Self::Content | Self::Gateway => return Ok(None),
        }))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ServiceName {
    type Err = UnknownService;

    fn from_str(text: &str) -> Result<Self, UnknownService> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| UnknownService {
            asked: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_others_refused() {
        for name in ServiceName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        let error = "orders".parse::<ServiceName>().unwrap_err();
        let expected = "there is no service \"orders\": there are content, messages, reminders, recruitment, payments, gateway";
        assert_eq!(error.to_string(), expected);
    }
}
