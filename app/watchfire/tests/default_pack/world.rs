use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::time::Instant;
use watchfire_alerts::{Alerts, Incident, SampleSink, SinkError};
use watchfire_schemas::{
    AlertSeverity, BatchSeq, LabelSet, ManualClock, SeriesSamples, TimeRange, Timestamp,
};
use watchfire_tsdb::Tsdb;

use crate::signals::TsdbSignals;
use crate::traffic::Traffic;

pub(crate) const START: Timestamp = Timestamp::from_secs(1_000_000_000);
/// How often rules are evaluated, as the default pack says.
const ROUND: u64 = 5;
/// How often the owner of the log has the store write its head.
const SNAPSHOT: u64 = 1800;

/// The default pack reads nothing that rules write.
#[derive(Debug)]
struct NoSamples;

#[async_trait]
impl SampleSink for NoSamples {
    async fn write(&self, _: Vec<SeriesSamples>) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Traffic that is simulated second by second, the real store of series that it goes to, and the
/// real alerts over it. No real time passes.
pub(crate) struct World {
    pub(crate) alerts: Arc<Alerts>,
    tsdb: Arc<Tsdb>,
    clock: Arc<ManualClock>,
    traffic: Vec<Traffic>,
    second: u64,
    /// What the last rounds of evaluation took.
    pub(crate) rounds: Vec<Duration>,
    _dir: TempDir,
}

impl World {
    pub(crate) async fn new(traffic: Vec<Traffic>) -> Self {
        let dir = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let mut registry = Registry::default();
        let tsdb = Tsdb::open(
            &dir.path().join("tsdb"),
            watchfire_tsdb::Config::default(),
            clock.clone(),
            &mut registry,
        )
        .unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(dir.path().join("alerts.db"))
            .create_if_missing(true);
        let pool = sqlx::sqlite::SqlitePoolOptions::new()
            .connect_with(options)
            .await
            .unwrap();
        for (_, _, sql) in Alerts::MIGRATIONS {
            sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
        }
        let config = watchfire_alerts::Config {
            rules: vec![Alerts::default_rules()],
            destinations: Vec::new(),
            alertmanager: None,
            evaluation_interval: Duration::from_secs(15),
            group_wait: Duration::from_secs(5),
            quiet: Duration::from_mins(1),
            resolve_after: Duration::ZERO,
            external_url: String::new(),
            external_labels: LabelSet::default(),
            alertmanagers: Vec::new(),
            heartbeat: None,
        };
        let signals = Arc::new(TsdbSignals(Arc::clone(&tsdb)));
        let alerts = Alerts::open(
            pool,
            config,
            (signals, Arc::new(NoSamples)),
            clock.clone(),
            &mut registry,
        )
        .await
        .unwrap();
        Self {
            alerts,
            tsdb,
            clock,
            traffic,
            second: 0,
            rounds: Vec::new(),
            _dir: dir,
        }
    }

    /// Lets traffic come until `second` without asking a rule.
    pub(crate) fn warm_up(&mut self, second: u64) {
        while self.second < second {
            self.pass_second();
        }
    }

    /// Lets traffic come until `second`; rules are evaluated at their rounds, `phase` seconds past.
    pub(crate) async fn run(&mut self, second: u64, phase: u64) {
        while self.second < second {
            self.pass_second();
            if self.second % ROUND == phase % ROUND {
                let started = Instant::now();
                self.alerts.tick().await.unwrap();
                self.rounds.push(started.elapsed());
            }
        }
        for rule in self.alerts.rules() {
            assert_eq!(rule.last_error, None, "{}", rule.name);
        }
    }

    fn pass_second(&mut self) {
        let at = START + Duration::from_secs(self.second + 1);
        self.clock.set(at);
        let mut series: Vec<SeriesSamples> = Vec::new();
        for traffic in &mut self.traffic {
            traffic.second(self.second, at.millis(), &mut series);
        }
        self.tsdb.append(BatchSeq(self.second + 1), &series);
        self.second += 1;
        if self.second.is_multiple_of(SNAPSHOT) {
            self.tsdb.snapshot().unwrap();
        }
    }

    /// All incidents, earliest first.
    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let found = self.alerts.incidents(TimeRange::ALL, false, 10_000);
        let mut incidents = found.await.unwrap();
        incidents.reverse();
        incidents
    }

    /// The incidents that woke somebody.
    pub(crate) async fn pages(&self) -> Vec<Incident> {
        let mut incidents = self.incidents().await;
        incidents.retain(|incident| incident.severity >= AlertSeverity::Error);
        incidents
    }
}

/// Seconds since `second` of the simulation.
pub(crate) fn since(second: u64, at: Timestamp) -> f64 {
    at.seconds_since(START + Duration::from_secs(second))
}

/// An incident in a line, its times as seconds since `second`.
pub(crate) fn told(incident: &Incident, second: u64) -> String {
    let at = |at: Timestamp| since(second, at);
    let alerts: Vec<String> = incident
        .alerts
        .iter()
        .map(|a| format!("{}@{:?}", a.rule, a.fired_at.map(at)))
        .collect();
    format!(
        "{:?} {} {:?}: onset {:+.1} [{:+.1}, {:+.1}] {:?}, detected {:+.0}, recovered {:?}, resolved {:?}, {}",
        incident.title,
        incident.severity,
        incident.status,
        at(incident.onset.at),
        at(incident.onset.earliest),
        at(incident.onset.latest),
        incident.onset.method,
        at(incident.detected_at),
        incident.recovered_at.map(at),
        incident.resolved_at.map(at),
        alerts.join(" ")
    )
}
