use std::hash::Hasher as _;

use rustc_hash::FxHasher;

use super::{FIRST_WORDS, Miner, Place};
use crate::patterns::masked_line::WordKind;
use crate::patterns::template::{Slot, SlotKind};

/// When so many lines differ in one word only, the word varies.
pub(super) const SIBLINGS: u32 = 10;
/// Words that must be the same for that.
const SHARED_WORDS: usize = 2;
/// How many words of a line are looked at for that.
const WATCHED_WORDS: usize = 12;

/// Finds the pattern of the line that was read.
impl Miner {
    /// The pattern that is most like the line, if one is like it at all; it is widened by the line.
    pub(super) fn closest(&mut self) -> Option<Place> {
        let count = self.slots.len();
        let first = self.slots.iter().take(FIRST_WORDS);
        let words = first.filter(|slot| slot.kind == SlotKind::Is(WordKind::Plain));
        let routes = words.map(|slot| (count, slot.key)).chain([(count, 0)]);
        let candidates = routes
            .filter_map(|route| self.buckets.get(&route))
            .flatten();
        let mut best = None;
        for &place in candidates {
            let Some(pattern) = &self.patterns[place as usize] else {
                continue;
            };
            if let Some(likeness) = pattern.template.likeness(&self.slots)
                && best.is_none_or(|(other, _)| likeness > other)
            {
                best = Some((likeness, (place, pattern.id)));
            }
        }
        best.map(|(_, place)| self.join(place))
    }

    /// The pattern of many lines that differ from this one in the same word only. The word becomes
    /// open in it.
    pub(super) fn sibling(&mut self) -> Option<Place> {
        let is_plain = |slot: &Slot| slot.kind == SlotKind::Is(WordKind::Plain);
        if self.slots.iter().filter(|slot| is_plain(slot)).count() <= SHARED_WORDS {
            return None;
        }
        for at in 0..self.slots.len().min(WATCHED_WORDS) {
            if !is_plain(&self.slots[at]) {
                continue;
            }
            let hash = hash_without(&self.slots, at);
            let Some((count, first)) = self.siblings.get(hash) else {
                continue;
            };
            if count < SIBLINGS || !self.takes_known(first) {
                continue;
            }
            self.siblings.remove(hash);
            self.change(first, |template| {
                template.open(at);
                true
            });
            return Some(self.join(first));
        }
        None
    }

    fn takes_known(&mut self, place: Place) -> bool {
        self.at(place).is_some() && self.takes(place)
    }

    /// Whether the template at a place could be of the line.
    pub(super) fn takes(&self, (place, _): Place) -> bool {
        let pattern = self.patterns[place as usize].as_ref();
        pattern.is_some_and(|pattern| pattern.template.slots().len() == self.slots.len())
    }

    /// Counts a new pattern among those that differ from it in one word.
    pub(super) fn count_siblings(&mut self, place: Place) {
        for at in 0..self.slots.len().min(WATCHED_WORDS) {
            if self.slots[at].kind == SlotKind::Is(WordKind::Plain) {
                let hash = hash_without(&self.slots, at);
                let (count, first) = self.siblings.get(hash).unwrap_or((0, place));
                self.siblings.put(hash, (count + 1, first));
            }
        }
    }
}

/// Stands for a line without one of its words.
fn hash_without(slots: &[Slot], at: usize) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_usize(at);
    for (place, slot) in slots.iter().enumerate() {
        hasher.write_u64(if place == at { 0 } else { slot.key });
    }
    hasher.finish()
}
