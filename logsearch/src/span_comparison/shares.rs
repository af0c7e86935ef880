use std::io;

use rustc_hash::FxHashMap;

use super::Sides;
use super::certainty::{least_difference, quantile, share};
use crate::fields::{Dataset as _, find};
use crate::groups::{Missing, settle};
use crate::query_types::SpanDifference;
use crate::row::Row;
use crate::row_values::ValuesOf;
use crate::shown::Shown;
use crate::span_columns::field;
use crate::spans::Spans;
use crate::split::{Split, ValueKey};
use crate::watch::Watch;

/// The fields of the table that are compared; the others name one span, or are its figures.
const COMPARED: [&str; 5] = ["service", "name", "kind", "status", "status.message"];
/// More different values are not kept in memory.
const MOST_VALUES: usize = 500_000;
/// No answer is longer than this.
const MOST_TOLD: usize = 1_000;

/// How many spans of each side have each value.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// Those that were looked at.
    pub(super) spans: Sides<u64>,
    by_field: FxHashMap<String, FxHashMap<String, Sides<u64>>>,
    left_out: Vec<String>,
    values: usize,
    is_full: bool,
}

impl Shares {
    pub(super) fn leaving_out(named: &[String]) -> Self {
        // Under whichever of its names it was told.
        let named = named.iter().map(|name| match find(Spans::fields(), name) {
            Some(field) => Spans::fields()[field].name.to_owned(),
            None => name.clone(),
        });
        Self {
            left_out: named.collect(),
            ..Self::default()
        }
    }

    /// Adds a span of the tail.
    pub(super) fn add_row(&mut self, side: usize, row: Row<'_>) {
        self.spans[side] += 1;
        let mut found: Vec<(String, String)> = Vec::new();
        for name in COMPARED {
            ValuesOf::Field(field(name)).each_of_row::<Spans>(row, &mut |value| {
                found.push((name.to_owned(), value.to_text()));
            });
        }
        Spans::each_attribute(row, &mut |name, scalar| {
            found.push((name.to_owned(), scalar.to_text()));
        });
        found.sort_unstable();
        found.dedup();
        for (field, value) in found {
            let mut count = [0; 2];
            count[side] = 1;
            self.add(&field, value, count);
        }
    }

    /// Adds these documents of a split. Whether the time sufficed.
    pub(super) fn add_split(
        &mut self,
        split: &Split<Spans>,
        documents: &Sides<Vec<u32>>,
        watch: &Watch,
    ) -> io::Result<bool> {
        if documents.iter().all(Vec::is_empty) {
            return Ok(true);
        }
        for (spans, documents) in self.spans.iter_mut().zip(documents) {
            *spans += documents.len() as u64;
        }
        let fields = COMPARED.map(|name| (name.to_owned(), ValuesOf::Field(field(name))));
        let attributes = split.facts()?.attributes.iter();
        let attributes = attributes.map(|name| (name.clone(), ValuesOf::Attribute(name.clone())));
        for (name, of) in fields.into_iter().chain(attributes) {
            if watch.is_over() {
                return Ok(false);
            }
            if !self.left_out.contains(&name) {
                self.add_field(split, documents, &name, &of)?;
            }
        }
        Ok(true)
    }

    fn add_field(
        &mut self,
        split: &Split<Spans>,
        documents: &Sides<Vec<u32>>,
        name: &str,
        of: &ValuesOf,
    ) -> io::Result<()> {
        let columns = split.value_columns(of)?;
        let mut counts: FxHashMap<ValueKey, Sides<u64>> = FxHashMap::default();
        let mut values = Vec::new();
        for (side, documents) in documents.iter().enumerate() {
            for document in documents {
                values.clear();
                columns.each(*document, &mut |key| values.push(key));
                settle(&mut values, Missing::PassedOver, ValueKey::MISSING);
                for key in &values {
                    counts.entry(*key).or_default()[side] += 1;
                }
            }
        }
        for (key, count) in counts {
            let value = columns.shown(key)?;
            if !matches!(value, Shown::Missing) {
                self.add(name, value.to_text(), count);
            }
        }
        Ok(())
    }

    fn add(&mut self, field: &str, value: String, count: Sides<u64>) {
        if self.left_out.iter().any(|name| name == field) {
            return;
        }
        let has_room = self.values < MOST_VALUES;
        if !self.by_field.contains_key(field) {
            self.by_field.insert(field.to_owned(), FxHashMap::default());
        }
        let Some(values) = self.by_field.get_mut(field) else {
            return;
        };
        if let Some(known) = values.get_mut(&value) {
            known[0] += count[0];
            known[1] += count[1];
        } else if has_room {
            values.insert(value, count);
            self.values += 1;
        } else {
            self.is_full = true;
        }
    }

    /// What could not be compared.
    pub(super) fn hint(&self) -> Option<String> {
        let told = format!("only {MOST_VALUES} different values are compared; there are more");
        self.is_full.then_some(told)
    }

    /// Values that are more frequent inside, the surest first.
    pub(super) fn differences(self, limit: usize) -> Vec<SpanDifference> {
        let z = quantile(self.values);
        let [all_inside, all_outside] = self.spans;
        let mut differences = Vec::new();
        for (field, values) in &self.by_field {
            for (value, [inside, outside]) in values {
                let score = least_difference((*inside, all_inside), (*outside, all_outside), z);
                if score > 0.0 {
                    differences.push(SpanDifference {
                        field: field.clone(),
                        value: value.clone(),
                        inside: *inside,
                        outside: *outside,
                        inside_share: share(*inside, all_inside),
                        outside_share: share(*outside, all_outside),
                        score,
                    });
                }
            }
        }
        differences.sort_by(|a, b| {
            let by_score = b.score.total_cmp(&a.score);
            by_score.then_with(|| (&a.field, &a.value).cmp(&(&b.field, &b.value)))
        });
        differences.truncate(limit.min(MOST_TOLD));
        differences
    }
}
