//! The files that rules are read from, and read anew when they change or a hang-up asks for it.

mod glob;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use watchfire_alerts::{
    Alerts, OwnSlo, RuleFinding, SloPeriod, Weight, check_rules, compile_own_slos,
};

pub(crate) use glob::expand;

use crate::config::{ConfigError, read_slos};

/// Stands for a file where objectives of the configuration itself are shown.
const OWN_OBJECTIVES: &str = "objectives";
/// How often it is looked whether a file has changed.
const LOOK: Duration = Duration::from_secs(5);

/// Where rules come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleFiles {
    /// Files, or patterns of files.
    pub(crate) patterns: Vec<PathBuf>,
    /// Files of service level objectives, or patterns of files.
    pub(crate) slo_files: Vec<PathBuf>,
    /// Objectives of the configuration itself.
    pub(crate) own_slos: Vec<OwnSlo>,
    /// Of objectives that do not say.
    pub(crate) slo_period: SloPeriod,
    /// Whether the default pack is among the rules.
    pub(crate) with_default: bool,
}

/// How the files looked: which there are, when each was written, and how long it is.
type Look = Vec<(PathBuf, Option<(SystemTime, u64)>)>;

impl RuleFiles {
    fn paths(patterns: &[PathBuf]) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = Vec::new();
        for path in patterns.iter().flat_map(|pattern| expand(pattern)) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
    }

    /// All files as (name, text), checked.
    pub(crate) fn read(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut rules: Vec<_> = self
            .with_default
            .then(Alerts::default_rules)
            .into_iter()
            .collect();
        for path in Self::paths(&self.patterns) {
            let text =
                std::fs::read_to_string(&path).map_err(|source| ConfigError::Unreadable {
                    path: path.clone(),
                    source,
                })?;
            rules.push((path.display().to_string(), text));
        }
        for path in Self::paths(&self.slo_files) {
            rules.push(read_slos(&path, self.slo_period)?);
        }
        if !self.own_slos.is_empty() {
            let compiled = compile_own_slos(&self.own_slos).map_err(|error| {
                let reason = error.to_string();
                ConfigError::Option {
                    option: "slo",
                    reason,
                }
            })?;
            rules.push((OWN_OBJECTIVES.to_owned(), compiled.rules));
        }
        let checked = rules
            .iter()
            .flat_map(|(name, text)| check_rules(name, text));
        let errors: Vec<RuleFinding> = checked
            .filter(|finding| finding.weight == Weight::Error)
            .collect();
        if errors.is_empty() {
            Ok(rules)
        } else {
            Err(ConfigError::Rules(errors))
        }
    }

    fn look(&self) -> Look {
        let slo_files = Self::paths(&self.slo_files);
        let paths = Self::paths(&self.patterns).into_iter().chain(slo_files);
        paths
            .map(|path| {
                let found = std::fs::metadata(&path).ok();
                let found = found.and_then(|file| Some((file.modified().ok()?, file.len())));
                (path, found)
            })
            .collect()
    }

    /// Puts the rules in use anew whenever a file has changed, and at each hang-up, until
    /// cancelled. Rules that are wrong are told of and change nothing.
    pub(crate) async fn follow(self, alerts: Arc<Alerts>, cancel: CancellationToken) {
        let mut hang_ups = match signal(SignalKind::hangup()) {
            Ok(hang_ups) => hang_ups,
            Err(error) => {
                tracing::error!(%error, "hang-ups cannot be listened for; rules are not read anew");
                return;
            }
        };
        let files = Arc::new(self);
        let mut seen = files.blocking(Self::look).await;
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let asked = tokio::select! {
                () = cancel.cancelled() => return,
                _ = hang_ups.recv() => true,
                _ = looks.tick() => false,
            };
            let found = files.blocking(Self::look).await;
            if found.is_some() && (asked || found != seen) {
                seen = found;
                files.reload(&alerts).await;
            }
        }
    }

    async fn reload(self: &Arc<Self>, alerts: &Alerts) {
        let outcome = match self.blocking(Self::read).await {
            None => return,
            Some(Ok(rules)) => alerts.reload(&rules).await.map_err(anyhow::Error::from),
            Some(Err(error)) => {
                alerts.reload_refused();
                Err(error.into())
            }
        };
        match outcome {
            Ok(reloaded) => tracing::info!(
                groups = reloaded.groups,
                rules = reloaded.rules,
                changed = reloaded.changed,
                removed = reloaded.removed,
                "rules read anew"
            ),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(%error, "rules cannot be read anew, those before stay in use");
            }
        }
    }

    /// None if the runtime stops.
    async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Option<T> {
        let files = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&files)).await.ok()
    }
}
