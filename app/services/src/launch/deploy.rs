use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{Attributes, ChangeEvent, ChangeKind, Clock};

use crate::content::Store;
use crate::content::release::{Live, Release};
use crate::fault::Deploy;
use crate::launch::{Export, Launch};
use crate::stage::PATIENCE;
use crate::telemetry::{self, CONTENT, VERSION, Version};

/// Brings out releases of the content service, one after the other, and tells of each.
#[derive(Debug)]
pub(super) struct Deployer {
    live: Arc<Live>,
    store: Store,
    export: Export,
    clock: Arc<dyn Clock>,
    changes: Option<mpsc::Sender<ChangeEvent>>,
    /// The newest version there ever was; a version number is not used twice.
    newest: Version,
}

impl Deployer {
    pub(super) fn new(live: Arc<Live>, store: Store, launch: &Launch) -> Self {
        Self {
            live,
            store,
            export: launch.export.clone(),
            clock: Arc::clone(&launch.clock),
            changes: launch.changes.clone(),
            newest: VERSION,
        }
    }

    pub(super) async fn run(
        mut self,
        mut orders: mpsc::UnboundedReceiver<Deploy>,
        stop: CancellationToken,
    ) {
        while let Some(Some(order)) = stop.run_until_cancelled(orders.recv()).await {
            match order {
                Deploy::Bad { share } => {
                    self.newest = self.newest.next();
                    let summary = format!(
                        "content {} deployed: places show their map tile",
                        self.newest
                    );
                    self.bring_out(self.newest, Some(share), summary).await;
                }
                Deploy::RollBack => {
                    let summary = format!("content rolled back from {} to {VERSION}", self.newest);
                    self.bring_out(VERSION, None, summary).await;
                }
            }
        }
    }

    async fn bring_out(&self, version: Version, lacking: Option<f64>, summary: String) {
        let telemetry = match telemetry::start(CONTENT, version, &self.export, &self.clock) {
            Ok(telemetry) => telemetry,
            Err(error) => {
                let release = self.live.release();
                release.telemetry.in_scope(|| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "content {version} was not brought out"
                    );
                });
                return;
            }
        };
        telemetry.in_scope(|| tracing::info!("content {version} takes over"));
        let release = Release::new(version, telemetry, self.store.clone(), lacking);
        let at = self.clock.now();
        let before = self.live.exchange(release);
        self.tell(ChangeEvent {
            id: String::new(),
            at,
            kind: ChangeKind::Deploy,
            service: CONTENT.to_owned(),
            summary,
            version: Some(version.to_string()),
            author: Some("release train".to_owned()),
            link: None,
            attributes: Attributes::from_iter([(
                "previous_version".to_owned(),
                before.version.to_string().into(),
            )]),
        })
        .await;
        if tokio::time::timeout(PATIENCE, before.finish())
            .await
            .is_err()
        {
            let release = self.live.release();
            let before = before.version;
            release
                .telemetry
                .in_scope(|| tracing::warn!("requests of content {before} were cut off"));
        }
        telemetry::stop(vec![before.telemetry.clone()]).await;
    }

    async fn tell(&self, change: ChangeEvent) {
        let Some(changes) = &self.changes else { return };
        if let Err(mpsc::error::SendError(change)) = changes.send(change).await {
            let release = self.live.release();
            release
                .telemetry
                .in_scope(|| tracing::warn!("nobody takes the change: {}", change.summary));
        }
    }
}
