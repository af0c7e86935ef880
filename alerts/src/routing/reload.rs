//! The routing configuration, put in use at the start and anew when the file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RoutingConfig;
use super::config::AlertmanagerConfig;
use crate::receivers::Receivers;
use crate::{Alerts, RuleFinding, StoreError};

/// A file in Alertmanager's format, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerFile {
    pub path: PathBuf,
    pub text: String,
}

impl AlertmanagerFile {
    pub async fn read(path: PathBuf) -> std::io::Result<Self> {
        let text = tokio::fs::read_to_string(&path).await?;
        Ok(Self { path, text })
    }
}

/// Why a new configuration is not in use; the one before is.
#[derive(Debug, thiserror::Error)]
pub enum RoutingError {
    /// At least one finding.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<RuleFinding>),
    #[error("{0}")]
    Receivers(String),
    #[error("the groups of alerts could not be written")]
    Store(#[source] StoreError),
}

/// Checks a file in Alertmanager's format without using it. Where nothing is found it can be used.
pub fn check_alertmanager(file: &AlertmanagerFile) -> Vec<RuleFinding> {
    RoutingConfig::read(file).err().unwrap_or_default()
}

impl RoutingConfig {
    pub(crate) fn read(file: &AlertmanagerFile) -> Result<Self, Vec<RuleFinding>> {
        let name = file.path.display().to_string();
        let base = file.path.parent().unwrap_or(Path::new("."));
        let routes = AlertmanagerConfig::read(&name, &file.text);
        let receivers = Receivers::read(&name, &file.text, base);
        match (routes, receivers) {
            (Ok(routes), Ok(receivers)) => Ok(Self { routes, receivers }),
            (routes, receivers) => {
                let findings = [routes.err(), receivers.err()].into_iter().flatten();
                let mut findings: Vec<RuleFinding> = findings.flatten().collect();
                findings.sort_by_key(|found| (found.line, found.column));
                // Both look at the file as a whole.
                findings.dedup_by_key(|found| (found.line, found.column));
                Err(findings)
            }
        }
    }
}

impl Alerts {
    /// Puts another routing configuration in use. Alerts go to the groups that it makes; a group
    /// that there was before keeps its time. If anything is wrong with it, nothing changes.
    pub async fn reload_routing(&self, file: &AlertmanagerFile) -> Result<(), RoutingError> {
        let outcome = self.replace_routing(file).await;
        match &outcome {
            Ok(()) => self.routing.meters.reloads.inc(),
            Err(_) => self.routing.meters.reload_failures.inc(),
        };
        outcome
    }

    /// Counts that the file could not even be read.
    pub fn routing_reload_refused(&self) {
        self.routing.meters.reload_failures.inc();
    }

    async fn replace_routing(&self, file: &AlertmanagerFile) -> Result<(), RoutingError> {
        let config = RoutingConfig::read(file).map_err(RoutingError::Findings)?;
        let _one_at_a_time = self.routing.writing.lock().await;
        self.outbox
            .set_receivers(&config.receivers)
            .map_err(|error| RoutingError::Receivers(error.to_string()))?;
        let config = Arc::new(config);
        self.regroup(config).await.map_err(RoutingError::Store)?;
        self.routing.wake.notify_one();
        Ok(())
    }

    /// Puts a configuration in use, and the alerts into its groups.
    pub(crate) async fn regroup(&self, config: Arc<RoutingConfig>) -> Result<(), StoreError> {
        let now = self.clock.now();
        let changes = self.routing.held().regrouped(&config.routes.route, now);
        self.commit(changes).await?;
        self.routing.put_in_use(config);
        Ok(())
    }
}
