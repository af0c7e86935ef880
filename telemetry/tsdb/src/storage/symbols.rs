use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

/// The number that stands for a label's name or value.
pub(crate) type Symbol = u32;

/// A series' labels as symbols, in the order of the names.
pub(crate) type SymbolPairs = Box<[(Symbol, Symbol)]>;

/// Each text once. Symbols are given out in order and stay valid.
#[derive(Debug, Clone, Default)]
pub(crate) struct SymbolTable {
    texts: Vec<Arc<str>>,
    ids: FxHashMap<Arc<str>, Symbol>,
}

impl SymbolTable {
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = Symbol::try_from(self.texts.len()).expect("fewer than 2^32 label texts");
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        self.ids.get(text).copied()
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        self.texts.get(symbol as usize).map_or("", |text| text)
    }

    /// All texts; a symbol is the place in them.
    pub(crate) fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    pub(crate) fn intern_labels(&mut self, labels: &LabelSet) -> SymbolPairs {
        labels
            .iter()
            .map(|(name, value)| (self.intern(name), self.intern(value)))
            .collect()
    }

    pub(crate) fn label_set(&self, pairs: &[(Symbol, Symbol)]) -> LabelSet {
        LabelSet::new(
            pairs
                .iter()
                .map(|&(name, value)| (self.text(name), self.text(value))),
        )
    }

    /// Whether the symbols stand for these labels.
    pub(crate) fn stands_for(&self, pairs: &[(Symbol, Symbol)], labels: &LabelSet) -> bool {
        pairs.len() == labels.len()
            && pairs
                .iter()
                .zip(labels.iter())
                .all(|(pair, (name, value))| {
                    self.text(pair.0) == name && self.text(pair.1) == value
                })
    }
}
