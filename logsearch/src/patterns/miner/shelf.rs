use super::{Miner, Pattern, Place, Route, route_of};
use crate::patterns::id::PatternId;
use crate::patterns::template::Template;

/// Puts patterns in, moves them and throws them out.
impl Miner {
    /// Makes a pattern of the line, with an id that was given to it before if there is one.
    pub(super) fn made(&mut self, known: Option<PatternId>) -> Option<Place> {
        let route = route_of(&self.slots);
        if known.is_none() {
            self.allowance = self.allowance.checked_sub(1)?;
        }
        let mut id = known.unwrap_or_else(|| PatternId::of(self.masked.text()));
        while self.by_id.contains_key(&id) {
            id = id.next();
        }
        self.make_room(route);
        let template = Template::of(&self.masked, &self.slots);
        let place = self.insert(id, template, route);
        self.count_siblings(place);
        Some(place)
    }

    pub(super) fn insert(&mut self, id: PatternId, template: Template, route: Route) -> Place {
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

    /// Changes the template of a pattern; the closure says whether it did.
    pub(super) fn change(&mut self, place: Place, change: impl FnOnce(&mut Template) -> bool) {
        let Some(pattern) = self.at(place) else {
            return;
        };
        let before = pattern.template.bytes();
        if !change(&mut pattern.template) {
            return;
        }
        let after = pattern.template.bytes();
        let (old, new) = (pattern.route, route_of(pattern.template.slots()));
        pattern.route = new;
        self.bytes = self.bytes + after - before;
        self.version += 1;
        if old != new {
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

    /// Forgets the oldest of a crowd, and a sixteenth of all patterns if there are too many.
    fn make_room(&mut self, route: Route) {
        let bucket = self.buckets.get(&route);
        if let Some(crowd) = bucket.filter(|bucket| bucket.len() >= self.limits.bucket) {
            let last_line = |place: &&u32| {
                let pattern = self.patterns[**place as usize].as_ref();
                pattern.map_or(0, |pattern| pattern.last_line)
            };
            if let Some(oldest) = crowd.iter().min_by_key(last_line).copied() {
                self.forget(oldest);
            }
        }
        if self.by_id.len() < self.limits.patterns && self.bytes < self.limits.bytes {
            return;
        }
        let oldest: Vec<u32> = self
            .by_last_use()
            .into_iter()
            .take(self.by_id.len().div_ceil(16))
            .filter_map(|pattern| self.by_id.get(&pattern.id).copied())
            .collect();
        for place in oldest {
            self.forget(place);
        }
    }

    fn forget(&mut self, place: u32) {
        let Some(pattern) = self.patterns[place as usize].take() else {
            return;
        };
        self.bytes -= pattern.template.bytes();
        self.by_id.remove(&pattern.id);
        self.free.push(place);
        self.leave(pattern.route, place);
        self.losses.evicted += 1;
    }
}
