use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::messages::channel::Channel;
use crate::messages::provider::Provider;
use crate::messages::store::Claimed;

/// The providers of a channel, the first preferred, and the bell of its worker.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) channel: Channel,
    pub(crate) providers: Vec<Arc<Provider>>,
    /// Rung when there may be something to send.
    pub(crate) bell: Notify,
}

impl Lane {
    pub(crate) fn new(channel: Channel, providers: Vec<Arc<Provider>>) -> Self {
        Self {
            channel,
            providers,
            bell: Notify::new(),
        }
    }

    /// Who is to be asked for this message: the one that may have it already, else the first that may
    /// be asked and has not just refused it, else any.
    pub(crate) fn choose(&self, claimed: &Claimed) -> Option<&Arc<Provider>> {
        let is =
            |provider: &Provider, name: &Option<String>| name.as_deref() == Some(provider.name);
        let bound = self
            .providers
            .iter()
            .filter(|provider| is(provider, &claimed.bound_to));
        let fresh = self
            .providers
            .iter()
            .filter(|provider| !is(provider, &claimed.avoided));
        bound
            .chain(fresh)
            .chain(&self.providers)
            .find(|provider| provider.admit())
    }

    /// How long nobody is to be asked; none if somebody may be.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let waits = self
            .providers
            .iter()
            .map(|provider| provider.wait().unwrap_or_default());
        waits.min().filter(|wait| !wait.is_zero())
    }

    /// Whether somebody else than `refused` may be asked.
    pub(crate) fn has_other(&self, refused: &str) -> bool {
        let mut others = self
            .providers
            .iter()
            .filter(|provider| provider.name != refused);
        others.any(|other| other.wait().is_none())
    }
}
