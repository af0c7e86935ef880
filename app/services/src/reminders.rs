//! Reminders of a health app, kept in step over a person's devices.
//!
//! A device sends what it changed and fetches what changed elsewhere, from a token on. Sessions
//! are verified by their signature alone. All clients of the base tend to come on the hour: what
//! has not changed is answered from memory, what is written is committed in groups, and each
//! client is told a time of its own to come again. Partners' programmes have a pool of their own.

mod admission;
mod api;
mod change;
mod document;
mod instruments;
mod keyring;
mod ledger;
mod name;
mod next_sync;
mod pool;
mod record;
mod recurrence;
mod schedule;
mod session;
mod store;
mod sync_token;
#[cfg(test)]
mod tests;
mod versions;
mod writer;
mod wrongs;

use std::sync::Arc;

use crate::database::Durability;
use crate::failure::Failure;
use crate::launch::LaunchError;
use crate::reminders::api::Api;
use crate::reminders::instruments::Instruments;
use crate::reminders::keyring::Keyring;
use crate::reminders::pool::{Consumers, Pool};
use crate::reminders::store::Store;
use crate::secret::SecretError;
use crate::setup::{Setup, Started};
use crate::traced::traced;

pub(crate) use api::ROUTES;

pub(crate) const SERVICE: &str = "reminders";
/// The keys of the sessions: those that the accounts service signs with.
const KEYS: &str = "sessions.key";

pub(crate) async fn start(setup: &Setup<'_>) -> Result<Started, LaunchError> {
    let telemetry = setup.telemetry(SERVICE)?;
    let keyring = Keyring::parse(&setup.secret(KEYS)?).map_err(|error| {
        let (name, reason) = (KEYS.to_owned(), error.to_string());
        LaunchError::Secret(SecretError::Malformed { name, reason })
    })?;
    let instruments = Instruments::register(&telemetry);
    let mut pools = Vec::new();
    for (consumers, name) in [
        (Consumers::Base, "reminders"),
        (Consumers::Partners, "reminders_partners"),
    ] {
        let database = setup.database(name, &store::MIGRATIONS, Durability::Power);
        let store = Store::new(database.await?);
        let clock = Arc::clone(&setup.clock);
        let opened = Pool::open(consumers, store, clock, (&instruments, &telemetry));
        let opened = telemetry.scope(opened).await;
        let (pool, group_commit) = opened.map_err(|failure| unreadable(&failure))?;
        setup
            .stage
            .spawn(|stop| telemetry.scope(group_commit.run(stop)));
        pools.push(pool);
    }
    let [base, partners] = <[Pool; 2]>::try_from(pools).expect("there are two");
    let api = Arc::new(Api {
        keyring,
        clock: Arc::clone(&setup.clock),
        base,
        partners,
        instruments,
    });
    let api = traced(api::router(api), &telemetry);
    setup.serve(SERVICE, telemetry, api).await
}

fn unreadable(failure: &Failure) -> LaunchError {
    LaunchError::Unreadable {
        service: SERVICE,
        reason: failure.message(),
    }
}
