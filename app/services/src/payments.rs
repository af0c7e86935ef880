//! Payments: an event-driven pipeline over a double-entry ledger.
//!
//! A command is accepted by one transaction that holds its effect, its event, the event's place in
//! the outbox of each consumer, and the answer kept under its idempotency key. Relays bring the
//! events to the consumers, in order for each payment and at least once: the provider is asked, the
//! ledger is posted, subscribers are told. Each consumer notes what it has taken in the transaction
//! of its effect, so that every effect happens once.
//!
//! Invariants. Nothing is sent to the provider that may have been sent before without asking it what
//! became of that. No entry of the ledger is ever changed, and the database refuses transactions
//! that do not sum to zero. No token of a card leaves the database but for the provider.

mod api;
mod breaker;
mod consume;
mod event;
mod forget;
mod id;
mod idempotency;
mod instruments;
mod ledger;
mod money;
mod operation;
mod payment;
mod pipeline;
mod provider;
mod relay;
mod sandbox;
mod settle;
mod state;
mod subscriber;
mod watch;
mod writer;

use std::sync::{Arc, OnceLock};

use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;

use crate::database::{Durability, Migrations, migrations};
use crate::launch::LaunchError;
use crate::setup::{Setup, Started};
use crate::traced::traced;
use event::Consumer;
use instruments::{CommitInstruments, Instruments};
use pipeline::Pipeline;
use provider::Provider;
use relay::Relay;
use subscriber::Sender;
use writer::Writer;

pub(crate) use api::ROUTES;

pub(crate) const SERVICE: &str = "payments";
/// Takes the events that the service makes.
const WORKER: &str = "payments-worker";
const NAMESPACE: &str = "payments";
/// Shared with the provider: it names us to it, and it to us.
const SECRET: &str = "payments.provider";
/// Where the provider is; without it there is a sandbox.
const PROVIDER_URL: &str = "WATCHFIRE_PAYMENTS_PROVIDER_URL";

static MIGRATIONS: Migrations = migrations!("migrations/payments", "migrations/postgres/payments");

pub(crate) async fn start(setup: &Setup<'_>) -> Result<Started, LaunchError> {
    let telemetry = setup.telemetry(SERVICE)?;
    let worker = setup.telemetry(WORKER)?;
    let database = setup
        .database(NAMESPACE, &MIGRATIONS, Durability::Power)
        .await?;
    let secret = setup.secret(SECRET)?;
    let provider = match std::env::var(PROVIDER_URL) {
        Ok(url) => url,
        Err(_) => sandbox::start(setup, secret.clone()).await?,
    };

    let notifies = || Consumer::ALL.map(|_| Notify::new()).into();
    let woken: Arc<Vec<Notify>> = Arc::new(notifies());
    let commits = CommitInstruments::register(&mut telemetry.registry());
    let opened = database.clone();
    let (writer, committer) = Writer::new(opened, commits, Arc::clone(&woken));
    setup.stage.spawn(|_| committer.run());
    let pipeline = Arc::new(Pipeline {
        database: database.clone(),
        writer: writer.clone(),
        provider: Provider::new(&provider, &secret, &worker).map_err(LaunchError::Client)?,
        sender: Sender::new(&worker).map_err(LaunchError::Client)?,
        clock: Arc::clone(&setup.clock),
        instruments: Instruments::register(&mut worker.registry()),
        telemetry: worker.clone(),
        faults: Arc::clone(&setup.faults),
        woken,
        notifications: OnceLock::new(),
    });

    let replayed = Counter::default();
    telemetry.registry().register(
        "payments_idempotent_replays",
        "Requests that were answered as an earlier one with their key",
        replayed.clone(),
    );
    let api = api::router(api::Api {
        database,
        writer,
        clock: Arc::clone(&setup.clock),
        telemetry: telemetry.clone(),
        replayed,
        pipeline: Arc::clone(&pipeline),
        provider_secret: secret,
    });
    let api = traced(api, &telemetry);
    let mut started = setup.serve(SERVICE, telemetry, api).await?;
    let notifications = format!("http://{}/v1/provider/notifications", started.address);
    pipeline.notifications.get_or_init(|| notifications);
    for consumer in Consumer::ALL {
        let relay = Relay::new(Arc::clone(&pipeline), consumer);
        setup.stage.spawn(|stop| worker.scope(relay.run(stop)));
    }
    setup
        .stage
        .spawn(|stop| worker.scope(watch::watch(pipeline, stop)));
    started.telemetries.push(worker);
    Ok(started)
}
