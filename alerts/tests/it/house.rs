//! Alerts on a database of their own, with a clock that is moved by hand and a telemetry by script.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use watchfire_alerts::{
    ActError, Actor, AlertmanagerFile, Alerts, Channel, Config, DestinationConfig, HumanAct,
    Incident, Means,
};
use watchfire_schemas::{Clock, LabelSet, ManualClock, TimeRange, Timestamp};

use crate::receiver::Receiver;
use crate::script::Script;

/// One evaluation.
const STEP: Duration = Duration::from_secs(5);

pub(crate) struct House {
    dir: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) script: Arc<Script>,
    pub(crate) receiver: Receiver,
    pub(crate) rules: String,
    pub(crate) alertmanager: Option<AlertmanagerFile>,
    pub(crate) heartbeat: Option<String>,
    running: Option<Running>,
}

struct Running {
    alerts: Arc<Alerts>,
    pool: SqlitePool,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

impl House {
    /// Opens for business `at` seconds after the script's start.
    pub(crate) async fn open(rules: &str, at: u64) -> Self {
        // Another test of this process may have installed it.
        let installed = rustls::crypto::ring::default_provider().install_default();
        drop(installed);
        let mut house = Self {
            dir: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock::at(Script::START + Duration::from_secs(at))),
            script: Arc::new(Script::default()),
            receiver: Receiver::start().await,
            rules: rules.to_owned(),
            alertmanager: None,
            heartbeat: None,
            running: None,
        };
        let pool = house.pool().await;
        for (_, _, sql) in Alerts::MIGRATIONS {
            sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
        }
        pool.close().await;
        house.start().await;
        house
    }

    async fn pool(&self) -> SqlitePool {
        let options = SqliteConnectOptions::new()
            .filename(self.dir.path().join("watchfire.db"))
            .create_if_missing(true)
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .foreign_keys(true);
        SqlitePoolOptions::new()
            .connect_with(options)
            .await
            .unwrap()
    }

    async fn start(&mut self) {
        let pool = self.pool().await;
        let config = Config {
            rules: vec![("test.yml".to_owned(), self.rules.clone())],
            alertmanager: self.alertmanager.clone(),
            destinations: vec![DestinationConfig::new(
                "hook",
                Means::Webhook {
                    url: self.receiver.url.clone().into(),
                    secrets: Vec::new(),
                },
            )],
            // Evaluations come from `step`.
            evaluation_interval: Duration::from_hours(1),
            group_wait: Duration::from_secs(5),
            quiet: Duration::from_mins(1),
            resolve_after: Duration::from_secs(90),
            external_url: "http://watchfire.test".to_owned(),
            external_labels: LabelSet::default(),
            alertmanagers: Vec::new(),
            heartbeat: self.heartbeat.clone().map(Into::into),
        };
        let mut registry = Registry::default();
        let clock = self.clock.clone();
        let telemetry = (self.script.clone() as _, self.script.clone() as _);
        let alerts = Alerts::open(pool.clone(), config, telemetry, clock, &mut registry)
            .await
            .unwrap();
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(alerts.clone().run(cancel.clone()));
        self.running = Some(Running {
            alerts,
            pool,
            cancel,
            tasks,
        });
    }

    /// Stops everything and opens anew from the database.
    pub(crate) async fn restart(&mut self) {
        let mut running = self.running.take().unwrap();
        running.cancel.cancel();
        while let Some(ended) = running.tasks.join_next().await {
            ended.unwrap();
        }
        drop(running.alerts);
        running.pool.close().await;
        self.start().await;
    }

    pub(crate) fn alerts(&self) -> &Alerts {
        &self.running.as_ref().unwrap().alerts
    }

    pub(crate) fn shared(&self) -> Arc<Alerts> {
        self.running.as_ref().unwrap().alerts.clone()
    }

    /// Moves the clock by one evaluation, and evaluates.
    pub(crate) async fn step(&self) {
        self.clock.advance(STEP);
        self.alerts().tick().await.unwrap();
    }

    /// Steps until `at` seconds after the script's start.
    pub(crate) async fn step_to(&self, at: u64) {
        while self.clock.now() < Script::START + Duration::from_secs(at) {
            self.step().await;
        }
    }

    /// One act of somebody at the console.
    pub(crate) async fn act(
        &self,
        id: &str,
        who: &str,
        act: HumanAct,
    ) -> Result<Incident, ActError> {
        let actor = Actor::new(who, Channel::Console);
        self.alerts().act(id, &actor, vec![act]).await
    }

    /// The only incident.
    pub(crate) async fn incident(&self) -> Incident {
        let mut all = self.incidents().await;
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        self.alerts()
            .incidents(TimeRange::ALL, false, 100)
            .await
            .unwrap()
    }

    /// Waits, in real time, until as many notifications have arrived and are marked.
    pub(crate) async fn delivered(&self, count: usize) {
        let marked = async || {
            let all = self.alerts().deliveries(None, 100).await.unwrap();
            all.iter().filter(|d| d.delivered_at.is_some()).count()
        };
        for _ in 0..400 {
            if self.receiver.bodies().len() >= count && marked().await >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let all = self.alerts().deliveries(None, 100).await.unwrap();
        panic!(
            "{count} notifications were expected: {:?}, {all:#?}",
            self.receiver.statuses()
        );
    }
}

/// Seconds since the script's start.
pub(crate) fn seconds(at: Timestamp) -> f64 {
    at.seconds_since(Script::START)
}
