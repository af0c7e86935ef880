//! Things that were opened and stay open while there is room: what was used longest ago goes first.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// How many of one kind are kept, or how heavy they are together.
pub(crate) struct Kept<T> {
    most: u64,
    /// Counts uses.
    now: AtomicU64,
    held: Mutex<Held<T>>,
}

struct Held<T> {
    slots: Vec<Weak<Slot<T>>>,
    weight: u64,
}

/// Where one thing is while it is kept.
pub(crate) struct Slot<T> {
    value: Mutex<Option<(Arc<T>, u64)>>,
    used: AtomicU64,
}

impl<T> Kept<T> {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            now: AtomicU64::new(0),
            held: Mutex::new(Held {
                slots: Vec::new(),
                weight: 0,
            }),
        }
    }

    /// What the slot holds, opened if it does not. Who still uses a thing that is let go keeps it
    /// until he is done.
    pub(crate) fn get(
        &self,
        slot: &Arc<Slot<T>>,
        open: impl FnOnce() -> io::Result<(T, u64)>,
    ) -> io::Result<Arc<T>> {
        let now = self.now.fetch_add(1, Ordering::Relaxed);
        slot.used.store(now, Ordering::Relaxed);
        let mut value = slot.value();
        if let Some((value, _)) = value.as_ref() {
            return Ok(Arc::clone(value));
        }
        let (opened, weight) = open()?;
        let opened = Arc::new(opened);
        *value = Some((Arc::clone(&opened), weight));
        drop(value);
        self.hold(slot, weight);
        Ok(opened)
    }

    /// Whether so much more can be kept without letting anything go.
    pub(crate) fn has_room(&self, weight: u64) -> bool {
        self.held().weight + weight <= self.most
    }

    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().expect("no holder of this lock panics")
    }

    fn hold(&self, slot: &Arc<Slot<T>>, weight: u64) {
        let mut held = self.held();
        held.slots.push(Arc::downgrade(slot));
        held.weight += weight;
        if held.weight <= self.most {
            return;
        }
        let mut slots: Vec<_> = held.slots.iter().filter_map(Weak::upgrade).collect();
        slots.sort_by_key(|slot| slot.used.load(Ordering::Relaxed));
        let weigh = |slot: &Arc<Slot<T>>| slot.value().as_ref().map_or(0, |(_, weight)| *weight);
        // Of those whose split is gone nothing is left to weigh.
        held.weight = slots.iter().map(weigh).sum();
        // A little more than needed, so that not every opening has to sort.
        let most = self.most - self.most / 8;
        let mut closed = 0;
        while held.weight > most && closed + 1 < slots.len() {
            if let Some((_, weight)) = slots[closed].value().take() {
                held.weight -= weight;
            }
            closed += 1;
        }
        held.slots = slots[closed..].iter().map(Arc::downgrade).collect();
    }
}

impl<T> Slot<T> {
    /// Whether it holds something.
    pub(crate) fn is_filled(&self) -> bool {
        self.value().is_some()
    }

    fn value(&self) -> MutexGuard<'_, Option<(Arc<T>, u64)>> {
        // The engine may panic while it opens; nothing is in the slot then.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self {
            value: Mutex::new(None),
            used: AtomicU64::new(0),
        }
    }
}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_is_closed() {
        let kept: Kept<usize> = Kept::new(8);
        let slots: Vec<Arc<Slot<usize>>> = (0..20).map(|_| Arc::default()).collect();
        let open = |index: usize| {
            let mut opened = false;
            let value = kept.get(&slots[index], || {
                opened = true;
                Ok((index, 1))
            });
            assert_eq!(*value.unwrap(), index);
            opened
        };
        let in_use = kept.get(&slots[0], || Ok((0, 1))).unwrap();
        for index in 1..20 {
            assert!(open(index));
            assert!(slots.iter().filter(|slot| slot.is_filled()).count() <= 8);
            assert!(!open(1), "used all the time");
        }
        assert!(!open(19));
        assert!(open(2));
        assert_eq!(*in_use, 0, "closed, but still there for who uses it");
    }

    #[test]
    fn what_cannot_be_opened_is_tried_again() {
        let kept: Kept<()> = Kept::new(1);
        let slot = Arc::default();
        assert!(kept.get(&slot, || Err(io::Error::other("no"))).is_err());
        assert!(
            kept.get(&slot, || Ok(((), 5))).is_ok(),
            "one is always kept"
        );
        assert!(kept.get(&slot, || panic!("is there")).is_ok());
    }

    #[test]
    fn those_of_a_split_that_is_gone_do_not_count() {
        let kept: Kept<()> = Kept::new(4);
        for _ in 0..100 {
            let slot = Arc::default();
            kept.get(&slot, || Ok(((), 1))).unwrap();
        }
        assert!(kept.has_room(0));
        assert!(kept.held.lock().unwrap().slots.len() <= 5);
    }
}
