use std::sync::Arc;

use watchfire_schemas::LabelSet;

/// Labels that say what a metric is, beside its name; they go when the name goes.
const RESERVED: [&str; 3] = [LabelSet::NAME, "__type__", "__unit__"];

/// Labels, with or without the metric's name. The name is left out only when labels are asked for,
/// since copying them for each series costs more than many functions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metric {
    labels: Arc<LabelSet>,
    /// Whether the result of the query is without the name.
    dropped: bool,
    /// Whether the name stays visible until the end of the query all the same.
    delayed: bool,
}

impl Metric {
    pub(crate) fn new(labels: impl Into<Arc<LabelSet>>) -> Self {
        Self {
            labels: labels.into(),
            dropped: false,
            delayed: false,
        }
    }

    /// Names go only at the end of the query.
    #[must_use]
    pub(crate) fn delayed(mut self, delayed: bool) -> Self {
        self.delayed = delayed;
        self
    }

    pub(crate) fn is_delayed(&self) -> bool {
        self.delayed
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped
    }

    #[must_use]
    pub(crate) fn unnamed(mut self) -> Self {
        self.dropped = true;
        self
    }

    /// Without its name also where names go only at the end.
    #[must_use]
    pub(crate) fn stripped(mut self) -> Self {
        if self.delayed {
            self.labels = Arc::new(without_reserved(&self.labels));
        }
        self.dropped = true;
        self
    }

    /// Other labels in place of these; the name stays dropped if it was, unless `named` says that it
    /// was set anew.
    #[must_use]
    pub(crate) fn relabelled(&self, labels: LabelSet, named: bool) -> Self {
        Self {
            labels: Arc::new(labels),
            dropped: self.dropped && self.delayed && !named,
            delayed: self.delayed,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        if self.hides(name) {
            return None;
        }
        self.labels.get(name)
    }

    /// The name that is visible; empty if there is none.
    pub(crate) fn name(&self) -> &str {
        self.get(LabelSet::NAME).unwrap_or_default()
    }

    /// The name even if it was dropped.
    pub(crate) fn full_name(&self) -> &str {
        self.labels.name()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().filter(|(name, _)| !self.hides(name))
    }

    /// The labels that are visible.
    pub(crate) fn labels(&self) -> Arc<LabelSet> {
        if self.dropped && !self.delayed {
            self.final_labels()
        } else {
            Arc::clone(&self.labels)
        }
    }

    /// The labels at the end of the query.
    pub(crate) fn final_labels(&self) -> Arc<LabelSet> {
        if self.dropped && RESERVED.iter().any(|name| self.labels.get(name).is_some()) {
            Arc::new(without_reserved(&self.labels))
        } else {
            Arc::clone(&self.labels)
        }
    }

    fn hides(&self, name: &str) -> bool {
        self.dropped && !self.delayed && is_reserved(name)
    }
}

fn is_reserved(name: &str) -> bool {
    name.starts_with("__") && RESERVED.contains(&name)
}

fn without_reserved(labels: &LabelSet) -> LabelSet {
    labels.filtered(|name| !is_reserved(name))
}
