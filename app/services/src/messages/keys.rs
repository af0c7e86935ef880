use crate::launch::LaunchError;
use crate::messages::channel::Channel;
use crate::secret::Secret;
use crate::setup::Setup;

/// One secret for each channel: what we show its providers, and what they sign receipts with.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    email: Secret,
    sms: Secret,
    push: Secret,
}

impl Keys {
    pub(crate) fn read(setup: &Setup<'_>) -> Result<Self, LaunchError> {
        Ok(Self {
            email: setup.secret("messages.smtp")?,
            sms: setup.secret("messages.sms")?,
            push: setup.secret("messages.push")?,
        })
    }

    /// The same for all, for a test.
    #[cfg(test)]
    pub(crate) fn all(key: &Secret) -> Self {
        let [email, sms, push] = std::array::from_fn(|_| key.clone());
        Self { email, sms, push }
    }

    pub(crate) fn of(&self, channel: Channel) -> &Secret {
        match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
            Channel::Push => &self.push,
        }
    }
}
