use std::collections::BTreeSet;
use std::io;

use rustc_hash::FxHashMap;

use super::postings::{Postings, union};
use super::symbols::{Symbol, SymbolTable};

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
                } else if ids.len() < ids.capacity() / 2 {
                    ids.shrink_to_fit();
                }
            }
            if values.is_empty() {
                self.postings.remove(name);
            }
        }
        self.all.retain(|id| !is_dead(id));
    }

    /// Forgets all series, not the symbols.
    pub(crate) fn clear(&mut self) {
        self.postings.clear();
        self.all.clear();
    }

    /// All names of labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.postings.keys().map(|&name| self.symbols.text(name))
    }

    /// All values of a label.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.values_of(name).into_iter();
        values
            .flat_map(FxHashMap::keys)
            .map(|&value| self.symbols.text(value))
    }

    /// How many label pairs there are, and how many series they name together.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        let values = self.postings.values();
        let pairs = values.clone().map(FxHashMap::len).sum();
        let named = values.flat_map(FxHashMap::values).map(Vec::len).sum();
        (pairs, named)
    }

    /// For each label's name how many values it has.
    pub(crate) fn value_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let names = self.postings.iter();
        names.map(|(&name, values)| (self.symbols.text(name), values.len()))
    }

    /// For each label's name how many bytes its values have.
    pub(crate) fn value_bytes(&self) -> impl Iterator<Item = (&str, usize)> {
        self.postings.iter().map(|(&name, values)| {
            let texts = values.keys().map(|&value| self.symbols.text(value).len());
            (self.symbols.text(name), texts.sum())
        })
    }

    /// For each value of a label how many series have it.
    pub(crate) fn series_counts(&self, name: &str) -> impl Iterator<Item = (&str, usize)> {
        let values = self.values_of(name).into_iter().flatten();
        values.map(|(&value, ids)| (self.symbols.text(value), ids.len()))
    }

    /// All label pairs with their series.
    pub(crate) fn postings(&self) -> impl Iterator<Item = (Symbol, Symbol, &[SeriesId])> {
        self.postings.iter().flat_map(|(&name, values)| {
            let values = values.iter();
            values.map(move |(&value, ids)| (name, value, ids.as_slice()))
        })
    }

    fn values_of(&self, name: &str) -> Option<&FxHashMap<Symbol, Vec<SeriesId>>> {
        self.postings.get(&self.symbols.find(name)?)
    }
}

impl Postings for LabelIndex {
    fn all(&self) -> Vec<SeriesId> {
        self.all.clone()
    }

    fn with_values(&self, name: &str, values: &[String]) -> io::Result<Vec<SeriesId>> {
        let Some(lists) = self.values_of(name) else {
            return Ok(Vec::new());
        };
        let found = values
            .iter()
            .filter_map(|text| lists.get(&self.symbols.find(text)?));
        Ok(union(found.map(Vec::as_slice)))
    }

    fn with_value_where(
        &self,
        name: &str,
        likes: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<SeriesId>> {
        let lists = self.values_of(name).into_iter().flatten();
        let found = lists.filter(|(value, _)| likes(self.symbols.text(**value)));
        Ok(union(found.map(|(_, ids)| ids.as_slice())))
    }
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::LabelSet;

    use super::*;
    use crate::Selector;
    use crate::storage::postings::select;

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
            select(&index(), &selector.alternatives[0]).unwrap(),
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
        let found = select(&index, &selector.alternatives[0]).unwrap();
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(index.values("__name__").collect::<Vec<_>>(), ["up"]);
    }
}
