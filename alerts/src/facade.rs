use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{ChangeEvent, Clock, ExceptionSeen, TimeRange, Timestamp};

use crate::{
    AlertInstance, Delivery, DestinationConfig, DestinationStatus, ExceptionGroup, GroupStatus, Incident,
    ReliabilityReport, RuleStatus, Signals,
};

#[derive(Debug, Clone)]
pub struct Config {
    /// Rule files as (name, YAML text). The default pack is `Config::default_rules()`.
    pub rules: Vec<(String, String)>,
    pub destinations: Vec<DestinationConfig>,
    /// How often rules are evaluated where their group does not say.
    pub evaluation_interval: Duration,
    /// How long an incident gathers alerts before it pages.
    pub group_wait: Duration,
    /// How long all signals must be quiet before an incident counts as recovered.
    pub quiet: Duration,
    /// How long after recovery an incident resolves by itself.
    pub resolve_after: Duration,
    /// The console's address, for links.
    pub external_url: String,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{file}:{line}:{column}: {reason}")]
    Rules {
        file: String,
        line: usize,
        column: usize,
        reason: String,
    },
    #[error("the database could not be read")]
    Store(#[source] StoreError),
    #[error("destination {name}: {reason}")]
    Destination { name: String, reason: String },
}

#[derive(Debug, thiserror::Error)]
#[error("the database did not answer as expected")]
pub struct StoreError(#[from] pub sqlx::Error);

#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },
    #[error("{0}")]
    Refused(String),
    #[error("the database could not be written")]
    Store(#[source] StoreError),
}

/// The facade of the crate.
#[derive(Debug)]
pub struct Alerts {}

impl Alerts {
    /// The tables of this crate, in order: (version, name, SQL). The binary runs them.
    pub const MIGRATIONS: &'static [(i64, &'static str, &'static str)] = crate::migrations::MIGRATIONS;

    /// The rules that ship with Watchfire.
    pub fn default_rules() -> (String, String) {
        unimplemented!()
    }

    /// Restores all state from the database. Nothing runs until [`Self::run`].
    pub async fn open(
        pool: SqlitePool,
        config: Config,
        signals: Arc<dyn Signals>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let _ = (pool, config, signals, clock, registry);
        unimplemented!()
    }

    /// Evaluates rules, keeps incidents and delivers notifications until cancelled; then finishes what is in flight.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let _ = cancel;
        unimplemented!()
    }

    /// Takes occurrences told at intake; makes and updates groups. Idempotent for a replay.
    pub async fn exceptions_seen(&self, seen: Vec<ExceptionSeen>) -> Result<(), StoreError> {
        let _ = seen;
        unimplemented!()
    }

    pub async fn record_change(&self, change: ChangeEvent) -> Result<ChangeEvent, StoreError> {
        let _ = change;
        unimplemented!()
    }

    pub async fn changes(
        &self,
        range: TimeRange,
        service: Option<&str>,
    ) -> Result<Vec<ChangeEvent>, StoreError> {
        let _ = (range, service);
        unimplemented!()
    }

    /// Newest first. Incidents that overlap the range; `open_only` leaves out what is resolved.
    pub async fn incidents(
        &self,
        range: TimeRange,
        open_only: bool,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        let _ = (range, open_only, limit);
        unimplemented!()
    }

    pub async fn incident(&self, id: &str) -> Result<Option<Incident>, StoreError> {
        let _ = id;
        unimplemented!()
    }

    pub async fn acknowledge(&self, id: &str, who: &str) -> Result<Incident, ActError> {
        let _ = (id, who);
        unimplemented!()
    }

    pub async fn resolve(&self, id: &str, who: &str) -> Result<Incident, ActError> {
        let _ = (id, who);
        unimplemented!()
    }

    pub async fn set_onset(
        &self,
        id: &str,
        at: Timestamp,
        who: &str,
        why: &str,
    ) -> Result<Incident, ActError> {
        let _ = (id, at, who, why);
        unimplemented!()
    }

    pub async fn note(&self, id: &str, who: &str, text: &str) -> Result<Incident, ActError> {
        let _ = (id, who, text);
        unimplemented!()
    }

    pub async fn exception_groups(
        &self,
        service: Option<&str>,
        status: Option<GroupStatus>,
        limit: usize,
    ) -> Result<Vec<ExceptionGroup>, StoreError> {
        let _ = (service, status, limit);
        unimplemented!()
    }

    pub async fn exception_group(&self, id: &str) -> Result<Option<ExceptionGroup>, StoreError> {
        let _ = id;
        unimplemented!()
    }

    pub async fn set_group(
        &self,
        id: &str,
        status: Option<GroupStatus>,
        assignee: Option<Option<String>>,
        who: &str,
    ) -> Result<ExceptionGroup, ActError> {
        let _ = (id, status, assignee, who);
        unimplemented!()
    }

    pub async fn deliveries(
        &self,
        incident: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        let _ = (incident, limit);
        unimplemented!()
    }

    pub async fn destinations(&self) -> Result<Vec<DestinationStatus>, StoreError> {
        unimplemented!()
    }

    pub fn rules(&self) -> Vec<RuleStatus> {
        unimplemented!()
    }

    pub fn active_alerts(&self) -> Vec<AlertInstance> {
        unimplemented!()
    }

    /// `by`: none, `service` or `severity`.
    pub async fn reliability(
        &self,
        range: TimeRange,
        by: Option<&str>,
    ) -> Result<Vec<ReliabilityReport>, StoreError> {
        let _ = (range, by);
        unimplemented!()
    }
}

/// `/prometheus/api/v1/{rules,alerts}`.
pub fn http_router(alerts: Arc<Alerts>) -> Router {
    let _ = alerts;
    unimplemented!()
}
