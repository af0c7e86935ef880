//! Response times on `/metrics`, and their recording as series when incidents resolve.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection, SqlitePool};
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{SeriesSamples, Timestamp};

use super::case::Case;
use super::cumulative::{BUCKETS, Owner, Recorded, Totals, last_metric, metric};
use crate::incident::store::word;
use crate::response_times::{Measure, Reading};
use crate::{Alerts, IncidentStatus, StoreError};

/// How often it is looked for incidents that resolved.
const LOOK: Duration = Duration::from_secs(5);
/// What resolved longer ago, before this was kept, is counted but not written at its time: the store
/// may be past it.
const WRITTEN_FOR: Duration = Duration::from_hours(1);
/// Series that may wait for a store that does not take them.
const MOST_WAITING: usize = 20_000;

const STATES: [IncidentStatus; 4] = [
    IncidentStatus::Triggered,
    IncidentStatus::Acknowledged,
    IncidentStatus::Recovered,
    IncidentStatus::Resolved,
];

type Times = Family<Vec<(&'static str, String)>, Histogram, fn() -> Histogram>;
type Seconds = Gauge<f64, AtomicU64>;

/// What we say of response times, and what of them was said.
#[derive(Debug)]
pub(crate) struct ResponseMeters {
    /// In the order of [`Measure::ALL`].
    times: [Times; 5],
    last: [Family<Vec<(&'static str, String)>, Seconds>; 5],
    states: Family<Vec<(&'static str, String)>, Gauge>,
    lost: Counter,
    /// Held by the one task that records.
    recorder: tokio::sync::Mutex<Option<Recorder>>,
}

/// What was recorded so far, as the database has it.
#[derive(Debug, Default)]
struct Recorder {
    known: HashSet<String>,
    totals: Totals,
    /// Samples that the store has not taken yet.
    waiting: Vec<SeriesSamples>,
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS)
}

impl ResponseMeters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            times: std::array::from_fn(|_| {
                Times::new_with_constructor(histogram as fn() -> Histogram)
            }),
            last: Default::default(),
            states: Family::default(),
            lost: Counter::default(),
            recorder: tokio::sync::Mutex::default(),
        };
        for measure in Measure::ALL {
            let (name, definition) = (measure.name(), measure.definition());
            let at = measure as usize;
            registry.register(
                metric(measure),
                format!("{name} of resolved incidents: {definition}"),
                meters.times[at].clone(),
            );
            registry.register(
                last_metric(measure),
                format!("{name} of the incident that resolved last"),
                meters.last[at].clone(),
            );
        }
        registry.register(
            "watchfire_incidents",
            "Incidents by their state",
            meters.states.clone(),
        );
        registry.register(
            "watchfire_incident_samples_lost",
            "Samples of response times that the store did not take in time",
            meters.lost.clone(),
        );
        for state in STATES {
            drop(meters.states.get_or_create_owned(&labeled_state(state)));
        }
        meters
    }

    fn count_states(&self, cases: &[Arc<Case>]) {
        for state in STATES {
            let count = cases.iter().filter(|case| case.status == state).count();
            let gauge = self.states.get_or_create_owned(&labeled_state(state));
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn observe(&self, recorded: &Recorded) {
        let owner = &recorded.owner;
        let labels = vec![
            ("service", owner.service.clone()),
            ("severity", owner.severity.clone()),
        ];
        for (at, seconds) in recorded.seconds.into_iter().enumerate() {
            if let Some(seconds) = seconds {
                self.times[at].get_or_create_owned(&labels).observe(seconds);
                self.last[at].get_or_create_owned(&labels).set(seconds);
            }
        }
    }
}

fn labeled_state(state: IncidentStatus) -> Vec<(&'static str, String)> {
    vec![("status", word(&state).unwrap_or_default())]
}

impl Alerts {
    /// Records incidents that resolved, until stopped.
    pub(crate) async fn run_recording(&self, cancel: CancellationToken) {
        loop {
            if let Err(error) = self.record_responses().await {
                self.meters.store_failures.inc();
                tracing::error!(error = %error.0, "response times were not recorded, the next look tries again");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Records each incident that resolved since the last look: in the database, so that sums survive
    /// a restart and never fall, on `/metrics`, and as samples at the time when it resolved.
    pub(crate) async fn record_responses(&self) -> Result<(), StoreError> {
        let cases = self.ledger.cases(&self.pool).await?;
        self.responses.count_states(&cases);
        let mut recorder = self.responses.recorder.lock().await;
        let recorder = match &mut *recorder {
            Some(recorder) => recorder,
            none => none.insert(self.restored().await?),
        };
        let mut fresh: Vec<(String, Recorded)> = cases
            .iter()
            .filter(|case| !recorder.known.contains(&case.id))
            .filter_map(|case| Some((case.id.clone(), recorded(case)?)))
            .collect();
        fresh.sort_by_key(|(_, recorded)| recorded.resolved_at);
        if !fresh.is_empty() {
            keep(&self.pool, &fresh).await?;
        }
        let now = self.clock.now();
        for (id, recorded) in fresh {
            self.responses.observe(&recorded);
            let told = recorder.totals.add(&recorded);
            if now.since(recorded.resolved_at) <= WRITTEN_FOR {
                recorder.waiting.extend(told);
            }
            recorder.known.insert(id);
        }
        self.write_waiting(recorder).await;
        Ok(())
    }

    async fn write_waiting(&self, recorder: &mut Recorder) {
        if recorder.waiting.is_empty() {
            return;
        }
        let Err(error) = self.samples.write(recorder.waiting.clone()).await else {
            recorder.waiting.clear();
            return;
        };
        tracing::warn!(%error, "response times were not written as series, the next look tries again");
        if recorder.waiting.len() > MOST_WAITING {
            let too_many = recorder.waiting.len() - MOST_WAITING;
            self.responses.lost.inc_by(too_many as u64);
            recorder.waiting.drain(..too_many);
        }
    }

    async fn restored(&self) -> Result<Recorder, sqlx::Error> {
        let mut recorder = Recorder::default();
        let rows = sqlx::query("SELECT * FROM recorded_responses ORDER BY resolved_at, incident")
            .fetch_all(&self.pool)
            .await?;
        for row in &rows {
            let one = read(row)?;
            recorder.totals.add(&one);
            self.responses.observe(&one);
            recorder.known.insert(row.try_get("incident")?);
        }
        Ok(recorder)
    }
}

/// What is to be recorded of an incident; nothing while it is open.
fn recorded(case: &Case) -> Option<Recorded> {
    let resolved_at = case.moments.resolved.filter(|_| !case.is_open())?;
    let service = case.services.first().cloned();
    let over = |measure| match case.read(measure, resolved_at) {
        Reading::Over(seconds) => Some(seconds),
        Reading::Running(_) | Reading::Unreached(_) | Reading::NotStarted => None,
    };
    Some(Recorded {
        owner: Owner {
            service: service.unwrap_or_else(|| "none".to_owned()),
            severity: case.severity.to_string(),
        },
        resolved_at,
        seconds: Measure::ALL.map(over),
    })
}

async fn keep(pool: &SqlitePool, all: &[(String, Recorded)]) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for (id, recorded) in all {
        insert(&mut tx, id, recorded).await?;
    }
    tx.commit().await
}

async fn insert(
    tx: &mut SqliteConnection,
    id: &str,
    recorded: &Recorded,
) -> Result<(), sqlx::Error> {
    let mut query = sqlx::query(
        "INSERT INTO recorded_responses (incident, resolved_at, service, severity, ttd, ttn, tta, \
         ttr, time_to_resolve) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (incident) DO NOTHING",
    )
    .bind(id)
    .bind(recorded.resolved_at.nanos())
    .bind(&recorded.owner.service)
    .bind(&recorded.owner.severity);
    for seconds in recorded.seconds {
        query = query.bind(seconds);
    }
    query.execute(tx).await.map(drop)
}

fn read(row: &SqliteRow) -> Result<Recorded, sqlx::Error> {
    let mut seconds = [None; 5];
    for (measure, seconds) in Measure::ALL.into_iter().zip(&mut seconds) {
        *seconds = row.try_get(measure.key())?;
    }
    Ok(Recorded {
        owner: Owner {
            service: row.try_get("service")?,
            severity: row.try_get("severity")?,
        },
        resolved_at: Timestamp::from_nanos(row.try_get("resolved_at")?),
        seconds,
    })
}
