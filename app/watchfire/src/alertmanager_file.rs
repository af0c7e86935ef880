//! The file that says how alerts are routed, read anew when it changes or a hang-up asks for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use watchfire_alerts::{AlertmanagerFile, Alerts};

/// How often it is looked whether the file has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Puts the file in use anew whenever it has changed, and at each hang-up, until cancelled. A file
/// that is wrong is told of and changes nothing.
pub(crate) async fn follow(path: PathBuf, alerts: Arc<Alerts>, cancel: CancellationToken) {
    let mut hang_ups = match signal(SignalKind::hangup()) {
        Ok(hang_ups) => hang_ups,
        Err(error) => {
            tracing::error!(%error, "hang-ups cannot be listened for; routes are not read anew");
            return;
        }
    };
    let mut seen = look(&path).await;
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let asked = tokio::select! {
            () = cancel.cancelled() => return,
            _ = hang_ups.recv() => true,
            _ = looks.tick() => false,
        };
        let found = look(&path).await;
        if asked || found != seen {
            seen = found;
            reload(&path, &alerts).await;
        }
    }
}

/// When the file was written and how long it is; none if it is not there.
async fn look(path: &Path) -> Option<(SystemTime, u64)> {
    let found = tokio::fs::metadata(path).await.ok()?;
    Some((found.modified().ok()?, found.len()))
}

async fn reload(path: &Path, alerts: &Alerts) {
    let outcome = match AlertmanagerFile::read(path.to_owned()).await {
        Ok(file) => alerts
            .reload_routing(&file)
            .await
            .map_err(anyhow::Error::from),
        Err(error) => {
            alerts.routing_reload_refused();
            Err(error.into())
        }
    };
    match outcome {
        Ok(()) => tracing::info!(file = %path.display(), "routes read anew"),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(%error, "routes cannot be read anew, those before stay in use");
        }
    }
}
