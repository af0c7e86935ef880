use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use http::StatusCode;
use tokio::net::TcpListener;
use watchfire_schemas::ManualClock;
use watchfire_telemetry::LogOutput;

use super::*;
use crate::content::store::MIGRATIONS;
use crate::content::store::NAMESPACE;
use crate::database::{Database, Durability, scratch};
use crate::fault::Faults;
use crate::feed::Source;
use crate::server;
use crate::sql;

/// A feed that answers so many requests and then no more, the workers that read it, and what they
/// wrote.
struct Bench {
    allowed: Arc<AtomicUsize>,
    source: Arc<Source>,
    clock: Arc<ManualClock>,
    database: Database,
    syncs: Vec<Sync>,
    /// The feed ends with it.
    _serving: tokio::task::JoinSet<()>,
    _dir: tempfile::TempDir,
}

const UNLIMITED: usize = usize::MAX / 2;

impl Bench {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_000_000)));
        let (source, allowed) = (Arc::new(Source::new()), Arc::new(AtomicUsize::new(0)));
        let shared: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let router = feed::router(Arc::clone(&source), Arc::clone(&shared));
        let listener = TcpListener::bind(server::LOOPBACK).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = tokio::task::JoinSet::new();
        let router = failing(router, &allowed);
        serving.spawn(server::serve(listener, router, CancellationToken::new()));
        let dir = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::none(1));
        let durability = Durability::Process;
        let opened = scratch::open(dir.path(), NAMESPACE, &MIGRATIONS, durability, faults);
        let database = opened.await.unwrap();
        let telemetry = Telemetry::service("content-sync").log_output(LogOutput::Nowhere);
        let telemetry = telemetry.start().unwrap();
        let syncs = Sync::all(&database, address, &telemetry, &shared).unwrap();
        Self {
            allowed,
            source,
            clock,
            database,
            syncs,
            _serving: serving,
            _dir: dir,
        }
    }

    /// One round of each worker, with so many requests answered in each.
    async fn round(&mut self, allowed: usize) {
        for sync in &mut self.syncs {
            self.allowed.store(allowed, Ordering::SeqCst);
            sync.round().await;
        }
    }

    async fn ids(&self, table: &str) -> BTreeSet<String> {
        let mut connection = self.database.writer().await.unwrap();
        let ids = sql::query_scalar(format!("SELECT id FROM {table}"));
        let ids: Vec<String> = ids.fetch_all(&mut connection).await.unwrap();
        ids.into_iter().collect()
    }

    /// How many of each data set's records are there, of those that should be.
    async fn held(&self) -> Vec<(&'static str, usize, usize)> {
        let mut held = Vec::new();
        for collection in COLLECTIONS {
            let present = self.source.present(collection.resource, self.clock.now());
            let present: BTreeSet<String> = present.map(|record| record.id.clone()).collect();
            let ids = self.ids(collection.table).await;
            let kept = ids.intersection(&present).count();
            assert!(
                ids.is_subset(&present),
                "{} holds what is gone",
                collection.table
            );
            held.push((collection.resource, kept, present.len()));
        }
        held
    }

    async fn scalar(&self, text: &'static str) -> i64 {
        let mut connection = self.database.writer().await.unwrap();
        let found = sql::query_scalar(text).fetch_one(&mut connection);
        found.await.unwrap()
    }
}

fn failing(router: Router, allowed: &Arc<AtomicUsize>) -> Router {
    let allowed = Arc::clone(allowed);
    let gate = move |request: Request, next: Next| {
        let left = allowed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        });
        async move {
            match left {
                Ok(_) => next.run(request).await,
                Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
        }
    };
    router.layer(middleware::from_fn(gate))
}

#[tokio::test]
async fn a_round_that_breaks_off_is_taken_up_where_it_was() {
    let mut bench = Bench::new().await;
    bench.round(0).await;
    assert!(bench.held().await.iter().all(|(_, held, _)| *held == 0));
    // One answer each: those of more than one page are half read.
    bench.round(1).await;
    let held = bench.held().await;
    let part = |(_, held, whole): &&(&str, usize, usize)| 0 < *held && held < whole;
    assert_eq!(held.iter().filter(part).count(), 2, "{held:?}");
    let lag = |sync: &Sync| (sync.collection.resource, sync.instruments.failed.get());
    let failed: Vec<(&str, u64)> = bench.syncs.iter().map(lag).collect();
    assert!(failed.contains(&("lodgings", 2)) && failed.contains(&("books", 1)));
    bench.round(UNLIMITED).await;
    let held = bench.held().await;
    assert!(
        held.iter().all(|(_, held, whole)| held == whole),
        "{held:?}"
    );
}

#[tokio::test]
async fn what_changes_and_goes_at_the_source_does_so_here() {
    let mut bench = Bench::new().await;
    bench.round(UNLIMITED).await;
    let points = bench.ids("points_of_interest").await;
    bench.clock.advance(Duration::from_hours(3));
    bench.round(UNLIMITED).await;
    let held = bench.held().await;
    assert!(
        held.iter().all(|(_, held, whole)| held == whole),
        "{held:?}"
    );
    let later = bench.ids("points_of_interest").await;
    assert!(points.difference(&later).next().is_some(), "some are gone");
    assert!(later.difference(&points).next().is_some(), "some are back");
    for sync in &bench.syncs {
        assert_eq!(
            sync.instruments.lag_seconds.get().to_bits(),
            0.0_f64.to_bits()
        );
    }
}

#[tokio::test]
async fn places_are_indexed_by_all_that_they_lie_in() {
    let mut bench = Bench::new().await;
    bench.round(UNLIMITED).await;
    let all = "SELECT count(*) FROM beneath WHERE ancestor = 'world'";
    assert_eq!(bench.scalar(all).await, 375);
    let braga = "SELECT depth FROM beneath WHERE ancestor = 'europe' AND place = 'portugal-braga'";
    assert_eq!(bench.scalar(braga).await, 3);
    // A parent that is corrected by hand is put right with the next entry on places.
    let moved = "UPDATE places SET parent = 'italy-umbria' WHERE id = 'portugal-braga'";
    let mut connection = bench.database.writer().await.unwrap();
    let moving = sql::query(moved).execute(&mut connection).await;
    moving.unwrap();
    let places = Collection::of("places").unwrap();
    let nothing = row::Changes::default();
    write::changes(&mut connection, places, &nothing)
        .await
        .unwrap();
    drop(connection);
    let italy =
        "SELECT count(*) FROM beneath WHERE ancestor = 'italy' AND place LIKE 'portugal-braga%'";
    assert_eq!(bench.scalar(italy).await, 5, "with its four neighbourhoods");
}

#[tokio::test]
async fn a_feed_that_began_anew_is_no_feed_that_has_nothing_new() {
    let mut bench = Bench::new().await;
    bench.round(UNLIMITED).await;
    let further = "UPDATE sync_position SET cursor = cursor + 1000000";
    let mut connection = bench.database.writer().await.unwrap();
    let adding = sql::query(further).execute(&mut connection).await;
    adding.unwrap();
    drop(connection);
    bench.round(UNLIMITED).await;
    for sync in &bench.syncs {
        assert_eq!(sync.instruments.failed.get(), 1);
    }
}
