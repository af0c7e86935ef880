use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{HeaderMap, Method};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Row, Sqlite, Transaction};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use watchfire_schemas::{Clock, Timestamp};
use watchfire_telemetry::Telemetry;

use crate::client::{Call, Client};
use crate::content::store::NAMESPACE;
use crate::database::Database;
use crate::failure::{Failure, Kind, Via, frame};
use crate::feed::{self, Entries, Entry, Place, PointOfInterest, Record};
use crate::statement::{Operation, Statement};

/// How often the feed is asked.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(15);
/// Where the records of the sync come from.
pub(crate) const TARGET: &str = module_path!();
/// The span around one round.
pub(crate) const ROUND: &str = "sync places";
pub(crate) const PLACES: Statement = Statement::new(Operation::Upsert, "places");
pub(crate) const POINTS: Statement = Statement::new(Operation::Upsert, "points_of_interest");
pub(crate) const POSITION: Statement = Statement::new(Operation::Upsert, "sync_position");
/// The feed's name in the table of positions.
const FEED: &str = "places";

/// Keeps the content database in step with the source feed. It remembers how far it has read in
/// the database itself, in the transaction that holds what it read: a stop at any point loses and
/// repeats nothing.
#[derive(Debug)]
pub(crate) struct Sync {
    database: Database,
    feed: Client,
    clock: Arc<dyn Clock>,
    in_progress: Gauge,
    lag_seconds: Gauge<f64, AtomicU64>,
    entries: Counter,
    /// When the database was last known to hold all that the feed has.
    in_step: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error("the feed answered {0}")]
    Refused(http::StatusCode),
    #[error("the feed's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the entries cannot be written")]
    Write(#[source] sqlx::Error),
}

impl Kind for SyncError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "SyncError::Refused",
            Self::Unreadable(_) => "SyncError::Unreadable",
            Self::Write(_) => "SyncError::Write",
        }
    }
}

impl Sync {
    pub(crate) fn new(
        database: Database,
        feed: SocketAddr,
        telemetry: &Telemetry,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let (in_progress, lag_seconds, entries) =
            (Gauge::default(), Gauge::default(), Counter::default());
        let mut registry = telemetry.registry();
        registry.register(
            "sync_in_progress",
            "Whether a round of the sync is under way",
            in_progress.clone(),
        );
        registry.register(
            "sync_lag_seconds",
            "How long ago the data were last in step with the feed",
            lag_seconds.clone(),
        );
        registry.register(
            "sync_entries",
            "Entries of the feed that were applied",
            entries.clone(),
        );
        drop(registry);
        Ok(Self {
            database,
            feed: Client::new(feed, telemetry)?,
            in_step: clock.now(),
            clock,
            in_progress,
            lag_seconds,
            entries,
        })
    }

    /// One round: reads the feed to its end. A failure is written down; the next round goes on from there.
    pub(crate) async fn round(&mut self) {
        let span = tracing::info_span!(
            "sync",
            "otel.name" = ROUND,
            "otel.status_code" = tracing::field::Empty
        );
        self.in_progress.set(1);
        async {
            match self.catch_up().await {
                Ok((applied, cursor)) => {
                    self.in_step = self.clock.now();
                    report_applied(applied, cursor);
                }
                Err(failure) => {
                    tracing::Span::current().record("otel.status_code", "ERROR");
                    failure.report(format_args!("sync of {FEED} failed"));
                }
            }
        }
        .instrument(span)
        .await;
        self.in_progress.set(0);
        let lag = self.clock.now().seconds_since(self.in_step);
        self.lag_seconds.set(lag.max(0.0));
    }

    /// A round every [`POLL_EVERY`] until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(POLL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick comes at once, and the first round was made before.
        ticks.tick().await;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.round().await;
        }
    }

    async fn catch_up(&self) -> Result<(usize, u64), Failure> {
        let mut cursor = self.position().await.via(frame!("Sync::catch_up"))?;
        let mut applied = 0;
        loop {
            let Entries { entries, latest } =
                self.read(cursor).await.via(frame!("Sync::catch_up"))?;
            let Some(last) = entries.last() else {
                return Ok((applied, cursor));
            };
            cursor = last.cursor;
            self.apply(&entries, cursor)
                .await
                .via(frame!("Sync::catch_up"))?;
            applied += entries.len();
            self.entries.inc_by(entries.len() as u64);
            if cursor >= latest {
                return Ok((applied, cursor));
            }
        }
    }

    async fn position(&self) -> Result<u64, Failure> {
        let row = sqlx::query("SELECT cursor FROM sync_position WHERE feed = ?")
            .bind(FEED)
            .fetch_optional(self.database.writer())
            .await;
        let cursor = row.and_then(|row| row.map(|row| row.try_get::<i64, _>(0)).transpose());
        let cursor = cursor
            .map_err(|error| Failure::new(SyncError::Write(error), frame!("Sync::position")))?;
        Ok(cursor
            .and_then(|cursor| u64::try_from(cursor).ok())
            .unwrap_or(0))
    }

    async fn read(&self, after: u64) -> Result<Entries, Failure> {
        let path_and_query = format!(
            "{}?after={after}&limit={}",
            feed::ENTRIES,
            feed::MAX_ENTRIES
        );
        let call = Call {
            method: Method::GET,
            template: feed::ENTRIES,
            path_and_query: &path_and_query,
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let answer = self.feed.send(call).await.via(frame!("Sync::read"))?;
        if !answer.status.is_success() {
            return Err(Failure::new(
                SyncError::Refused(answer.status),
                frame!("Sync::read"),
            ));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::new(SyncError::Unreadable(error), frame!("Sync::read")))
    }

    /// Writes entries and the position after them, all or nothing.
    async fn apply(&self, entries: &[Entry], cursor: u64) -> Result<(), Failure> {
        let failed = |error| Failure::new(SyncError::Write(error), frame!("Sync::apply"));
        let mut transaction = self.database.writer().begin().await.map_err(failed)?;
        let is_place = |entry: &&Entry| matches!(entry.record, Record::Place(_));
        let (places, points): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(is_place);
        for (statement, entries) in [(PLACES, places), (POINTS, points)] {
            if !entries.is_empty() {
                let writing = async { upsert(&mut transaction, &entries).await.map_err(failed) };
                statement.trace(NAMESPACE, writing).await?;
            }
        }
        let moving = async {
            sqlx::query("INSERT INTO sync_position (feed, cursor) VALUES (?, ?) ON CONFLICT (feed) DO UPDATE SET cursor = excluded.cursor")
                .bind(FEED)
                .bind(i64::try_from(cursor).unwrap_or(i64::MAX))
                .execute(&mut *transaction)
                .await
                .map_err(failed)
        };
        POSITION.trace(NAMESPACE, moving).await?;
        transaction.commit().await.map_err(failed)
    }
}

/// What is said of a round that went well, live and in the history.
pub(crate) fn applied_message(applied: usize, cursor: u64) -> String {
    format!("sync applied {applied} entries up to cursor {cursor}")
}

fn report_applied(applied: usize, cursor: u64) {
    tracing::info!(
        "sync.entries" = applied,
        "sync.cursor" = cursor,
        "{}",
        applied_message(applied, cursor)
    );
}

async fn upsert(
    transaction: &mut Transaction<'_, Sqlite>,
    entries: &[&Entry],
) -> Result<(), sqlx::Error> {
    for entry in entries {
        let query = match &entry.record {
            Record::Place(place) => upsert_place(place),
            Record::PointOfInterest(point) => upsert_point(point),
        };
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

type Write<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn upsert_place(place: &Place) -> Write<'_> {
    sqlx::query(
        "INSERT INTO places (id, kind, name, summary, latitude, longitude, population, parent, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, \
         name = excluded.name, summary = excluded.summary, latitude = excluded.latitude, \
         longitude = excluded.longitude, population = excluded.population, parent = excluded.parent, \
         updated_at = excluded.updated_at",
    )
    .bind(&place.id)
    .bind(place.kind.as_str())
    .bind(&place.name)
    .bind(&place.summary)
    .bind(place.latitude)
    .bind(place.longitude)
    .bind(place.population)
    .bind(&place.parent)
    .bind(place.updated_at.nanos())
}

fn upsert_point(point: &PointOfInterest) -> Write<'_> {
    sqlx::query(
        "INSERT INTO points_of_interest \
         (id, kind, name, summary, latitude, longitude, rating, opening_hours, place, updated_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, \
         name = excluded.name, summary = excluded.summary, latitude = excluded.latitude, \
         longitude = excluded.longitude, rating = excluded.rating, \
         opening_hours = excluded.opening_hours, place = excluded.place, \
         updated_at = excluded.updated_at",
    )
    .bind(&point.id)
    .bind(&point.kind)
    .bind(&point.name)
    .bind(&point.summary)
    .bind(point.latitude)
    .bind(point.longitude)
    .bind(point.rating)
    .bind(&point.opening_hours)
    .bind(&point.place)
    .bind(point.updated_at.nanos())
}
