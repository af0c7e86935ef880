use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::symbols::{Symbol, SymbolTable};
use crate::matcher::Matcher;

/// The number of a series within its head or block.
pub(crate) type SeriesId = u32;

/// The inverted index: for each label pair the series that carry it, in order.
#[derive(Debug, Default)]
pub(crate) struct LabelIndex {
    pub(crate) symbols: SymbolTable,
    postings: FxHashMap<Symbol, FxHashMap<Symbol, Vec<SeriesId>>>,
    all: Vec<SeriesId>,
}

impl LabelIndex {
    pub(crate) fn with_symbols(symbols: SymbolTable) -> Self {
        Self {
            symbols,
            ..Self::default()
        }
    }

    /// Adds a series, whose number is above those of all before.
    pub(crate) fn insert(&mut self, id: SeriesId, labels: &[(Symbol, Symbol)]) {
        for &(name, value) in labels {
            let values = self.postings.entry(name).or_default();
            values.entry(value).or_default().push(id);
        }
        self.all.push(id);
    }

    /// Takes out series: `dead` in order, each with its labels.
    pub(crate) fn remove(&mut self, dead: &[(SeriesId, &[(Symbol, Symbol)])]) {
        let is_dead = |id: &SeriesId| dead.binary_search_by_key(id, |(id, _)| *id).is_ok();
        let touched: BTreeSet<_> = dead.iter().flat_map(|(_, labels)| *labels).collect();
        for (name, value) in touched {
            let Some(values) = self.postings.get_mut(name) else {
                continue;
            };
            if let Some(ids) = values.get_mut(value) {
                ids.retain(|id| !is_dead(id));
                if ids.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.postings.remove(name);
            }
        }
        self.all.retain(|id| !is_dead(id));
    }

    /// The series that all matchers like, in order.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<SeriesId> {
        let (open, narrowing): (Vec<_>, Vec<_>) =
            matchers.iter().partition(|matcher| matcher.matches(""));
        let mut lists: Vec<_> = narrowing.iter().map(|m| self.liked(m)).collect();
        lists.sort_by_key(Vec::len);
        let mut lists = lists.into_iter();
        let mut ids = lists.next().unwrap_or_else(|| self.all.clone());
        for list in lists {
            retain_common(&mut ids, &list);
        }
        for matcher in open {
            if ids.is_empty() {
                break;
            }
            let disliked = self.values_where(&matcher.name, |value| !matcher.matches(value));
            retain_uncommon(&mut ids, &disliked);
        }
        ids
    }

    /// All names of labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.postings.keys().map(|&name| self.symbols.text(name))
    }

    /// All values of a label.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.symbols.find(name).and_then(|n| self.postings.get(&n));
        values
            .into_iter()
            .flat_map(|values| values.keys())
            .map(|&value| self.symbols.text(value))
    }

    /// All values of a label, each with how many series carry it.
    pub(crate) fn counts(&self, name: &str) -> impl Iterator<Item = (&str, usize)> {
        let values = self.symbols.find(name).and_then(|n| self.postings.get(&n));
        let values = values.into_iter().flatten();
        values.map(|(&value, ids)| (self.symbols.text(value), ids.len()))
    }

    /// Series with a value that the matcher likes; it does not like the empty one.
    fn liked(&self, matcher: &Matcher) -> Vec<SeriesId> {
        let Some(literals) = matcher.literals() else {
            return self.values_where(&matcher.name, |value| matcher.matches(value));
        };
        let values = self.symbols.find(&matcher.name);
        let Some(values) = values.and_then(|name| self.postings.get(&name)) else {
            return Vec::new();
        };
        let lists = literals
            .iter()
            .filter_map(|text| values.get(&self.symbols.find(text)?));
        union(lists)
    }

    fn values_where(&self, name: &str, likes: impl Fn(&str) -> bool) -> Vec<SeriesId> {
        let values = self.symbols.find(name).and_then(|n| self.postings.get(&n));
        let found = values
            .into_iter()
            .flatten()
            .filter(|(value, _)| likes(self.symbols.text(**value)))
            .map(|(_, ids)| ids);
        union(found)
    }
}

fn union<'a>(lists: impl Iterator<Item = &'a Vec<SeriesId>>) -> Vec<SeriesId> {
    let mut ids = Vec::new();
    let mut count = 0;
    for list in lists {
        ids.extend_from_slice(list);
        count += 1;
    }
    if count > 1 {
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

fn retain_common(ids: &mut Vec<SeriesId>, other: &[SeriesId]) {
    let mut rest = other;
    ids.retain(|id| {
        rest = &rest[rest.partition_point(|other| other < id)..];
        rest.first() == Some(id)
    });
}

fn retain_uncommon(ids: &mut Vec<SeriesId>, other: &[SeriesId]) {
    let mut rest = other;
    ids.retain(|id| {
        rest = &rest[rest.partition_point(|other| other < id)..];
        rest.first() != Some(id)
    });
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::LabelSet;

    use super::*;
    use crate::Selector;

    fn index() -> LabelIndex {
        let mut index = LabelIndex::default();
        let series = [
            [("__name__", "up"), ("job", "api"), ("zone", "a")],
            [("__name__", "up"), ("job", "api"), ("zone", "b")],
            [("__name__", "up"), ("job", "db"), ("zone", "")],
            [("__name__", "down"), ("job", "db"), ("zone", "a")],
        ];
        for (id, labels) in series.into_iter().enumerate() {
            let labels = index.symbols.intern_labels(&LabelSet::new(labels));
            index.insert(id as SeriesId, &labels);
        }
        index
    }

    fn check(selector: &str, expected: &[SeriesId]) {
        let selector = Selector::parse(selector).unwrap();
        assert_eq!(
            index().select(&selector.alternatives[0]),
            expected,
            "{selector:?}"
        );
    }

    #[test]
    fn matchers_select_as_prometheus_says() {
        check("up", &[0, 1, 2]);
        check(r#"up{job="api"}"#, &[0, 1]);
        check(r#"up{job!="api"}"#, &[2]);
        check(r#"up{zone=""}"#, &[2]);
        check(r#"up{zone!=""}"#, &[0, 1]);
        check(r#"up{zone!="a"}"#, &[1, 2]);
        check(r#"{job=~"a.*"}"#, &[0, 1]);
        check(r#"{job=~"api|db",zone=~"a|"}"#, &[0, 2, 3]);
        check(r#"{job=~".+",zone!~"a|b"}"#, &[2]);
        check(r#"up{job="gone"}"#, &[]);
        check(r#"up{gone!="x"}"#, &[0, 1, 2]);
    }

    #[test]
    fn removed_series_are_not_found_again() {
        let mut index = index();
        let labels: Vec<_> = [("__name__", "down"), ("job", "db"), ("zone", "a")]
            .map(|(n, v)| {
                (
                    index.symbols.find(n).unwrap(),
                    index.symbols.find(v).unwrap(),
                )
            })
            .to_vec();
        index.remove(&[(3, &labels)]);
        let selector = Selector::parse("{job=~'.+'}").unwrap();
        assert_eq!(index.select(&selector.alternatives[0]), [0, 1, 2]);
        assert_eq!(index.values("__name__").collect::<Vec<_>>(), ["up"]);
    }
}
