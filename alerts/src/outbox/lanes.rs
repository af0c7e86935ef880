//! The lanes in use: those of the destinations for incidents, and those of receivers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sqlx::SqlitePool;
use tokio::sync::Notify;
use tokio::time::Instant;
use watchfire_schemas::Clock;

use crate::notification::DeliveryFeedback;
use crate::notify::{Destination, Sender};
use crate::receivers::{Integration, Receivers};
use crate::{OpenError, Secret};

use super::bucket::TokenBucket;
use super::gate::Gate;
use super::lane::Lane;
use super::meters::Meters;
use super::pace::Pace;

/// What every lane is made with.
#[derive(Debug)]
pub(super) struct Builder {
    pub pool: SqlitePool,
    pub feedback: Arc<dyn DeliveryFeedback>,
    pub clock: Arc<dyn Clock>,
    pub meters: Meters,
    pub pace: Pace,
    /// All routing keys of the destinations, by fingerprint: a resolve goes where its trigger went.
    pub keys: Arc<HashMap<String, Secret>>,
}

/// Replaced as a whole.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// In the order of the configuration.
    pub incidents: Vec<Arc<Lane>>,
    pub groups: Vec<Arc<Lane>>,
}

impl Lanes {
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.incidents.iter().chain(&self.groups)
    }

    pub(super) fn incident(&self, name: &str) -> Option<&Arc<Lane>> {
        self.incidents.iter().find(|lane| lane.name() == name)
    }
}

impl Builder {
    pub(super) fn of_incidents(
        &self,
        destinations: Vec<Destination>,
    ) -> Result<Vec<Arc<Lane>>, OpenError> {
        let mut buckets = HashMap::new();
        let lanes = destinations.into_iter().map(|destination| {
            let bucket = self.bucket(&mut buckets, &destination);
            self.lane(Arc::new(destination), bucket, None)
        });
        lanes.collect()
    }

    pub(super) fn of_groups(&self, receivers: &Receivers) -> Result<Vec<Arc<Lane>>, OpenError> {
        let mut buckets = HashMap::new();
        let lanes = receivers.all().map(|integration| {
            let destination = Arc::clone(&integration.destination);
            let bucket = self.bucket(&mut buckets, &destination);
            self.lane(destination, bucket, Some(integration.clone()))
        });
        lanes.collect()
    }

    fn lane(
        &self,
        destination: Arc<Destination>,
        bucket: Arc<Mutex<TokenBucket>>,
        integration: Option<Integration>,
    ) -> Result<Arc<Lane>, OpenError> {
        let name = destination.name.clone();
        let sender = Sender::new(destination, &self.pace.timeouts).map_err(|reason| {
            OpenError::Destination {
                name: name.clone(),
                reason: reason.to_owned(),
            }
        })?;
        Ok(Arc::new(Lane {
            sender,
            integration,
            pool: self.pool.clone(),
            feedback: Arc::clone(&self.feedback),
            clock: Arc::clone(&self.clock),
            retry: self.pace.retry.clone(),
            meters: self.meters.of(&name),
            keys: Arc::clone(&self.keys),
            bucket,
            gate: Mutex::new(Gate::new(self.pace.breaker.clone())),
            wake: Notify::new(),
        }))
    }

    /// Two destinations with the same routing key share what `PagerDuty` allows for it.
    fn bucket(
        &self,
        buckets: &mut HashMap<String, Arc<Mutex<TokenBucket>>>,
        destination: &Destination,
    ) -> Arc<Mutex<TokenBucket>> {
        let key = destination.routing_key.as_ref();
        let shared = key.map_or_else(|| destination.url.fingerprint(), Secret::fingerprint);
        let bucket = buckets.entry(shared).or_insert_with(|| {
            let rate = self.pace.rate_of(destination.kind);
            Arc::new(Mutex::new(TokenBucket::full(rate, Instant::now())))
        });
        Arc::clone(bucket)
    }
}

pub(super) fn routing_keys(destinations: &[Destination]) -> HashMap<String, Secret> {
    let keys = destinations.iter().filter_map(|it| it.routing_key.clone());
    keys.map(|key| (key.fingerprint(), key)).collect()
}
