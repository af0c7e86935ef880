//! Routing as Alertmanager does it: which receivers an alert reaches, when they are told, and when
//! nobody is.
//!
//! # How an alert becomes a notification
//! Alerts come from our own rules ([`rule_alerts`]) and from others over HTTP. The tree of routes
//! puts each into groups ([`held`]); a group is flushed `group_wait` after its first alert and then
//! every `group_interval` ([`dispatcher`]). A flush leaves out what is inhibited, muted or silenced
//! ([`suppression`]) and tells a receiver only what it does not know yet ([`notification_log`]).
//!
//! All of it is kept in the database, and what a flush changes is committed together with the
//! messages that it puts into the outbox: a crash neither loses nor repeats a notification.

mod alert;
mod config;
mod dispatcher;
mod flush;
mod held;
mod inhibition;
mod interval;
mod label_words;
mod matcher;
mod meters;
mod notification_log;
mod page_hold;
mod pattern;
mod received;
mod reload;
mod route;
mod rule_alerts;
mod silence;
mod store;
mod suppression;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use tokio::sync::{Mutex, Notify};
use watchfire_schemas::{Clock, Timestamp};

use crate::Alerts;
use crate::receivers::Receivers;
use dispatcher::Writer;
use held::{Change, Held};
use meters::Meters;
use silence::KeptSilence;

pub(crate) use alert::{Origin, RoutedAlert, listed};
pub use config::AlertmanagerConfig;
pub use label_words::labels_of;
pub(crate) use matcher::{Matcher, Matchers, compared};
pub(crate) use pattern::Pattern;
pub(crate) use received::is_received;
pub use reload::{AlertmanagerFile, RoutingError, check_alertmanager};
pub use silence::{NewSilence, Silence, SilenceError, SilenceMatcher, SilenceState};
pub(crate) use store::hex;
pub(crate) use suppression::Hush;
pub use suppression::Suppression;

/// Where no file is given, alerts are kept and shown, and tell nobody but through incidents.
const WITHOUT_FILE: &str = "route: {receiver: incidents}\nreceivers: [{name: incidents}]\n";

/// A configuration in use.
#[derive(Debug)]
pub(crate) struct RoutingConfig {
    pub routes: AlertmanagerConfig,
    pub receivers: Receivers,
}

impl RoutingConfig {
    pub(crate) fn without_file() -> Self {
        Self {
            routes: AlertmanagerConfig::read("", WITHOUT_FILE).expect("it is right"),
            receivers: Receivers::default(),
        }
    }
}

/// The state of routing as last committed. None of its locks is held across an await but the one
/// of who writes.
#[derive(Debug)]
pub(crate) struct Routing {
    config: RwLock<Arc<RoutingConfig>>,
    held: RwLock<Held>,
    silences: RwLock<Arc<[KeptSilence]>>,
    /// Held by who changes what is held or the silences, from looking until it is committed.
    writing: Mutex<Writer>,
    /// Told when something may be due sooner.
    wake: Notify,
    pub(crate) meters: Meters,
    pub(crate) opened_at: Timestamp,
    clock: Arc<dyn Clock>,
}

impl Routing {
    /// Restores what was held.
    pub(crate) async fn open(
        pool: &SqlitePool,
        config: Arc<RoutingConfig>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Self, sqlx::Error> {
        let held = store::load(pool).await?;
        let silences = silence::store::load(pool).await?;
        let routing = Self {
            config: RwLock::new(config),
            held: RwLock::new(held),
            silences: RwLock::new(silences.into()),
            writing: Mutex::default(),
            wake: Notify::new(),
            meters: Meters::register(registry),
            opened_at: clock.now(),
            clock,
        };
        routing.apply(Vec::new());
        routing.take_silences(Vec::new());
        Ok(routing)
    }

    pub(crate) fn config(&self) -> Arc<RoutingConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn silences(&self) -> Arc<[KeptSilence]> {
        Arc::clone(&self.silences.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_in_use(&self, config: Arc<RoutingConfig>) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn apply(&self, changes: Vec<Change>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.apply(changes);
        self.meters.hold(&held);
    }

    fn take_silences(&self, written: Vec<KeptSilence>) {
        let mut all: Vec<KeptSilence> = self.silences().to_vec();
        all.retain(|known| !written.iter().any(|new| new.id == known.id));
        all.extend(written);
        self.put_silences(all);
    }

    fn forget_silences(&self, now: Timestamp) {
        let mut all: Vec<KeptSilence> = self.silences().to_vec();
        all.retain(|silence| silence.ends_at + silence::store::RETENTION >= now);
        self.put_silences(all);
    }

    fn put_silences(&self, all: Vec<KeptSilence>) {
        self.meters.keep(&all, self.clock.now());
        *self
            .silences
            .write()
            .unwrap_or_else(PoisonError::into_inner) = all.into();
    }
}

impl Alerts {
    /// What notifications give as the address of the Alertmanager.
    pub(crate) fn alertmanager_url(&self) -> String {
        let root = self.config.external_url.trim_end_matches('/');
        format!("{root}/alertmanager")
    }
}
