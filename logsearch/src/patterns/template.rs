//! What the lines of a pattern share, and how like it a line is.

use std::hash::Hasher as _;

use rustc_hash::FxHasher;

use super::masked_line::{MaskedLine, WordKind};

/// What stands in a template where its lines differ.
const ANYTHING: &str = "<*>";
/// A line belongs to a template if what they share weighs so many times what they differ in: nine
/// tenths of the whole.
const SHARE: u32 = 9;
/// A word that is the same weighs this much.
const SAME: u32 = 4;

/// A place for a word, in a line or in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) kind: SlotKind,
    /// Stands for the word.
    pub(super) key: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotKind {
    /// The same in all lines of the template.
    Is(WordKind),
    /// Whatever it is.
    Anything,
}

/// How like a template a line is; the greatest is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    /// In millionths.
    share: u32,
    same: u32,
}

/// The words that all lines of a pattern share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    text: String,
    /// Where the words of the text are.
    words: Vec<(usize, usize)>,
    slots: Vec<Slot>,
}

/// The slots of a line.
pub(super) fn slots_of(line: &MaskedLine, slots: &mut Vec<Slot>) {
    slots.clear();
    slots.extend(line.words().iter().map(|word| Slot {
        kind: SlotKind::Is(word.kind),
        key: key(&line.text()[word.start..word.end]),
    }));
}

pub(super) fn key(word: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(word.as_bytes());
    hasher.finish()
}

/// What a difference weighs: little where at least one of both looks like a value.
fn weight(a: WordKind, b: WordKind) -> u32 {
    use WordKind::{Masked, Name, Plain};
    match (a, b) {
        (Masked, Masked) => 0,
        (Plain, Plain) => SAME,
        (Plain, _) | (_, Plain) => SAME / 2,
        (Name | Masked, Name | Masked) => SAME / 4,
    }
}

impl Template {
    /// The template of one line.
    pub(super) fn of(line: &MaskedLine, slots: &[Slot]) -> Self {
        let words = line.words().iter().map(|word| (word.start, word.end));
        Self {
            text: line.text().to_owned(),
            words: words.collect(),
            slots: slots.to_vec(),
        }
    }

    /// A template that was saved; none if it is not one.
    pub(super) fn from_parts(
        text: String,
        words: Vec<(usize, usize)>,
        kinds: &[SlotKind],
    ) -> Option<Self> {
        let in_order = words.iter().try_fold(0, |at, (start, end)| {
            (at <= *start && start <= end).then_some(*end)
        })?;
        let is_whole = words.len() == kinds.len() && in_order <= text.len();
        let slots = words.iter().zip(kinds).map(|((start, end), kind)| {
            let key = key(text.get(*start..*end)?);
            Some(Slot { kind: *kind, key })
        });
        let slots: Vec<Slot> = slots.collect::<Option<_>>()?;
        is_whole.then_some(Self { text, words, slots })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn words(&self) -> &[(usize, usize)] {
        &self.words
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.text.capacity()
            + self.words.len() * size_of::<(usize, usize)>()
            + self.slots.len() * size_of::<Slot>()
    }

    /// How like this template a line of as many words is; none if it is another.
    pub(super) fn likeness(&self, line: &[Slot]) -> Option<Likeness> {
        let most = SAME * line.len() as u32 / SHARE;
        let (mut same, mut cost) = (0, 0);
        for (slot, word) in self.slots.iter().zip(line) {
            let (SlotKind::Is(ours), SlotKind::Is(theirs)) = (slot.kind, word.kind) else {
                continue;
            };
            if slot.key != word.key {
                cost += weight(ours, theirs);
                if cost > most {
                    return None;
                }
            } else if ours != WordKind::Masked {
                same += SAME;
            }
        }
        if same < SHARE * cost {
            return None;
        }
        let share = match same + cost {
            0 => 1_000_000,
            all => (u64::from(same) * 1_000_000 / u64::from(all)) as u32,
        };
        let share = if cost == 0 { 1_000_000 } else { share };
        Some(Likeness { share, same })
    }

    /// Makes room for a line: where it differs there is anything. Whether that changed it.
    pub(super) fn widen(&mut self, line: &[Slot]) -> bool {
        let mut changed = false;
        for (at, word) in line.iter().enumerate().take(self.slots.len()) {
            let slot = self.slots[at];
            if slot.key == word.key || slot.kind == SlotKind::Anything {
                continue;
            }
            let masked = SlotKind::Is(WordKind::Masked);
            if slot.kind != masked || word.kind != masked {
                self.open(at);
                changed = true;
            } else if self.word(at) != ANYTHING {
                // It stays a value, of whatever look.
                self.replace(at);
                changed = true;
            }
        }
        changed
    }

    /// Lets a word be anything.
    pub(super) fn open(&mut self, at: usize) {
        self.replace(at);
        self.slots[at] = Slot {
            kind: SlotKind::Anything,
            key: key(ANYTHING),
        };
    }

    fn word(&self, at: usize) -> &str {
        let (start, end) = self.words[at];
        &self.text[start..end]
    }

    fn replace(&mut self, at: usize) {
        let (start, end) = self.words[at];
        self.text.replace_range(start..end, ANYTHING);
        let grown = start + ANYTHING.len();
        self.words[at].1 = grown;
        for (start, stop) in &mut self.words[at + 1..] {
            *start = *start + grown - end;
            *stop = *stop + grown - end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(line: &str) -> (MaskedLine, Vec<Slot>) {
        let (mut masked, mut slots) = (MaskedLine::default(), Vec::new());
        masked.read(line);
        slots_of(&masked, &mut slots);
        (masked, slots)
    }

    /// What becomes of the template of the first line when the second is taken in, if it is.
    fn check(first: &str, second: &str, expected: Option<&str>) {
        let (line, first_slots) = slots(first);
        let mut template = Template::of(&line, &first_slots);
        let (_, second_slots) = slots(second);
        let alike = template.likeness(&second_slots).map(|_| {
            template.widen(&second_slots);
            template.text().to_owned()
        });
        assert_eq!(alike.as_deref(), expected, "{first} | {second}");
    }

    #[test]
    fn lines_that_differ_by_a_name_are_one() {
        check(
            "connection to db-a was lost again",
            "connection to cache_b was lost again",
            Some("connection to <*> was lost again"),
        );
        check(
            "session opened for user ann",
            "session opened for user bob",
            Some("session opened for user <*>"),
        );
        check("id 5 done", "id 4bf92f3577b3 done", Some("id <*> done"));
    }

    #[test]
    fn lines_that_differ_by_a_word_are_not() {
        check("instance was started", "instance was stopped", None);
        check("worker 1 started", "worker 1 stopped", None);
        check("running", "stopped", None);
    }

    #[test]
    fn a_place_that_is_open_takes_anything() {
        let (line, first) = slots("session opened for user ann today");
        let mut template = Template::of(&line, &first);
        template.open(4);
        assert_eq!(template.text(), "session opened for user <*> today");
        let (_, second) = slots("session opened for user 17 today");
        assert!(template.likeness(&second).is_some());
        assert!(!template.widen(&second));
        let kinds: Vec<_> = template.slots().iter().map(|slot| slot.kind).collect();
        let again = Template::from_parts(
            template.text().to_owned(),
            template.words().to_vec(),
            &kinds,
        );
        assert_eq!(again, Some(template));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let kinds = [SlotKind::Is(WordKind::Plain)];
        let check = |words: Vec<(usize, usize)>| {
            assert_eq!(Template::from_parts("é ab".to_owned(), words, &kinds), None);
        };
        check(vec![]);
        check(vec![(1, 2)]);
        check(vec![(3, 9)]);
        check(vec![(4, 3)]);
    }
}
