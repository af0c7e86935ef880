use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::LabelSet;

use crate::RuleFinding;
use crate::alert_series::series_of;
use crate::alert_state::AlertStates;
use crate::rules::{Rule, RuleGroup, read_rules};

/// A group that is in use.
#[derive(Debug)]
pub(crate) struct LoadedGroup {
    /// The file that it came from.
    pub file: String,
    pub rules: RuleGroup,
    /// Held while the group is evaluated: an evaluation starts from what the one before has left.
    pub memory: Mutex<Memory>,
    /// Cancelled once another group has taken its place.
    pub stop: CancellationToken,
}

/// What the next evaluation of a group must know of the last.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The series that each rule wrote last, by the rule's key: those that it writes no longer
    /// end.
    pub series: BTreeMap<String, BTreeSet<LabelSet>>,
    /// Series of rules that are gone, to be ended at the next evaluation.
    pub gone: BTreeSet<LabelSet>,
}

impl LoadedGroup {
    pub(crate) fn new(file: String, rules: RuleGroup, memory: Memory) -> Arc<Self> {
        Arc::new(Self {
            file,
            rules,
            memory: Mutex::new(memory),
            stop: CancellationToken::new(),
        })
    }

    /// Its name among those of all files.
    pub(crate) fn id(&self) -> String {
        format!("{};{}", self.file, self.rules.name)
    }
}

impl Memory {
    /// What a group remembers after a restart: the series of its alerts, but not what its
    /// recording rules wrote, which ends by itself.
    pub(crate) fn restored(group: &RuleGroup, states: &BTreeMap<String, AlertStates>) -> Self {
        let alerting = group
            .rules
            .iter()
            .filter(|r| matches!(r, Rule::Alerting(_)));
        let series = alerting.filter_map(|rule| {
            let told = series_of(states.get(rule.key())?);
            let labels = told.into_iter().map(|(labels, _)| labels);
            Some((rule.key().to_owned(), labels.collect()))
        });
        Self {
            series: series.collect(),
            gone: BTreeSet::new(),
        }
    }

    /// What it is for a group whose rules have changed.
    pub(crate) fn for_rules(mut self, group: &RuleGroup) -> Self {
        let keys: BTreeSet<&str> = group.rules.iter().map(Rule::key).collect();
        let (kept, gone) = self
            .series
            .into_iter()
            .partition(|(key, _)| keys.contains(key.as_str()));
        self.series = kept;
        let gone: BTreeMap<String, BTreeSet<LabelSet>> = gone;
        self.gone.extend(gone.into_values().flatten());
        self
    }

    /// Whether one of its rules wrote this series last.
    pub(crate) fn holds(&self, labels: &LabelSet) -> bool {
        self.series.values().any(|series| series.contains(labels))
    }
}

/// The groups of all files, each with its file; their rules' keys differ.
pub(crate) fn read_groups(
    files: &[(String, String)],
) -> Result<Vec<(String, RuleGroup)>, Vec<RuleFinding>> {
    let mut groups = Vec::new();
    for (file, text) in files {
        let read = read_rules(file, text)?;
        groups.extend(read.into_iter().map(|group| (file.clone(), group)));
    }
    name_apart(&mut groups);
    Ok(groups)
}

/// Two files may use the same names of groups; their rules' keys must differ all the same.
fn name_apart(groups: &mut [(String, RuleGroup)]) {
    let mut used = BTreeSet::new();
    for rule in groups.iter_mut().flat_map(|(_, group)| &mut group.rules) {
        let plain = rule.key().to_owned();
        let mut number = 1;
        while !used.insert(rule.key().to_owned()) {
            number += 1;
            *rule.key_mut() = format!("{plain}@{number}");
        }
    }
}
