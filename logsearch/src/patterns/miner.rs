//! Finds the pattern of each line as it comes, with bounded memory and one fixed configuration.

mod likes;
mod limits;
mod shelf;

use std::hash::Hasher as _;

use rustc_hash::{FxHashMap, FxHasher};

pub(super) use limits::{Limits, Losses};

use super::id::PatternId;
use super::masked_line::{MaskedLine, WordKind};
use super::recent::Recent;
use super::template::{Slot, SlotKind, Template, slots_of};

/// See [`Limits::burst`].
const LINES_PER_PATTERN: u32 = 32;
/// Among so many words the first plain one is looked for.
const FIRST_WORDS: usize = 4;

#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) id: PatternId,
    pub(super) template: Template,
    route: Route,
    /// The line of all lines that was the last of it.
    last_line: u64,
}

/// How many words, and the first plain one among the first few; 0 for none.
type Route = (usize, u64);

/// Where a pattern is; valid as long as the one there has the id.
type Place = (u32, PatternId);

#[derive(Debug)]
pub(super) struct Miner {
    limits: Limits,
    patterns: Vec<Option<Pattern>>,
    free: Vec<u32>,
    by_id: FxHashMap<PatternId, u32>,
    buckets: FxHashMap<Route, Vec<u32>>,
    /// By the hash of the masked line.
    lines: Recent<Place>,
    /// Lines that differ in one word, by the hash of the others: how many, and the first's pattern.
    siblings: Recent<(u32, Place)>,
    bytes: usize,
    line: u64,
    allowance: u32,
    losses: Losses,
    /// Counts changes of what is saved.
    version: u64,
    masked: MaskedLine,
    slots: Vec<Slot>,
}

/// Stands for a masked line.
pub(super) fn hash_of(masked: &MaskedLine) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(masked.text().as_bytes());
    hasher.finish()
}

impl Default for Miner {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Miner {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            patterns: Vec::new(),
            free: Vec::new(),
            by_id: FxHashMap::default(),
            buckets: FxHashMap::default(),
            lines: Recent::new(limits.lines),
            siblings: Recent::new(limits.lines),
            bytes: 0,
            line: 0,
            allowance: limits.burst,
            losses: Losses::default(),
            version: 0,
            masked: MaskedLine::default(),
            slots: Vec::new(),
            limits,
        }
    }

    /// The pattern of a message whose masked line has this hash.
    pub(super) fn assign(&mut self, hash: u64, message: &str) -> PatternId {
        self.line += 1;
        let line = self.line;
        if line.is_multiple_of(u64::from(LINES_PER_PATTERN)) {
            self.allowance = (self.allowance + 1).min(self.limits.burst);
        }
        if let Some(place) = self.lines.get(hash)
            && let Some(pattern) = self.at(place)
        {
            pattern.last_line = line;
            return pattern.id;
        }
        self.read(message);
        let Some(place) = self
            .closest()
            .or_else(|| self.sibling())
            .or_else(|| self.made(None))
        else {
            self.losses.overflowed += 1;
            return PatternId::OTHER;
        };
        self.lines.put(hash, place);
        place.1
    }

    /// Knows again that a message has this pattern: somebody has found it before.
    pub(super) fn learn(&mut self, id: PatternId, message: &str) {
        if id == PatternId::OTHER {
            return;
        }
        self.line += 1;
        self.read(message);
        let known = self.by_id.get(&id).copied();
        let place = match known.map(|place| (place, id)) {
            Some(place) if self.takes(place) => Some(self.join(place)),
            // Another line had the same id before a crash; it keeps it.
            Some(_) => None,
            None => self.made(Some(id)),
        };
        if let Some(place) = place {
            self.lines.put(hash_of(&self.masked), place);
        }
    }

    /// Puts in a pattern that was saved. They come in the order of their last use.
    pub(super) fn restore(&mut self, id: PatternId, template: Template) {
        if id != PatternId::OTHER && !self.by_id.contains_key(&id) {
            self.line += 1;
            let slots = template.slots();
            let route = route_of(slots);
            self.insert(id, template, route);
        }
    }

    pub(super) fn template(&self, id: PatternId) -> Option<&str> {
        let place = *self.by_id.get(&id)?;
        self.patterns[place as usize]
            .as_ref()
            .map(|pattern| pattern.template.text())
    }

    /// The one that was not used for longest comes first.
    pub(super) fn by_last_use(&self) -> Vec<&Pattern> {
        let mut all: Vec<&Pattern> = self.patterns.iter().flatten().collect();
        all.sort_unstable_by_key(|pattern| pattern.last_line);
        all
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn losses(&self) -> Losses {
        self.losses
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        const PER_PATTERN: usize = size_of::<Option<Pattern>>() + 64;
        self.bytes + self.by_id.len() * PER_PATTERN + self.lines.bytes() + self.siblings.bytes()
    }

    fn at(&mut self, (place, id): Place) -> Option<&mut Pattern> {
        let pattern = self.patterns.get_mut(place as usize)?.as_mut();
        pattern.filter(|pattern| pattern.id == id)
    }

    fn read(&mut self, message: &str) {
        self.masked.read(message);
        slots_of(&self.masked, &mut self.slots);
    }

    /// Takes the line that was read into the pattern at a place.
    fn join(&mut self, place: Place) -> Place {
        let (line, slots) = (self.line, std::mem::take(&mut self.slots));
        self.change(place, |template| template.widen(&slots));
        self.slots = slots;
        if let Some(pattern) = self.at(place) {
            pattern.last_line = line;
        }
        place
    }
}

fn route_of(slots: &[Slot]) -> Route {
    let first = slots
        .iter()
        .take(FIRST_WORDS)
        .find(|slot| slot.kind == SlotKind::Is(WordKind::Plain));
    (slots.len(), first.map_or(0, |slot| slot.key))
}

#[cfg(test)]
mod tests;
