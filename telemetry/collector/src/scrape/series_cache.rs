use rustc_hash::{FxBuildHasher, FxHashMap};
use watchfire_schemas::{LabelSet, MetricKind};

/// The series of a target: by the text they are exposed with, and which of them are alive.
///
/// A text that was seen before costs one look-up: its labels were relabelled when it was first seen.
#[derive(Debug, Default)]
pub(crate) struct SeriesCache {
    by_text: FxHashMap<Box<str>, Known>,
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    /// Slots by the hash of their labels; nearly always one.
    by_hash: FxHashMap<u64, Vec<u32>>,
    /// Counts scrapes.
    round: u64,
}

#[derive(Debug)]
struct Known {
    /// None: relabelling drops it.
    slot: Option<u32>,
    round: u64,
}

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) labels: LabelSet,
    pub(crate) kind: MetricKind,
    /// When it was last seen without a time of its own.
    round: u64,
    /// Whether it has samples and has not ended.
    is_alive: bool,
    /// How many texts stand for it.
    texts: u32,
}

/// What is known of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Dropped,
    Series(u32),
}

impl SeriesCache {
    pub(crate) fn begin(&mut self) {
        self.round += 1;
    }

    pub(crate) fn look_up(&mut self, text: &str) -> Option<Seen> {
        let known = self.by_text.get_mut(text)?;
        known.round = self.round;
        Some(known.slot.map_or(Seen::Dropped, Seen::Series))
    }

    /// Keeps what became of a text: `None` if relabelling dropped it.
    pub(crate) fn learn(&mut self, text: &str, series: Option<(LabelSet, MetricKind)>) -> Seen {
        let slot = series.map(|(labels, kind)| self.slot_of(labels, kind));
        if let Some(slot) = slot {
            self.slot_mut(slot).texts += 1;
        }
        let known = Known {
            slot,
            round: self.round,
        };
        self.by_text.insert(text.into(), known);
        slot.map_or(Seen::Dropped, Seen::Series)
    }

    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        self.slots[slot as usize]
            .as_ref()
            .expect("a known text keeps its slot")
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Slot {
        self.slots[slot as usize]
            .as_mut()
            .expect("a known text keeps its slot")
    }

    /// Notes that a series has a sample in this scrape. False if it had one before.
    pub(crate) fn mark(&mut self, slot: u32) -> bool {
        let round = self.round;
        let slot = self.slot_mut(slot);
        let is_first = slot.round != round;
        slot.round = round;
        is_first
    }

    /// Ends a scrape that was read wholly: gives the series that ended, and forgets texts that were
    /// not there.
    pub(crate) fn finish(&mut self) -> Vec<LabelSet> {
        let round = self.round;
        let mut ended = Vec::new();
        for slot in self.slots.iter_mut().flatten() {
            let is_there = slot.round == round;
            if slot.is_alive && !is_there {
                ended.push(slot.labels.clone());
            }
            slot.is_alive = is_there;
        }
        self.forget(|known| known.round != round);
        ended
    }

    /// Ends all series. Texts are remembered: they may come back.
    pub(crate) fn end_all(&mut self) -> Vec<LabelSet> {
        let alive = self.slots.iter_mut().flatten().filter(|slot| slot.is_alive);
        alive
            .map(|slot| {
                slot.is_alive = false;
                slot.labels.clone()
            })
            .collect()
    }

    /// Forgets what texts mean, since they will be relabelled in another way. What is alive stays so
    /// until the next scrape tells.
    pub(crate) fn forget_texts(&mut self) {
        self.forget(|_| true);
    }

    /// How many texts are known.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> usize {
        self.by_text.len()
    }

    fn forget(&mut self, is_gone: impl Fn(&Known) -> bool) {
        let mut gone = Vec::new();
        self.by_text.retain(|_, known| {
            let is_gone = is_gone(known);
            if is_gone {
                gone.extend(known.slot);
            }
            !is_gone
        });
        for slot in gone {
            self.slot_mut(slot).texts -= 1;
        }
        for index in 0..self.slots.len() {
            let is_unused = |slot: &Slot| slot.texts == 0 && !slot.is_alive;
            if self.slots[index].as_ref().is_some_and(is_unused) {
                self.release(index as u32);
            }
        }
    }

    fn release(&mut self, index: u32) {
        let Some(slot) = self.slots[index as usize].take() else {
            return;
        };
        let hash = hash_of(&slot.labels);
        if let Some(slots) = self.by_hash.get_mut(&hash) {
            slots.retain(|other| *other != index);
            if slots.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        self.free.push(index);
    }

    fn slot_of(&mut self, labels: LabelSet, kind: MetricKind) -> u32 {
        let slots = self.by_hash.entry(hash_of(&labels)).or_default();
        let is_it = |slot: &&u32| {
            let slot = self.slots[**slot as usize].as_ref();
            slot.is_some_and(|slot| slot.labels == labels)
        };
        if let Some(slot) = slots.iter().find(is_it) {
            return *slot;
        }
        let slot = Some(Slot {
            labels,
            kind,
            round: 0,
            is_alive: false,
            texts: 0,
        });
        let index = if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            index
        } else {
            self.slots.push(slot);
            self.slots.len() as u32 - 1
        };
        slots.push(index);
        index
    }
}

fn hash_of(labels: &LabelSet) -> u64 {
    use std::hash::BuildHasher as _;
    FxBuildHasher.hash_one(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(name: &str) -> LabelSet {
        LabelSet::metric(name, [("job", "j")])
    }

    fn scrape(cache: &mut SeriesCache, texts: &[&str]) -> Vec<String> {
        cache.begin();
        for text in texts {
            let seen = cache.look_up(text).unwrap_or_else(|| {
                let series = (*text != "dropped").then(|| (labels(&text[..1]), MetricKind::Gauge));
                cache.learn(text, series)
            });
            if let Seen::Series(slot) = seen {
                cache.mark(slot);
            }
        }
        cache
            .finish()
            .iter()
            .map(|labels| labels.name().to_owned())
            .collect()
    }

    #[test]
    fn a_series_ends_when_it_is_no_longer_there() {
        let mut cache = SeriesCache::default();
        assert!(scrape(&mut cache, &["a", "b", "dropped"]).is_empty());
        assert_eq!(cache.texts(), 3);
        assert_eq!(scrape(&mut cache, &["b"]), ["a"]);
        assert_eq!(cache.texts(), 1);
        assert!(scrape(&mut cache, &["b", "c"]).is_empty());
        assert_eq!(cache.end_all().len(), 2);
        assert!(cache.end_all().is_empty());
        assert!(scrape(&mut cache, &["b"]).is_empty());
    }

    #[test]
    fn two_texts_may_stand_for_one_series() {
        let mut cache = SeriesCache::default();
        assert!(scrape(&mut cache, &["a1", "a2"]).is_empty());
        assert!(scrape(&mut cache, &["a2"]).is_empty());
        assert!(scrape(&mut cache, &["a1"]).is_empty());
        assert_eq!(scrape(&mut cache, &[]), ["a"]);
        cache.begin();
        let Seen::Series(slot) = cache.learn("a1", Some((labels("a"), MetricKind::Gauge))) else {
            panic!("dropped")
        };
        assert!(cache.mark(slot));
        assert!(!cache.mark(slot));
    }

    #[test]
    fn forgotten_texts_leave_their_series_alive() {
        let mut cache = SeriesCache::default();
        assert!(scrape(&mut cache, &["a", "b"]).is_empty());
        cache.forget_texts();
        assert_eq!(cache.texts(), 0);
        assert_eq!(scrape(&mut cache, &["a"]), ["b"]);
    }
}
