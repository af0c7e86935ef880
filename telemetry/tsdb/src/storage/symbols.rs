use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::LabelSet;

/// The number that stands for a label's name or value.
pub(crate) type Symbol = u32;

/// A series' labels as symbols, in the order of the names.
pub(crate) type SymbolPairs = Box<[(Symbol, Symbol)]>;

/// What a text costs beside its bytes: its places in the list and in the map, and its counts.
const TEXT_COST: usize = 80;

/// Each text once, as long as somebody uses it. A symbol stays valid while it is used.
#[derive(Debug, Clone, Default)]
pub(crate) struct SymbolTable {
    texts: Vec<Option<Arc<str>>>,
    /// How many labels use each text.
    uses: Vec<u32>,
    free: Vec<Symbol>,
    ids: FxHashMap<Arc<str>, Symbol>,
    bytes: usize,
}

impl SymbolTable {
    /// The symbol of a text, used once more.
    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(&id) = self.ids.get(text) {
            self.uses[id as usize] = self.uses[id as usize].saturating_add(1);
            return id;
        }
        let text: Arc<str> = text.into();
        self.bytes += text.len() + TEXT_COST;
        let id = if let Some(id) = self.free.pop() {
            self.texts[id as usize] = Some(Arc::clone(&text));
            self.uses[id as usize] = 1;
            id
        } else {
            let id = Symbol::try_from(self.texts.len()).expect("fewer than 2^32 label texts");
            self.texts.push(Some(Arc::clone(&text)));
            self.uses.push(1);
            id
        };
        self.ids.insert(text, id);
        id
    }

    /// Takes back one use of each; what nobody uses any more is forgotten.
    pub(crate) fn release(&mut self, pairs: &[(Symbol, Symbol)]) {
        for symbol in pairs.iter().flat_map(|&(name, value)| [name, value]) {
            let uses = &mut self.uses[symbol as usize];
            *uses = uses.saturating_sub(1);
            if *uses == 0
                && let Some(text) = self.texts[symbol as usize].take()
            {
                self.bytes -= text.len() + TEXT_COST;
                self.ids.remove(&text);
                self.free.push(symbol);
            }
        }
    }

    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        self.ids.get(text).copied()
    }

    pub(crate) fn text(&self, symbol: Symbol) -> &str {
        let text = self.texts.get(symbol as usize);
        text.and_then(Option::as_deref).unwrap_or_default()
    }

    /// All texts; a symbol is the place in them. Those of free symbols are empty.
    pub(crate) fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        let texts = self.texts.iter();
        texts.map(|text| text.as_deref().unwrap_or_default())
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// What they take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// For each symbol its place in the order of the texts.
    pub(crate) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<Symbol> = (0..self.texts.len() as Symbol).collect();
        order.sort_unstable_by_key(|&symbol| self.texts[symbol as usize].as_deref());
        let mut ranks = vec![0; order.len()];
        for (rank, symbol) in order.into_iter().enumerate() {
            ranks[symbol as usize] = rank as u32;
        }
        ranks
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_nobody_uses_makes_room_for_another() {
        let mut symbols = SymbolTable::default();
        let first = symbols.intern_labels(&LabelSet::new([("job", "a"), ("pod", "a")]));
        let second = symbols.intern_labels(&LabelSet::new([("job", "a")]));
        symbols.release(&first);
        assert_eq!(symbols.find("pod"), None);
        assert_eq!(symbols.label_set(&second), LabelSet::new([("job", "a")]));
        let bytes = symbols.bytes();
        assert_eq!(symbols.intern("zone"), first[1].0);
        symbols.release(&second);
        assert_eq!((symbols.len(), symbols.find("a")), (1, None));
        assert!(symbols.bytes() < bytes);
    }
}
