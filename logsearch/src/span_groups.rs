//! Figures of spans by the values of fields.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::io;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::duration_cells::DurationCells;
use crate::groups::{Missing, each_combination, settle};
use crate::query_types::{Explain, SpanGroup, SpanGroups};
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::shown::Shown;
use crate::span_columns::{SpanColumns, outcome};
use crate::spans::Spans;
use crate::split::{BlockColumn, Split, ValueKey};
use crate::spread::spread;

/// No more groups than this are told apart; spans of others are only counted.
const MOST_GROUPS: usize = 100_000;
/// No answer is longer than this.
const MOST_TOLD: usize = 10_000;
/// Where there are no more combinations of values in a split, each has a place of its own.
const DENSE: usize = 1 << 16;

/// Figures of the spans of the scope by the values of up to four fields.
pub(crate) fn span_groups(
    scope: &Scope<'_, Spans>,
    by: &[ValuesOf],
    limit: usize,
) -> io::Result<SpanGroups> {
    let mut explain = Explain::default();
    let mut all: Groups<Vec<Shown>> = Groups::default();
    let mut values = vec![Vec::new(); by.len()];
    let mut complete = scope.each_tail_row(&mut explain, &mut |row| {
        for (of, values) in by.iter().zip(&mut values) {
            values.clear();
            of.each_of_row::<Spans>(row, &mut |value| values.push(value));
            settle(values, Missing::Counted, Shown::Missing);
        }
        all.add_each(&values, outcome(row));
    });
    let splits = scope.splits(&mut explain)?;
    let found = spread(splits.len(), scope.watch, |index, watch| {
        if watch.is_over() {
            return Ok((Groups::default(), false));
        }
        of_split(&Scope { watch, ..*scope }, splits[index], by)
    })?;
    for (groups, is_whole) in found {
        complete &= is_whole;
        all.absorb(groups);
    }
    Ok(SpanGroups {
        partial: !complete,
        ..all.told(limit.min(MOST_TOLD))
    })
}

/// What a split has, and whether the time sufficed.
fn of_split(
    scope: &Scope<'_, Spans>,
    split: &Split<Spans>,
    by: &[ValuesOf],
) -> io::Result<(Groups<Vec<Shown>>, bool)> {
    if let Some(found) = densely(scope, split, by)? {
        return Ok(found);
    }
    let columns: Vec<_> = by
        .iter()
        .map(|of| split.value_columns(of))
        .collect::<io::Result<_>>()?;
    let mut spans = SpanColumns::of(split)?;
    let mut groups: Groups<Vec<ValueKey>> = Groups::default();
    let mut values = vec![Vec::new(); by.len()];
    let documents = split.documents(scope.range, None)?;
    let mut selection = split.select(scope.filter, documents)?;
    let complete = selection.each_block(scope.watch, |docs| {
        if docs.count() == 0 {
            return Ok(());
        }
        spans.read(docs.block())?;
        for place in docs.places() {
            for (columns, values) in columns.iter().zip(&mut values) {
                values.clear();
                columns.each(docs.document(place), &mut |key| values.push(key));
                settle(values, Missing::Counted, ValueKey::MISSING);
            }
            groups.add_each(&values, spans.outcome(place));
        }
        Ok(())
    })?;
    let told = groups.told_anew(|keys| {
        let pairs = columns.iter().zip(keys);
        pairs.map(|(columns, key)| columns.shown(key)).collect()
    })?;
    Ok((told, complete))
}

/// The same where every field is a keyword of few values in the split; else nothing.
fn densely(
    scope: &Scope<'_, Spans>,
    split: &Split<Spans>,
    by: &[ValuesOf],
) -> io::Result<Option<(Groups<Vec<Shown>>, bool)>> {
    let mut columns: Vec<BlockColumn<'_>> = Vec::with_capacity(by.len());
    let mut combinations = 1_usize;
    for of in by {
        let ValuesOf::Field(field) = of else {
            return Ok(None);
        };
        let Some(column) = split.keyword_blocks(*field)? else {
            return Ok(None);
        };
        // One more for no value.
        combinations = combinations.saturating_mul(column.len() + 1);
        columns.push(column);
    }
    if combinations > DENSE {
        return Ok(None);
    }
    let mut spans = SpanColumns::of(split)?;
    let mut groups = Groups::default();
    let mut figures: Vec<Option<Box<Figures>>> = Vec::new();
    figures.resize_with(combinations, || None);
    let documents = split.documents(scope.range, None)?;
    let mut selection = split.select(scope.filter, documents)?;
    let complete = selection.each_block(scope.watch, |docs| {
        if docs.count() == 0 {
            return Ok(());
        }
        spans.read(docs.block())?;
        for column in &mut columns {
            column.read(docs.block())?;
        }
        for place in docs.places() {
            let outcome = spans.outcome(place);
            groups.count(outcome);
            let combination = columns.iter().fold(0, |combination, column| {
                let number = column.get(place).map_or(0, |number| number as usize + 1);
                combination * (column.len() + 1) + number
            });
            figures[combination].get_or_insert_default().add(outcome);
        }
        Ok(())
    })?;
    for (combination, figures) in figures.into_iter().enumerate() {
        let Some(figures) = figures else { continue };
        let (mut rest, mut values) = (combination, Vec::with_capacity(columns.len()));
        for column in columns.iter().rev() {
            let number = rest % (column.len() + 1);
            rest /= column.len() + 1;
            values.push(match number {
                0 => Shown::Missing,
                number => Shown::Text(crate::scalar::cut(&column.value(number - 1)?).to_owned()),
            });
        }
        values.reverse();
        groups.insert(values, *figures);
    }
    Ok(Some((groups, complete)))
}

/// Figures by key, and of all.
struct Groups<K> {
    by_key: FxHashMap<K, Figures>,
    total: u64,
    errors: u64,
    /// Spans of keys that there was no room for.
    others: u64,
}

/// Of the spans of one group.
#[derive(Default)]
struct Figures {
    spans: u64,
    errors: u64,
    nanos: u128,
    longest: u64,
    durations: DurationCells,
}

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self {
            by_key: FxHashMap::default(),
            total: 0,
            errors: 0,
            others: 0,
        }
    }
}

impl<K: Eq + Hash> Groups<K> {
    fn count(&mut self, (_, is_error): (u64, bool)) {
        self.total += 1;
        self.errors += u64::from(is_error);
    }

    fn insert(&mut self, key: K, figures: Figures) {
        let has_room = self.by_key.len() < MOST_GROUPS;
        match self.by_key.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().merge(figures),
            Entry::Vacant(new) if has_room => drop(new.insert(figures)),
            Entry::Vacant(_) => self.others += figures.spans,
        }
    }

    /// The same groups with their keys told anew.
    fn told_anew<O: Eq + Hash>(self, told: impl Fn(K) -> io::Result<O>) -> io::Result<Groups<O>> {
        let mut groups = Groups {
            by_key: FxHashMap::default(),
            total: self.total,
            errors: self.errors,
            others: self.others,
        };
        for (key, figures) in self.by_key {
            groups.insert(told(key)?, figures);
        }
        Ok(groups)
    }

    fn absorb(&mut self, other: Self) {
        self.total += other.total;
        self.errors += other.errors;
        self.others += other.others;
        for (key, figures) in other.by_key {
            self.insert(key, figures);
        }
    }
}

impl<V: Clone + Eq + Hash> Groups<Vec<V>> {
    /// Adds a span to the group of each combination of its values.
    fn add_each(&mut self, values: &[Vec<V>], outcome: (u64, bool)) {
        self.count(outcome);
        each_combination(values, &mut Vec::new(), &mut |values| {
            if let Some(figures) = self.by_key.get_mut(values) {
                figures.add(outcome);
            } else {
                let mut figures = Figures::default();
                figures.add(outcome);
                self.insert(values.to_vec(), figures);
            }
        });
    }
}

impl Groups<Vec<Shown>> {
    fn told(self, limit: usize) -> SpanGroups {
        let mut others = self.others;
        let mut groups: Vec<SpanGroup> = self
            .by_key
            .into_iter()
            .map(|(values, figures)| figures.told(values.iter().map(Shown::to_text).collect()))
            .collect();
        groups.sort_unstable_by(|a, b| {
            (Reverse(a.spans), &a.values).cmp(&(Reverse(b.spans), &b.values))
        });
        others += groups
            .iter()
            .skip(limit)
            .map(|group| group.spans)
            .sum::<u64>();
        groups.truncate(limit);
        SpanGroups {
            groups,
            total: self.total,
            errors: self.errors,
            others,
            ..SpanGroups::default()
        }
    }
}

impl Figures {
    fn add(&mut self, (nanos, is_error): (u64, bool)) {
        self.spans += 1;
        self.errors += u64::from(is_error);
        self.nanos += u128::from(nanos);
        self.longest = self.longest.max(nanos);
        self.durations.add(nanos);
    }

    fn merge(&mut self, other: Self) {
        self.spans += other.spans;
        self.errors += other.errors;
        self.nanos += other.nanos;
        self.longest = self.longest.max(other.longest);
        self.durations.merge(other.durations);
    }

    fn told(self, values: Vec<String>) -> SpanGroup {
        let rank = |percent: u64| (self.spans * percent).div_ceil(100).max(1);
        let ranked = self.durations.ranked([50, 95, 99].map(rank));
        // The middle of a cell may lie beyond the longest in it.
        let [p50, p95, p99] = ranked.map(|nanos| Duration::from_nanos(nanos.min(self.longest)));
        SpanGroup {
            values,
            spans: self.spans,
            errors: self.errors,
            p50,
            p95,
            p99,
            max: Duration::from_nanos(self.longest),
            total: Duration::from_nanos(u64::try_from(self.nanos).unwrap_or(u64::MAX)),
        }
    }
}
