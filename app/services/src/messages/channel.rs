use serde::{Deserialize, Serialize};

/// The way on which a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Channel {
    Email,
    Sms,
    Push,
}

impl Channel {
    pub(crate) const ALL: [Self; 3] = [Self::Email, Self::Sms, Self::Push];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|channel| channel.as_str() == text)
    }
}

/// What a message is for. Marketing needs that nobody has said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Category {
    Transactional,
    Marketing,
}

impl Category {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Transactional => "transactional",
            Self::Marketing => "marketing",
        }
    }
}

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Stored; to be sent when it is due.
    Queued,
    /// Handed to a worker.
    Sending,
    /// Taken by a provider.
    Sent,
    Delivered,
    /// Taken by a provider, who could not deliver it.
    Undelivered,
    /// Given up: a dead letter, with its reason.
    Failed,
    /// Not sent, since the recipient is on the suppression list.
    Suppressed,
    /// Not sent in the time in which it was worth something.
    Expired,
    Canceled,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
        }
    }
}
