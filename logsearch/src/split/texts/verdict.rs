//! Which texts of a column a test means: decided for entries, and for single texts only where that
//! depends on what varies.

use std::io;

use rustc_hash::FxHashMap;

use super::Texts;
use super::check::{Check, Meeting, meet};
use super::entries::Slot;
use super::shape::{
    ESCAPE, HEX, HEX_LEN, NUMBER, UUID, WORD, number_of, parse_hex, parse_number, shape,
};
use super::terms::{Judged, Matched, Term, Terms, terms_of};
use crate::filter::{AttributeTest, KeywordTest};
use crate::scalar::cut;

/// What is asked of a text.
#[derive(Debug, Clone)]
pub(in crate::split) enum TextTest {
    /// Tokens next to each other; the last one may be the beginning of one.
    Words {
        tokens: Vec<String>,
        prefix: bool,
    },
    NotEmpty,
    Keyword(KeywordTest),
    Attribute(AttributeTest),
    /// The text is JSON, the value of an attribute of this name; asked is for another or the same.
    Json {
        name: String,
        path: String,
        test: JsonTest,
    },
}

#[derive(Debug, Clone)]
pub(in crate::split) enum JsonTest {
    Keyword(KeywordTest),
    Attribute(AttributeTest),
}

/// What is decided of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::split) enum Verdict {
    No,
    Yes,
    /// The values tell: the tests of that number.
    Values(u32),
    /// The text itself has to be looked at.
    Text,
}

/// The verdicts over all entries of a column.
#[derive(Debug)]
pub(in crate::split) struct Verdicts {
    pub(in crate::split) of: Vec<Verdict>,
    /// One alternative of them has to hold wholly.
    tests: Vec<Vec<Vec<SlotTest>>>,
    test: TextTest,
}

/// What one value of a text has to be.
#[derive(Debug)]
struct SlotTest {
    /// How far its bits are from the first value's.
    at: u64,
    slot: Slot,
    wanted: Wanted,
}

#[derive(Debug)]
enum Wanted {
    Packed(u64),
    Check(Check),
}

impl SlotTest {
    fn holds(&self, packed: u64) -> bool {
        match &self.wanted {
            Wanted::Packed(wanted) => packed == *wanted,
            Wanted::Check(check) => check.holds(self.slot.unpack(packed)),
        }
    }
}

impl Verdicts {
    /// Whether any text can be meant.
    pub(in crate::split) fn is_never(&self) -> bool {
        self.of.iter().all(|verdict| *verdict == Verdict::No)
    }

    /// Whether values are the ones that are meant; `bits` reads some, so far from the first.
    pub(super) fn accepts_values(
        &self,
        number: u32,
        mut bits: impl FnMut(u64, u32) -> io::Result<u64>,
    ) -> io::Result<bool> {
        for tests in self.tests.get(number as usize).into_iter().flatten() {
            let mut holds = true;
            for test in tests {
                if !test.holds(bits(test.at, test.slot.width)?) {
                    holds = false;
                    break;
                }
            }
            if holds {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the text is meant; words are never asked for here.
    pub(super) fn accepts_text(&self, text: &str) -> bool {
        self.test.accepts(text)
    }

    fn set(&mut self, entry: u32, verdict: Verdict) {
        if let Some(of) = self.of.get_mut(entry as usize) {
            *of = verdict;
        }
    }
}

impl TextTest {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Words { .. } => false,
            Self::NotEmpty => !value.is_empty(),
            Self::Keyword(asked) => asked.accepts(value),
            Self::Attribute(asked) => asked.accepts(crate::scalar::Scalar::Text(cut(value))),
            Self::Json { name, path, test } => {
                let mut found = false;
                crate::row::Cell::Json(value).each_scalar(name, &mut |at, scalar| {
                    found |= at == path
                        && match test {
                            JsonTest::Keyword(asked) => asked.accepts(&scalar.to_text()),
                            JsonTest::Attribute(asked) => asked.accepts(scalar),
                        };
                });
                found
            }
        }
    }

    /// The whole text that alone is meant.
    fn exact(&self) -> Option<&str> {
        let text = match self {
            Self::Keyword(KeywordTest::Is(text)) => text,
            Self::Attribute(AttributeTest::Is(literal)) => &literal.text,
            _ => return None,
        };
        // A longer text may be one that was cut.
        (cut(text).len() + 4 < crate::scalar::MAX_TEXT_BYTES).then_some(text)
    }

    /// What the texts that are meant begin with.
    fn start(&self) -> Option<&str> {
        match self {
            Self::Keyword(KeywordTest::Prefix(start))
            | Self::Attribute(AttributeTest::Prefix(start)) => Some(start),
            _ => None,
        }
    }
}

impl Texts<'_> {
    /// Decides a test.
    pub(in crate::split) fn verdicts(&self, test: &TextTest) -> io::Result<Verdicts> {
        let mut verdicts = Verdicts {
            of: vec![Verdict::No; self.meta.entries as usize],
            tests: Vec::new(),
            test: test.clone(),
        };
        match (test, test.exact()) {
            (TextTest::Words { tokens, prefix }, _) => {
                self.decide_words(tokens, *prefix, &mut verdicts)?;
            }
            (_, Some(exact)) if self.meta.shaped => self.decide_exact(exact, &mut verdicts)?,
            _ => self.decide_each(test, &mut verdicts)?,
        }
        Ok(verdicts)
    }

    /// One shape and its values, if the text has been seen at all.
    fn decide_exact(&self, text: &str, verdicts: &mut Verdicts) -> io::Result<()> {
        let (mut wanted, mut values, mut is_known) = (Vec::new(), Vec::new(), true);
        let words = self.words()?;
        shape(text, &mut wanted, &mut values, &mut |word| {
            let number = words.iter().position(|known| **known == *word);
            is_known &= number.is_some();
            number.unwrap_or_default() as u64
        });
        if !is_known {
            return Ok(());
        }
        let checks: Vec<_> = values.into_iter().map(Check::Is).enumerate().collect();
        self.each_entry(|entry, text| {
            if text.as_bytes() == wanted {
                self.decide(entry, vec![checks.clone()], verdicts)?;
            }
            Ok(())
        })
    }

    fn decide_each(&self, test: &TextTest, verdicts: &mut Verdicts) -> io::Result<()> {
        self.each_entry(|entry, text| {
            let verdict = match (test, test.start()) {
                _ if !self.meta.shaped && test.accepts(text) => Verdict::Yes,
                _ if !self.meta.shaped => Verdict::No,
                (TextTest::NotEmpty, _) if text.is_empty() => Verdict::No,
                (TextTest::NotEmpty, _) => Verdict::Yes,
                (_, Some(start)) => match begins(text, start) {
                    Beginning::Never => Verdict::No,
                    Beginning::Open => Verdict::Text,
                    Beginning::If(checks) => {
                        return self.decide(entry, vec![checks], verdicts);
                    }
                },
                _ => Verdict::Text,
            };
            verdicts.set(entry, verdict);
            Ok(())
        })
    }

    fn decide_words(
        &self,
        tokens: &[String],
        prefix: bool,
        verdicts: &mut Verdicts,
    ) -> io::Result<()> {
        let terms = self.terms()?;
        let mut found = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let is_start = prefix && index + 1 == tokens.len();
            found.push(self.entries_with(terms, token, is_start)?);
        }
        found.sort_by_key(|found| found.entries.len());
        let mut candidates = found
            .first()
            .map_or(Vec::new(), |found| found.entries.clone());
        for others in found.iter().skip(1) {
            candidates.retain(|entry| others.entries.binary_search(entry).is_ok());
        }
        if tokens.len() == 1 && found[0].checks.is_empty() {
            for entry in candidates {
                verdicts.set(entry, Verdict::Yes);
            }
            return Ok(());
        }
        let is_whole = tokens.len() > 1 && !found.iter().any(|found| found.varies);
        if is_whole && let Some(entries) = terms.phrase(tokens, prefix)? {
            for entry in entries {
                verdicts.set(entry, Verdict::Yes);
            }
            return Ok(());
        }
        let entries = self.entries()?;
        candidates.retain(|entry| {
            let slots = entries.slots(*entry);
            found.iter().all(|found| found.may_be_in(*entry, slots))
        });
        let mut words = FxHashMap::default();
        for entry in candidates {
            let text = self.entry(entry)?;
            let terms = terms_of(text, self.meta.shaped);
            let mut alternatives = Vec::new();
            for start in 0..(terms.len() + 1).saturating_sub(tokens.len()) {
                let here = &terms[start..start + tokens.len()];
                alternatives.extend(self.align(tokens, prefix, here, &mut words)?);
            }
            self.decide(entry, alternatives, verdicts)?;
        }
        Ok(())
    }

    /// The entries that have a word which is or may be this one.
    fn entries_with(&self, terms: &Terms, token: &str, is_start: bool) -> io::Result<Found> {
        let (mut checks, mut failed, mut varies) = (Vec::new(), None, false);
        let mut judge = |term: &str| {
            let meeting = meet(token, is_start, term, &mut |asked, is_start| {
                self.words_like(asked, is_start).unwrap_or_else(|error| {
                    failed = Some(error);
                    Vec::new()
                })
            });
            varies |= meeting != Meeting::Never;
            match meeting {
                Meeting::Never => Judged::Never,
                Meeting::Always => Judged::Always,
                Meeting::If(found) => {
                    checks.extend(found.into_iter().map(|(_, check)| check));
                    Judged::Open
                }
            }
        };
        let Matched {
            mut fixed,
            open: mut entries,
        } = terms.find(token, is_start, &mut judge)?;
        if let Some(error) = failed {
            return Err(error);
        }
        fixed.sort_unstable();
        entries.extend_from_slice(&fixed);
        entries.sort_unstable();
        entries.dedup();
        Ok(Found {
            entries,
            fixed,
            checks,
            varies,
        })
    }

    /// What has to hold for the tokens to be these words of a shape; nothing if they cannot be.
    fn align(
        &self,
        tokens: &[String],
        prefix: bool,
        terms: &[Term],
        words: &mut FxHashMap<(String, bool), Vec<u64>>,
    ) -> io::Result<Option<Vec<(usize, Check)>>> {
        let mut all = Vec::new();
        for (index, (token, term)) in tokens.iter().zip(terms).enumerate() {
            let is_start = prefix && index + 1 == tokens.len();
            let mut failed = None;
            let meeting = meet(token, is_start, &term.text, &mut |asked, is_start| {
                let known = words.entry((asked.to_owned(), is_start));
                let found = known.or_insert_with(|| {
                    self.words_like(asked, is_start).unwrap_or_else(|error| {
                        failed = Some(error);
                        Vec::new()
                    })
                });
                found.clone()
            });
            if let Some(error) = failed {
                return Err(error);
            }
            match meeting {
                Meeting::Never => return Ok(None),
                Meeting::Always => {}
                Meeting::If(checks) => {
                    let checks = checks.into_iter();
                    all.extend(checks.map(|(slot, check)| (term.slot + slot, check)));
                }
            }
        }
        Ok(Some(all))
    }

    /// Leaves out what the only value of a slot decides.
    fn decide(
        &self,
        entry: u32,
        alternatives: Vec<Vec<(usize, Check)>>,
        verdicts: &mut Verdicts,
    ) -> io::Result<()> {
        let slots = self.entries()?.slots(entry);
        let mut open = Vec::new();
        for checks in alternatives {
            match slot_tests(slots, checks) {
                None => {}
                Some(tests) if tests.is_empty() => {
                    verdicts.set(entry, Verdict::Yes);
                    return Ok(());
                }
                Some(tests) => open.push(tests),
            }
        }
        if !open.is_empty() {
            verdicts.set(entry, Verdict::Values(verdicts.tests.len() as u32));
            verdicts.tests.push(open);
        }
        Ok(())
    }

    /// The varied words that are this one, or begin so, in order.
    fn words_like(&self, asked: &str, is_start: bool) -> io::Result<Vec<u64>> {
        let is = |word: &[u8]| {
            let begins = word
                .get(..asked.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(asked.as_bytes()));
            begins && (is_start || word.len() == asked.len())
        };
        let words = self.words()?.iter().enumerate();
        Ok(words
            .filter(|(_, word)| is(word))
            .map(|(number, _)| number as u64)
            .collect())
    }
}

/// The tests of values that are left when what a slot can never be, or always is, is decided;
/// `None` if they cannot all hold.
fn slot_tests(slots: &[Slot], checks: Vec<(usize, Check)>) -> Option<Vec<SlotTest>> {
    let mut tests = Vec::new();
    for (number, check) in checks {
        let slot = slots.get(number)?;
        match check.is_decided(slot) {
            Some(true) => continue,
            Some(false) => return None,
            None => {}
        }
        let wanted = match check {
            Check::Is(value) => Wanted::Packed(slot.packed(value)?),
            check => Wanted::Check(check),
        };
        tests.push(SlotTest {
            at: slots[..number]
                .iter()
                .map(|slot| u64::from(slot.width))
                .sum(),
            slot: *slot,
            wanted,
        });
    }
    Some(tests)
}

/// Whether the texts of a shape begin so.
enum Beginning {
    Never,
    /// If these checks of slots hold.
    If(Vec<(usize, Check)>),
    /// The text itself tells.
    Open,
}

fn begins(shape: &str, start: &str) -> Beginning {
    let (mut rest, mut checks) = (start.as_bytes(), Vec::new());
    let mut bytes = shape.bytes();
    while let Some(wanted) = rest.first() {
        let fixed = match bytes.next() {
            None => return Beginning::Never,
            Some(NUMBER) => {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let Some(value) = parse_number(&rest[..digits]) else {
                    return Beginning::Never;
                };
                let (number, count) = number_of(value);
                let check = if digits == rest.len() {
                    Check::Starts {
                        number,
                        digits: count,
                    }
                } else {
                    Check::Is(value)
                };
                checks.push((checks.len(), check));
                rest = &rest[digits..];
                continue;
            }
            Some(HEX) => {
                let len = usize::from(bytes.next().unwrap_or(HEX_LEN) - HEX_LEN);
                let there = len.min(rest.len());
                let Some(value) = parse_hex(&rest[..there]) else {
                    return Beginning::Never;
                };
                let check = Check::Bits {
                    shift: 4 * (len - there) as u32,
                    mask: u64::MAX,
                    value,
                };
                checks.push((checks.len(), check));
                rest = &rest[there..];
                continue;
            }
            Some(WORD | UUID) => return Beginning::Open,
            Some(ESCAPE) => bytes.next(),
            fixed => fixed,
        };
        if fixed != Some(*wanted) {
            return Beginning::Never;
        }
        rest = &rest[1..];
    }
    Beginning::If(checks)
}

/// Where a word may be; entries are in order.
#[derive(Debug)]
struct Found {
    entries: Vec<u32>,
    /// Those of them that have the word by all means.
    fixed: Vec<u32>,
    /// What a value has to be for the others to have it.
    checks: Vec<Check>,
    /// Whether a word in which something varies may be it.
    varies: bool,
}

impl Found {
    /// Whether the entry has the word, or a slot that may have such a value.
    fn may_be_in(&self, entry: u32, slots: &[Slot]) -> bool {
        let may_be = |check: &Check, slot: &Slot| match check {
            Check::Is(value) => slot.packed(*value).is_some(),
            check => check.is_decided(slot) != Some(false),
        };
        let is_possible = |check: &Check| slots.iter().any(|slot| may_be(check, slot));
        self.fixed.binary_search(&entry).is_ok() || self.checks.iter().any(is_possible)
    }
}
