use rustc_hash::{FxHashMap, FxHashSet};

use crate::query_types::{FieldKind, FieldSummary};
use crate::scalar::Scalar;

/// So many names are counted; a name that comes later is passed over.
const MOST_NAMES: usize = 10_000;

/// In how many records each field is, put together of strata: the tail and each split.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// All records that are meant.
    pub(super) records: u64,
    /// Whether not every one of them was looked at.
    pub(super) is_sampled: bool,
    fields: FxHashMap<String, Counted>,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    kind: FieldKind,
    records: f64,
}

/// A part of the records, of which every so many-th is looked at.
#[derive(Debug)]
pub(super) struct Stratum<'a> {
    census: &'a mut Census,
    /// How many records each that is looked at stands for.
    weight: f64,
    stride: u64,
    next: u64,
    /// Attributes of the record that is looked at: one with two values counts once.
    counted: FxHashSet<String>,
}

impl Census {
    /// A part of `records`, of which at most `sample` are looked at.
    pub(super) fn stratum(&mut self, records: u64, sample: u64) -> Stratum<'_> {
        let stride = records.div_ceil(sample.max(1)).max(1);
        self.records += records;
        self.is_sampled |= stride > 1;
        let looked_at = records.div_ceil(stride).max(1);
        Stratum {
            census: self,
            weight: records as f64 / looked_at as f64,
            stride,
            next: 0,
            counted: FxHashSet::default(),
        }
    }

    pub(super) fn into_fields(self) -> Vec<FieldSummary> {
        let all = self.records;
        let fields = self.fields.into_iter().map(|(name, counted)| {
            let records = (counted.records.round() as u64).min(all);
            FieldSummary {
                name,
                kind: counted.kind,
                records,
                coverage: records as f64 / all.max(1) as f64,
            }
        });
        fields.filter(|field| field.records > 0).collect()
    }

    fn add(&mut self, name: &str, kind: FieldKind, records: f64) {
        if let Some(known) = self.fields.get_mut(name) {
            known.records += records;
            if known.kind != kind {
                known.kind = FieldKind::Keyword;
            }
        } else if self.fields.len() < MOST_NAMES && records > 0.0 {
            let counted = Counted { kind, records };
            self.fields.insert(name.to_owned(), counted);
        }
    }
}

impl Stratum<'_> {
    /// Whether the next record is looked at.
    pub(super) const fn is_next_sampled(&mut self) -> bool {
        let is_sampled = self.next.is_multiple_of(self.stride);
        self.next += 1;
        is_sampled
    }

    /// A record that is looked at has the field.
    pub(super) fn count(&mut self, name: &str, kind: FieldKind) {
        self.census.add(name, kind, self.weight);
    }

    pub(super) fn count_many(&mut self, name: &str, kind: FieldKind, records: u64) {
        self.census.add(name, kind, self.weight * records as f64);
    }

    /// So many records of the stratum have the field, whatever the sample.
    pub(super) fn count_exactly(&mut self, name: &str, kind: FieldKind, records: u64) {
        self.census.add(name, kind, records as f64);
    }

    /// The next calls of [`Self::count_once`] are about another record.
    pub(super) fn begin_record(&mut self) {
        self.counted.clear();
    }

    /// The record has a value in the field, maybe not the first.
    pub(super) fn count_once(&mut self, name: &str, kind: FieldKind) {
        if !self.counted.contains(name) {
            self.counted.insert(name.to_owned());
            self.count(name, kind);
        }
    }
}

impl From<Scalar<'_>> for FieldKind {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Text(_) => Self::Keyword,
            Scalar::Bool(_) => Self::Bool,
            Scalar::Int(_) | Scalar::Unsigned(_) | Scalar::Float(_) => Self::Number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_add_up_by_their_weight() {
        let mut census = Census::default();
        let mut small = census.stratum(4, 10);
        for n in 0..4 {
            assert!(small.is_next_sampled());
            small.begin_record();
            small.count_once("a", FieldKind::Number);
            small.count_once("a", FieldKind::Number);
            if n == 0 {
                small.count("b", FieldKind::Bool);
            }
        }
        assert!(!census.is_sampled);
        let mut large = census.stratum(1_000, 10);
        let sampled = (0..1_000).filter(|_| large.is_next_sampled()).count();
        assert_eq!(sampled, 10);
        large.count_many("a", FieldKind::Keyword, 5);
        large.count_exactly("c", FieldKind::Text, 7);
        assert!(census.is_sampled);
        let mut fields = census.into_fields();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        let found: Vec<_> = fields
            .iter()
            .map(|field| (field.name.as_str(), field.kind, field.records))
            .collect();
        let expected = [
            ("a", FieldKind::Keyword, 504),
            ("b", FieldKind::Bool, 1),
            ("c", FieldKind::Text, 7),
        ];
        assert_eq!(found, expected);
        assert!((fields[0].coverage - 504.0 / 1_004.0).abs() < 1e-9);
    }
}
