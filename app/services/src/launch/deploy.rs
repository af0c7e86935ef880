use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{Attributes, ChangeEvent, ChangeKind, Clock};
use watchfire_telemetry::Telemetry;

use crate::content::Store;
use crate::content::release::{Live, Release};
use crate::fault::{Deploy, Faults};
use crate::launch::House;
use crate::setup::Started;
use crate::stage::PATIENCE;
use crate::telemetry::{self, CONTENT, Origin, VERSION, Version};

/// The configuration that services run with when nothing has been brought out over it.
const CONFIGURATION: u32 = 40;
/// Who brings changes out.
const AUTHOR: &str = "release train";

/// Brings out changes, one after the other, and tells of each: releases of the content service,
/// configurations of the others.
#[derive(Debug)]
pub(super) struct Deployer {
    /// What answers for the content service, if that runs here.
    content: Option<(Arc<Live>, Store)>,
    faults: BTreeMap<&'static str, Arc<Faults>>,
    /// By service, to say there what was brought out.
    telemetries: BTreeMap<&'static str, Telemetry>,
    /// The newest configuration there ever was.
    newest_configuration: u32,
    origin: Origin,
    clock: Arc<dyn Clock>,
    changes: Option<mpsc::Sender<ChangeEvent>>,
    /// The newest version there ever was; a version number is not used twice.
    newest: Version,
}

impl Deployer {
    pub(super) fn new(
        content: Option<(Arc<Live>, Store)>,
        started: &[Started],
        house: &House<'_>,
    ) -> Self {
        let telemetry = |one: &Started| Some((one.service, one.telemetries.first()?.clone()));
        Self {
            content,
            faults: house.faults.clone(),
            telemetries: started.iter().filter_map(telemetry).collect(),
            newest_configuration: CONFIGURATION,
            origin: house.origin.clone(),
            clock: Arc::clone(&house.launch.clock),
            changes: house.launch.changes.clone(),
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
                Deploy::Bad { service, share } if service == CONTENT => {
                    self.newest = self.newest.next();
                    let summary = format!(
                        "content {} deployed: places show their map tile",
                        self.newest
                    );
                    self.bring_out(self.newest, Some(share), summary).await;
                }
                Deploy::RollBack { service } if service == CONTENT => {
                    let summary = format!("content rolled back from {} to {VERSION}", self.newest);
                    self.bring_out(VERSION, None, summary).await;
                }
                Deploy::Bad { service, .. } => {
                    self.newest_configuration += 1;
                    let newest = self.newest_configuration;
                    let summary = format!("{service} runs with configuration {newest}");
                    self.configure(service, newest, summary).await;
                }
                Deploy::RollBack { service } => {
                    let newest = self.newest_configuration;
                    let summary = format!(
                        "{service} went back from configuration {newest} to {CONFIGURATION}"
                    );
                    self.configure(service, CONFIGURATION, summary).await;
                }
            }
        }
    }

    /// Tells of a configuration. What it breaks, the fault itself does.
    async fn configure(&self, service: &'static str, configuration: u32, summary: String) {
        if let Some(telemetry) = self.telemetries.get(service) {
            telemetry.in_scope(|| {
                tracing::info!("configuration.version" = configuration, "{summary}");
            });
        }
        self.tell(ChangeEvent {
            id: String::new(),
            at: self.clock.now(),
            kind: ChangeKind::Config,
            service: service.to_owned(),
            summary,
            version: None,
            author: Some(AUTHOR.to_owned()),
            link: None,
            attributes: Attributes::from_iter([(
                "configuration.version".to_owned(),
                configuration.into(),
            )]),
        })
        .await;
    }

    async fn bring_out(&self, version: Version, lacking: Option<f64>, summary: String) {
        let Some((live, store)) = &self.content else {
            return;
        };
        let telemetry = match self.origin.start(CONTENT, version, &self.faults[CONTENT]) {
            Ok(telemetry) => telemetry,
            Err(error) => {
                live.release().telemetry.in_scope(|| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "content {version} was not brought out"
                    );
                });
                return;
            }
        };
        telemetry.in_scope(|| tracing::info!("content {version} takes over"));
        let release = Release::new(version, telemetry, store.clone(), lacking);
        let at = self.clock.now();
        let before = live.exchange(release);
        let previous = before.version.to_string();
        self.tell(ChangeEvent {
            id: String::new(),
            at,
            kind: ChangeKind::Deploy,
            service: CONTENT.to_owned(),
            summary,
            version: Some(version.to_string()),
            author: Some(AUTHOR.to_owned()),
            link: None,
            attributes: Attributes::from_iter([("previous_version".to_owned(), previous.into())]),
        })
        .await;
        if tokio::time::timeout(PATIENCE, before.finish())
            .await
            .is_err()
        {
            let release = live.release();
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
            tracing::warn!("nobody takes the change: {}", change.summary);
        }
    }
}
