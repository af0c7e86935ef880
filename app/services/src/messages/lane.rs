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

    /// Who is to be asked for this message, the best first: the one that may have it already, those
    /// that have not just refused it, the others.
    fn ranked<'a>(&'a self, claimed: &'a Claimed) -> impl Iterator<Item = &'a Arc<Provider>> {
        let is =
            |provider: &Provider, name: &Option<String>| name.as_deref() == Some(provider.name);
        let bound = self
            .providers
            .iter()
            .filter(move |provider| is(provider, &claimed.bound_to));
        let fresh = self
            .providers
            .iter()
            .filter(move |provider| !is(provider, &claimed.avoided));
        bound.chain(fresh).chain(&self.providers)
    }

    /// The best that may be asked now.
    pub(crate) fn choose<'a>(&'a self, claimed: &'a Claimed) -> Option<&'a Arc<Provider>> {
        self.ranked(claimed).find(|provider| provider.admit())
    }

    /// Whether this is who would be asked if nobody were known to fail: so after a restart.
    pub(crate) fn prefers(&self, provider: &Arc<Provider>, claimed: &Claimed) -> bool {
        let best = self.ranked(claimed).next();
        best.is_some_and(|best| Arc::ptr_eq(best, provider))
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
