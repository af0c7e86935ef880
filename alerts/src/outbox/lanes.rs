//! The lanes in use: those of the destinations for incidents, and those of receivers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sqlx::SqlitePool;
use tokio::time::Instant;
use watchfire_schemas::Clock;

use crate::OpenError;
use crate::notification::DeliveryFeedback;
use crate::notify::{Destination, SecretSource, Sender};
use crate::receivers::{Integration, Receivers};

use super::bucket::TokenBucket;
use super::gate::Gate;
use super::lane::Lane;
use super::meters::Meters;
use super::pace::Pace;
use super::stand_in::Door;

/// What every lane is made with.
#[derive(Debug)]
pub(super) struct Builder {
    pub pool: SqlitePool,
    pub feedback: Arc<dyn DeliveryFeedback>,
    pub clock: Arc<dyn Clock>,
    pub meters: Meters,
    pub pace: Pace,
    /// All routing keys of the destinations, by fingerprint: a resolve goes where its trigger went.
    pub keys: HashMap<String, SecretSource>,
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
        let doors = destinations.into_iter().map(|destination| Door {
            destination: Arc::new(destination),
            wake: Arc::default(),
        });
        let doors: Vec<Door> = doors.collect();
        let keys = Arc::new(self.keys.clone());
        let mut buckets = HashMap::new();
        let lanes = doors.iter().map(|door| {
            let bucket = self.bucket(&mut buckets, &door.destination);
            let fallback = fallback_of(&door.destination, &doors);
            self.lane(door.clone(), (bucket, fallback), Arc::clone(&keys), None)
        });
        lanes.collect()
    }

    /// `doors` are those of the destinations of incidents: they may stand in.
    pub(super) fn of_groups(
        &self,
        receivers: &Receivers,
        incidents: &[Arc<Lane>],
    ) -> Result<Vec<Arc<Lane>>, OpenError> {
        let doors: Vec<Door> = incidents.iter().map(|lane| lane.door()).collect();
        let destinations = receivers.all().map(|it| it.destination.as_ref());
        let mut keys = self.keys.clone();
        keys.extend(routing_keys(destinations));
        let keys = Arc::new(keys);
        let mut buckets = HashMap::new();
        let lanes = receivers.all().map(|integration| {
            let door = Door {
                destination: Arc::clone(&integration.destination),
                wake: Arc::default(),
            };
            let bucket = self.bucket(&mut buckets, &door.destination);
            let fallback = fallback_of(&door.destination, &doors);
            let integration = Some(integration.clone());
            self.lane(door, (bucket, fallback), Arc::clone(&keys), integration)
        });
        lanes.collect()
    }

    fn lane(
        &self,
        Door { destination, wake }: Door,
        (bucket, fallback): (Arc<Mutex<TokenBucket>>, Option<Door>),
        keys: Arc<HashMap<String, SecretSource>>,
        integration: Option<Integration>,
    ) -> Result<Arc<Lane>, OpenError> {
        let name = destination.name.clone();
        let sender = Sender::new(destination, &self.pace.timeouts).map_err(|reason| {
            OpenError::Destination {
                name: name.clone(),
                reason,
            }
        })?;
        if let Some(reason) = &sender.destination().refused {
            tracing::warn!(
                destination = name,
                "{name} is not delivered to: {reason}; its notifications go to the fallback, if \
                 there is one"
            );
        }
        Ok(Arc::new(Lane {
            sender,
            integration,
            pool: self.pool.clone(),
            feedback: Arc::clone(&self.feedback),
            clock: Arc::clone(&self.clock),
            retry: self.pace.retry.clone(),
            meters: self.meters.of(&name),
            keys,
            bucket,
            gate: Mutex::new(Gate::new(self.pace.breaker.clone())),
            fallback,
            wake,
        }))
    }

    /// Two destinations with the same routing key share what `PagerDuty` allows for it.
    fn bucket(
        &self,
        buckets: &mut HashMap<String, Arc<Mutex<TokenBucket>>>,
        destination: &Destination,
    ) -> Arc<Mutex<TokenBucket>> {
        let threads = destination.kind.threads_by_key();
        let key = destination.key.as_ref().filter(|_| threads);
        let shared = key.unwrap_or(&destination.url).fingerprint();
        let bucket = buckets.entry(shared).or_insert_with(|| {
            let rate = self.pace.rate_of(destination.kind);
            Arc::new(Mutex::new(TokenBucket::full(rate, Instant::now())))
        });
        Arc::clone(bucket)
    }
}

/// The keys to which alerts belong, by fingerprint.
pub(super) fn routing_keys<'a>(
    destinations: impl Iterator<Item = &'a Destination>,
) -> HashMap<String, SecretSource> {
    let threads = destinations.filter(|it| it.kind.threads_by_key());
    let keys = threads.filter_map(|it| it.key.clone());
    keys.map(|key| (key.fingerprint(), key)).collect()
}

/// The one that was named, else the one that is there for all.
fn fallback_of(destination: &Destination, doors: &[Door]) -> Option<Door> {
    let named = destination.fallback.as_ref();
    let found = doors.iter().find(|door| match named {
        Some(name) => door.destination.name == *name,
        None => door.destination.for_all && door.destination.name != destination.name,
    });
    found.cloned()
}
