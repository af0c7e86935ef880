//! Finds the pattern of each line as it comes, with bounded memory and one fixed configuration.

use std::hash::Hasher as _;

use rustc_hash::{FxHashMap, FxHasher};

use super::id::PatternId;
use super::masked_line::{MaskedLine, WordKind};
use super::recent::Recent;
use super::template::{Slot, SlotKind, Template, slots_of};

/// What a miner may hold. Tests make it smaller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Patterns; beyond, those that were not seen for longest are forgotten, a sixteenth at a time.
    pub(super) patterns: usize,
    /// Bytes of their templates; beyond, the same.
    pub(super) bytes: usize,
    /// Patterns that could be those of a line, by its length and first word: each is compared.
    pub(super) bucket: usize,
    /// Masked lines whose pattern is remembered.
    pub(super) lines: usize,
    /// New patterns that may come at once. After that one in [`LINES_PER_PATTERN`] lines may make
    /// one; the others are [`PatternId::OTHER`]: lines of random words must not make of each record
    /// a pattern of its own, nor drive out those that are real.
    pub(super) burst: u32,
}

const LINES_PER_PATTERN: u32 = 32;
/// When so many lines differ in one word only, the word varies.
const SIBLINGS: u32 = 10;
/// Words that must be the same for that.
const SHARED_WORDS: usize = 2;
/// How many words of a line are looked at for that, and for the first plain one.
const WATCHED_WORDS: usize = 12;
const FIRST_WORDS: usize = 4;

impl Default for Limits {
    fn default() -> Self {
        Self {
            patterns: 16_384,
            bytes: 16 << 20,
            bucket: 512,
            lines: 32_768,
            burst: 8_192,
        }
    }
}

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

/// Counts of what could not be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Losses {
    /// Patterns that were forgotten to make room.
    pub(super) evicted: u64,
    /// Lines that are [`PatternId::OTHER`].
    pub(super) overflowed: u64,
}

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

    /// The pattern that is most like the line, if one is like it at all; it is widened by the line.
    fn closest(&mut self) -> Option<Place> {
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

    /// Whether the template at a place could be of the line.
    fn takes(&self, (place, _): Place) -> bool {
        let pattern = self.patterns[place as usize].as_ref();
        pattern.is_some_and(|pattern| pattern.template.slots().len() == self.slots.len())
    }

    fn join(&mut self, place: Place) -> Place {
        let (line, slots) = (self.line, std::mem::take(&mut self.slots));
        let mut grown = 0;
        let mut widened = false;
        if let Some(pattern) = self.at(place) {
            let before = pattern.template.bytes();
            widened = pattern.template.widen(&slots);
            pattern.last_line = line;
            grown = pattern.template.bytes() as isize - before as isize;
        }
        self.slots = slots;
        self.bytes = self.bytes.saturating_add_signed(grown);
        self.version += u64::from(widened);
        if widened {
            self.reroute(place);
        }
        place
    }

    /// The pattern of many lines that differ from this one in the same word only. The word becomes
    /// open in it.
    fn sibling(&mut self) -> Option<Place> {
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
            let pattern = self.at(first)?;
            pattern.template.open(at);
            return Some(self.join(first)).inspect(|place| self.reroute(*place));
        }
        None
    }

    fn takes_known(&mut self, place: Place) -> bool {
        self.at(place).is_some() && self.takes(place)
    }

    /// Makes a pattern of the line, with an id that was given to it before if there is one.
    fn made(&mut self, known: Option<PatternId>) -> Option<Place> {
        let route = route_of(&self.slots);
        let crowd = self.buckets.get(&route).map_or(0, Vec::len);
        if crowd >= self.limits.bucket || self.allowance == 0 && known.is_none() {
            return None;
        }
        if known.is_none() {
            self.allowance -= 1;
        }
        let mut id = known.unwrap_or_else(|| PatternId::of(self.masked.text()));
        while self.by_id.contains_key(&id) {
            id = id.next();
        }
        self.make_room();
        let template = Template::of(&self.masked, &self.slots);
        let place = self.insert(id, template, route);
        self.count_siblings(place);
        Some(place)
    }

    fn insert(&mut self, id: PatternId, template: Template, route: Route) -> Place {
        self.bytes += template.bytes();
        let pattern = Some(Pattern {
            id,
            template,
            route,
            last_line: self.line,
        });
        let place = if let Some(place) = self.free.pop() {
            self.patterns[place as usize] = pattern;
            place
        } else {
            self.patterns.push(pattern);
            self.patterns.len() as u32 - 1
        };
        self.by_id.insert(id, place);
        self.buckets.entry(route).or_default().push(place);
        self.version += 1;
        (place, id)
    }

    fn count_siblings(&mut self, place: Place) {
        for at in 0..self.slots.len().min(WATCHED_WORDS) {
            if self.slots[at].kind == SlotKind::Is(WordKind::Plain) {
                let hash = hash_without(&self.slots, at);
                let (count, first) = self.siblings.get(hash).unwrap_or((0, place));
                self.siblings.put(hash, (count + 1, first));
            }
        }
    }

    /// Moves a pattern to where the lines of its template are looked for.
    fn reroute(&mut self, place: Place) {
        let Some(pattern) = self.at(place) else {
            return;
        };
        let (old, new) = (pattern.route, route_of(pattern.template.slots()));
        if old != new {
            pattern.route = new;
            self.leave(old, place.0);
            self.buckets.entry(new).or_default().push(place.0);
        }
    }

    fn leave(&mut self, route: Route, place: u32) {
        if let Some(bucket) = self.buckets.get_mut(&route) {
            bucket.retain(|other| *other != place);
            if bucket.is_empty() {
                self.buckets.remove(&route);
            }
        }
    }

    /// Forgets a sixteenth of the patterns if there are too many.
    fn make_room(&mut self) {
        if self.by_id.len() < self.limits.patterns && self.bytes < self.limits.bytes {
            return;
        }
        let oldest: Vec<(u32, Route, PatternId)> = self
            .by_last_use()
            .into_iter()
            .take(self.by_id.len().div_ceil(16))
            .map(|pattern| (self.by_id[&pattern.id], pattern.route, pattern.id))
            .collect();
        for (place, route, id) in oldest {
            if let Some(pattern) = self.patterns[place as usize].take() {
                self.bytes -= pattern.template.bytes();
            }
            self.by_id.remove(&id);
            self.free.push(place);
            self.leave(route, place);
            self.losses.evicted += 1;
        }
    }
}

fn route_of(slots: &[Slot]) -> Route {
    let first = slots
        .iter()
        .take(FIRST_WORDS)
        .find(|slot| slot.kind == SlotKind::Is(WordKind::Plain));
    (slots.len(), first.map_or(0, |slot| slot.key))
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

#[cfg(test)]
mod tests;
