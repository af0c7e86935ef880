use std::collections::BTreeMap;

use watchfire_schemas::MetricKind;

/// What kind each metric is, by the name of its family.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    kinds: BTreeMap<String, MetricKind>,
}

impl Metadata {
    /// Learns the kind of the family that a series of this name belongs to.
    pub(crate) fn learn(&mut self, name: &str, kind: MetricKind) {
        let family = family_of(name, kind);
        if kind != MetricKind::Unknown || !self.kinds.contains_key(family) {
            self.learn_family(family.to_owned(), kind);
        }
    }

    pub(crate) fn learn_family(&mut self, family: String, kind: MetricKind) {
        self.kinds.insert(family, kind);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, MetricKind)> {
        self.kinds.iter().map(|(name, &kind)| (name.as_str(), kind))
    }
}

/// A histogram's and a summary's series carry a suffix that their family's name lacks.
pub(crate) fn family_of(name: &str, kind: MetricKind) -> &str {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram => &["_bucket", "_sum", "_count"],
        MetricKind::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
        MetricKind::Summary => &["_sum", "_count"],
        _ => &[],
    };
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    base.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_lose_the_suffix_of_their_kind_only() {
        let mut metadata = Metadata::default();
        metadata.learn("latency_bucket", MetricKind::Histogram);
        metadata.learn("latency_count", MetricKind::Histogram);
        metadata.learn("requests_count", MetricKind::Counter);
        metadata.learn("requests_count", MetricKind::Unknown);
        let kinds: Vec<_> = metadata.iter().collect();
        assert_eq!(
            kinds,
            [
                ("latency", MetricKind::Histogram),
                ("requests_count", MetricKind::Counter)
            ]
        );
    }
}
