use std::collections::BTreeSet;
use std::sync::Arc;

use watchfire_schemas::{LabelSet, Sample};

use super::group::{LoadedGroup, Memory, read_groups};
use super::recording::number_at;
use crate::routing::is_received;
use crate::rules::{Rule, RuleGroup};
use crate::{Alerts, RuleFinding, StoreError, alert_store};

/// Why new rules are not in use; those before are.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// At least one finding.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rules(Vec<RuleFinding>),
    #[error("the states of rules that are gone could not be forgotten")]
    Store(#[source] StoreError),
}

/// What came of reading rules anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloaded {
    pub groups: usize,
    pub rules: usize,
    /// How many groups are new or other than before.
    pub changed: usize,
    /// How many are gone.
    pub removed: usize,
}

impl Alerts {
    /// Puts other rules in use, as (name of file, text). A group that is the same goes on undisturbed;
    /// in one that changed, rules that keep their name keep their alerts. What rules wrote that are
    /// gone ends. If anything is wrong with the files, nothing changes.
    pub async fn reload(&self, files: &[(String, String)]) -> Result<Reloaded, ReloadError> {
        let _one_at_a_time = self.reloading.lock().await;
        let outcome = self.replace(files).await;
        match &outcome {
            Ok(_) => self.meters.reloads.inc(),
            Err(_) => self.meters.reload_failures.inc(),
        };
        outcome
    }

    /// Counts that rules could not even be read, so that [`Self::reload`] was not asked.
    pub fn reload_refused(&self) {
        self.meters.reload_failures.inc();
    }

    async fn replace(&self, files: &[(String, String)]) -> Result<Reloaded, ReloadError> {
        let read = read_groups(files).map_err(ReloadError::Rules)?;
        let mut left: Vec<Arc<LoadedGroup>> = self.groups().to_vec();
        let mut groups = Vec::with_capacity(read.len());
        let mut changed = 0;
        for (file, rules) in read {
            let same =
                |group: &Arc<LoadedGroup>| group.file == file && group.rules.name == rules.name;
            let before = left.iter().position(same).map(|at| left.remove(at));
            if let Some(before) = &before
                && before.rules == rules
            {
                groups.push(Arc::clone(before));
                continue;
            }
            changed += 1;
            let memory = match before {
                Some(before) => stopped(&before).await.for_rules(&rules),
                None => Memory::default(),
            };
            groups.push(LoadedGroup::new(file, rules, memory));
        }
        let removed = left.len();
        let mut ended = BTreeSet::new();
        for group in left {
            let memory = stopped(&group).await.for_rules(&nothing());
            ended.extend(memory.gone);
            self.meters.of(&group).end();
        }
        let rules = groups.iter().map(|group| group.rules.rules.len()).sum();
        let reloaded = Reloaded {
            groups: groups.len(),
            rules,
            changed,
            removed,
        };
        self.forget_all_but(&groups).await?;
        self.end(ended, &groups).await;
        self.put_in_use(groups);
        Ok(reloaded)
    }

    /// Forgets the alerts of rules that are no more.
    async fn forget_all_but(&self, groups: &[Arc<LoadedGroup>]) -> Result<(), ReloadError> {
        let rules = groups.iter().flat_map(|group| &group.rules.rules);
        let keys: BTreeSet<&str> = rules.map(Rule::key).collect();
        let ids: BTreeSet<String> = groups.iter().map(|group| group.id()).collect();
        let _one_at_a_time = self.step.lock().await;
        let known = self.board().rules_with_states();
        let stays = |key: &str| keys.contains(key) || is_received(key);
        for key in known.iter().filter(|key| !stays(key)) {
            let forgotten = alert_store::forget(&self.pool, key).await;
            forgotten.map_err(|error| ReloadError::Store(StoreError(error)))?;
        }
        self.board().keep_only(stays, |id| ids.contains(id));
        Ok(())
    }

    /// Ends series of groups that are gone, unless a group in use writes them too.
    async fn end(&self, mut ended: BTreeSet<LabelSet>, groups: &[Arc<LoadedGroup>]) {
        for group in groups {
            let memory = group.memory.lock().await;
            ended.retain(|labels| !memory.holds(labels));
        }
        if ended.is_empty() {
            return;
        }
        let now = self.clock.now().millis();
        let series = ended.into_iter();
        let series = series.map(|labels| number_at(labels, Some(Sample::STALE), now));
        if let Err(error) = self.samples.write(series.collect()).await {
            self.meters.sample_failures.inc();
            tracing::warn!(%error, "series of rules that are gone could not be ended; they end by themselves");
        }
    }
}

/// Stops a group once its evaluation under way is done, and takes what it remembers.
async fn stopped(group: &LoadedGroup) -> Memory {
    group.stop.cancel();
    std::mem::take(&mut *group.memory.lock().await)
}

fn nothing() -> RuleGroup {
    RuleGroup {
        name: String::new(),
        interval: None,
        query_offset: std::time::Duration::ZERO,
        limit: 0,
        rules: Vec::new(),
    }
}
