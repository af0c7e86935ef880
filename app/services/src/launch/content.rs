use std::net::SocketAddr;
use std::sync::Arc;

use watchfire_telemetry::Telemetry;

use crate::content::Store;
use crate::content::release::{Live, Release};
use crate::content::store::{MIGRATIONS, NAMESPACE};
use crate::content::sync::Sync;
use crate::database::{Database, Durability};
use crate::fault::{self, Extent};
use crate::feed;
use crate::launch::LaunchError;
use crate::server::{self, LOOPBACK};
use crate::setup::{Setup, Started};
use crate::stage::Stage;
use crate::telemetry::{CONTENT, CONTENT_SYNC, VERSION};

/// The content service as it was started. Its releases can be exchanged, each with a telemetry of
/// its own.
#[derive(Debug)]
pub(super) struct Content {
    /// Without its telemetry, which is the release's.
    pub(super) api: Started,
    pub(super) sync: Started,
    pub(super) live: Arc<Live>,
    pub(super) store: Store,
}

/// Starts the source feed, the worker that reads it, and the API. When it returns the database
/// holds all that the feed has. The feed outlives what reads it.
pub(super) async fn start(
    setup: &Setup<'_>,
    source: &Arc<feed::Source>,
    last: &Stage,
) -> Result<Content, LaunchError> {
    let (listener, feed) = server::bind(LOOPBACK).await?;
    last.serve(
        listener,
        feed::router(Arc::clone(source), Arc::clone(&setup.clock)),
    );
    let opening = setup.database(NAMESPACE, &MIGRATIONS, Durability::Process);
    let database = opening.await?;
    let sync_telemetry = setup.telemetry(CONTENT_SYNC)?;
    let sync = start_sync(setup, &database, feed, &sync_telemetry).await?;

    let store = Store::new(database, Arc::clone(&setup.faults));
    let telemetry = setup.telemetry(CONTENT)?;
    let (listener, address) = server::bind(setup.listen).await?;
    telemetry.in_scope(|| tracing::info!("content {VERSION} listens on {address}"));
    let live = Live::new(Release::new(VERSION, telemetry, store.clone(), None));
    let router = live.router().merge(setup.switch.routes(address));
    let faults = Arc::clone(&setup.faults);
    setup
        .stage
        .serve(listener, fault::aimed_at(router, faults, Extent::Leaks));
    let started = |service, address, telemetries| Started {
        service,
        address,
        telemetries,
    };
    Ok(Content {
        api: started(CONTENT, address, Vec::new()),
        sync: started(CONTENT_SYNC, sync, vec![sync_telemetry]),
        live,
        store,
    })
}

/// Makes the first rounds at once, so that there are data, and goes on in the background.
async fn start_sync(
    setup: &Setup<'_>,
    database: &Database,
    feed: SocketAddr,
    telemetry: &Telemetry,
) -> Result<SocketAddr, LaunchError> {
    let syncs = Sync::all(database, feed, telemetry, &setup.clock);
    for mut sync in syncs.map_err(LaunchError::Client)? {
        telemetry.scope(sync.round()).await;
        setup.stage.spawn(|stop| telemetry.scope(sync.run(stop)));
    }
    let (listener, address) = server::bind(LOOPBACK).await?;
    let router = server::status_routes(telemetry, VERSION);
    setup.stage.serve(listener, router);
    Ok(address)
}
