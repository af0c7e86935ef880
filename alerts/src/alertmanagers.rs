//! Tells external Alertmanagers of our alerts, as a Prometheus does: what fires again and again, what
//! is over for a while. Nothing of it is kept: after a restart all that fires is told anew.

mod due;
mod peer;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{LabelSet, Timestamp};

use crate::rules::{Rule, RuleGroup};
use crate::{OpenError, Secret};
use due::is_due;
use peer::{Meters, Peer};
pub(crate) use wire::Frame;
use wire::told;

use crate::evaluation::Board;

/// How often an alert that goes on is told again.
const RESEND: Duration = Duration::from_mins(1);

/// An alert, by its rule's key and its labels.
type AlertKey = (String, LabelSet);

#[derive(Debug, Default)]
pub(crate) struct Alertmanagers {
    peers: Vec<Arc<Peer>>,
    /// When each alert was told last. Never held across an await.
    told: Mutex<BTreeMap<AlertKey, Timestamp>>,
}

impl Alertmanagers {
    /// `urls` are addresses as Prometheus' configuration has them, with or without `/api/v2/alerts`.
    pub(crate) fn open(urls: &[Secret], registry: &mut Registry) -> Result<Self, OpenError> {
        let meters = Meters::register(registry);
        let peers = urls.iter().map(|url| Peer::new(url, &meters).map(Arc::new));
        Ok(Self {
            peers: peers.collect::<Result<_, _>>()?,
            told: Mutex::default(),
        })
    }

    /// Queues what the evaluation of a group at `at` gives to tell. `every` is its interval.
    pub(crate) fn tell(
        &self,
        board: &Board,
        group: &RuleGroup,
        (at, every): (Timestamp, Duration),
        frame: Frame<'_>,
    ) {
        if self.peers.is_empty() {
            return;
        }
        let valid_until = at + 4 * every.max(RESEND);
        let mut last = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut alerts = Vec::new();
        for rule in group
            .rules
            .iter()
            .filter(|r| matches!(r, Rule::Alerting(_)))
        {
            let states = board.states(rule.key());
            last.retain(|(key, labels), _| key != rule.key() || states.contains_key(labels));
            for (labels, tracked) in &states {
                let key = (rule.key().to_owned(), labels.clone());
                if !is_due(&tracked.alert, last.get(&key).copied(), at) {
                    continue;
                }
                alerts.push(told(&tracked.alert, rule.expr(), valid_until, frame));
                last.insert(key, at);
            }
        }
        drop(last);
        if !alerts.is_empty() {
            for peer in &self.peers {
                peer.queue(&alerts);
            }
        }
    }

    /// Sends what is queued, until cancelled.
    pub(crate) async fn run(&self, cancel: CancellationToken) {
        let mut peers = JoinSet::new();
        for peer in &self.peers {
            peers.spawn(Arc::clone(peer).run(cancel.clone()));
        }
        cancel.cancelled().await;
        while peers.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests;
