use std::collections::BTreeMap;

use watchfire_schemas::{MetricKind, MetricMetadata};

/// How many families are known at most.
const MOST_FAMILIES: usize = 50_000;
/// How much of a help text is kept, in bytes.
const LONGEST_HELP: usize = 1024;
/// What a family takes beside its texts.
const FAMILY_COST: usize = 100;

/// What is said of each metric, by the name of its family.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metadata {
    families: BTreeMap<String, Said>,
    bytes: usize,
    /// How often something was learnt.
    pub(crate) changes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    kind: MetricKind,
    help: String,
    unit: String,
}

impl Metadata {
    /// Learns the kind of the family that a series of this name belongs to.
    pub(crate) fn learn(&mut self, name: &str, kind: MetricKind) {
        let family = family_of(name, kind);
        let known = self.families.get(family);
        if known.is_none_or(|known| kind != MetricKind::Unknown && known.kind != kind) {
            let said = Said {
                kind,
                ..known.cloned().unwrap_or_default()
            };
            self.set(family, said);
        }
    }

    /// Learns what somebody says of a family. What he leaves open stays as it was.
    pub(crate) fn learn_family(&mut self, metadata: &MetricMetadata) {
        let known = self.families.get(&metadata.family);
        let mut said = known.cloned().unwrap_or_default();
        if metadata.kind != MetricKind::Unknown {
            said.kind = metadata.kind;
        }
        if !metadata.help.is_empty() {
            let end = metadata.help.floor_char_boundary(LONGEST_HELP);
            metadata.help[..end].clone_into(&mut said.help);
        }
        if !metadata.unit.is_empty() {
            let end = metadata.unit.floor_char_boundary(LONGEST_HELP);
            metadata.unit[..end].clone_into(&mut said.unit);
        }
        if known != Some(&said) {
            self.set(&metadata.family, said);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = MetricMetadata> {
        self.families.iter().map(|(family, said)| MetricMetadata {
            family: family.clone(),
            kind: said.kind,
            help: said.help.clone(),
            unit: said.unit.clone(),
        })
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn set(&mut self, family: &str, said: Said) {
        let texts = |said: &Said| said.help.len() + said.unit.len();
        if let Some(known) = self.families.get_mut(family) {
            self.bytes = self.bytes + texts(&said) - texts(known);
            *known = said;
        } else if self.families.len() < MOST_FAMILIES {
            self.bytes += texts(&said) + family.len() + FAMILY_COST;
            self.families.insert(family.to_owned(), said);
        } else {
            return;
        }
        self.changes += 1;
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

    fn said(metadata: &Metadata) -> Vec<(String, MetricKind, String)> {
        let families = metadata.iter();
        families
            .map(|one| (one.family, one.kind, one.help))
            .collect()
    }

    #[test]
    fn families_lose_the_suffix_of_their_kind_only() {
        let mut metadata = Metadata::default();
        metadata.learn("latency_bucket", MetricKind::Histogram);
        metadata.learn("latency_count", MetricKind::Histogram);
        metadata.learn("requests_count", MetricKind::Counter);
        metadata.learn("requests_count", MetricKind::Unknown);
        let expected = [
            ("latency", MetricKind::Histogram),
            ("requests_count", MetricKind::Counter),
        ];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind, String::new()));
        assert_eq!(said(&metadata), expected);
        assert_eq!(metadata.changes, 2);
    }

    #[test]
    fn what_is_left_open_stays() {
        let mut metadata = Metadata::default();
        let mut one = MetricMetadata {
            family: "up".to_owned(),
            kind: MetricKind::Gauge,
            help: "ä".repeat(LONGEST_HELP),
            unit: String::new(),
        };
        metadata.learn_family(&one);
        one.help.clear();
        one.kind = MetricKind::Unknown;
        metadata.learn_family(&one);
        let expected = (
            "up".to_owned(),
            MetricKind::Gauge,
            "ä".repeat(LONGEST_HELP / 2),
        );
        assert_eq!(said(&metadata), [expected]);
    }
}
