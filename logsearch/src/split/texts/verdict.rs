//! Which texts of a column a test means: decided for entries, and for single texts only where that
//! depends on what varies.

use std::io;

use rustc_hash::FxHashMap;

use super::Texts;
use super::check::{Check, Meeting, meet};
use super::shape::shape;
use super::terms::{Term, Terms, is_varying, terms_of};
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
    /// The values tell, by the checks of the entry.
    Values,
    /// The text itself has to be looked at.
    Text,
}

/// The verdicts over all entries of a column.
#[derive(Debug)]
pub(in crate::split) struct Verdicts {
    pub(in crate::split) of: Vec<Verdict>,
    /// One of these has to hold wholly: values by their slot.
    checks: FxHashMap<u32, Vec<Vec<(usize, Check)>>>,
    test: TextTest,
}

impl Verdicts {
    /// Whether any text can be meant.
    pub(in crate::split) fn is_never(&self) -> bool {
        self.of.iter().all(|verdict| *verdict == Verdict::No)
    }

    /// Whether the values of an entry are the ones that are meant.
    pub(super) fn accepts_values(&self, entry: u32, values: &[u64]) -> bool {
        let Some(alternatives) = self.checks.get(&entry) else {
            return false;
        };
        alternatives.iter().any(|checks| {
            let holds = |(slot, check): &(usize, Check)| {
                values.get(*slot).is_some_and(|value| check.holds(*value))
            };
            checks.iter().all(holds)
        })
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
            checks: FxHashMap::default(),
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
        let entries = self.entries()?;
        self.each_entry(|entry, text| {
            let verdict = if entries.slots(entry).is_empty() && !self.meta.shaped {
                if test.accepts(text) {
                    Verdict::Yes
                } else {
                    Verdict::No
                }
            } else {
                match (test, test.start()) {
                    (TextTest::NotEmpty, _) if text.is_empty() => Verdict::No,
                    (TextTest::NotEmpty, _) => Verdict::Yes,
                    (_, Some(start)) => begins(text, start),
                    _ => Verdict::Text,
                }
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
        let mut candidates: Option<Vec<u32>> = None;
        let mut is_sure = tokens.len() == 1;
        for (index, token) in tokens.iter().enumerate() {
            let is_start = prefix && index + 1 == tokens.len();
            let (found, sure) = self.entries_with(terms, token, is_start)?;
            is_sure &= sure;
            candidates = Some(match candidates {
                None => found,
                Some(before) => both(&before, &found),
            });
        }
        let candidates = candidates.unwrap_or_default();
        if is_sure {
            for entry in candidates {
                verdicts.set(entry, Verdict::Yes);
            }
            return Ok(());
        }
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

    /// The entries, in order, that have a word which is or may be this one; whether it is for sure.
    fn entries_with(
        &self,
        terms: &Terms,
        token: &str,
        is_start: bool,
    ) -> io::Result<(Vec<u32>, bool)> {
        let (mut found, mut is_sure) = (Vec::new(), true);
        let most = if is_start { usize::MAX } else { 1 };
        for term in terms.starting(token).take(most) {
            let text = terms.get(term);
            if text == token || is_start && !is_varying(text) {
                terms.each_entry(term, |entry| found.push(entry));
            }
        }
        for term in terms.varying() {
            let mut failed = None;
            let meeting = meet(token, is_start, terms.get(term), &mut |asked, is_start| {
                self.words_like(asked, is_start).unwrap_or_else(|error| {
                    failed = Some(error);
                    Vec::new()
                })
            });
            if let Some(error) = failed {
                return Err(error);
            }
            if meeting != Meeting::Never {
                is_sure &= meeting == Meeting::Always;
                terms.each_entry(term, |entry| found.push(entry));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok((found, is_sure))
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
        for mut checks in alternatives {
            let mut is_possible = true;
            checks.retain(|(slot, check)| match slots.get(*slot) {
                None => {
                    is_possible = false;
                    false
                }
                Some(slot) => match check.is_decided(slot) {
                    None => true,
                    Some(holds) => {
                        is_possible &= holds;
                        false
                    }
                },
            });
            if !is_possible {
                continue;
            }
            if checks.is_empty() {
                verdicts.set(entry, Verdict::Yes);
                return Ok(());
            }
            open.push(checks);
        }
        if !open.is_empty() {
            verdicts.checks.insert(entry, open);
            verdicts.set(entry, Verdict::Values);
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

/// Whether the texts of a shape begin so, as far as what does not vary tells.
fn begins(shape: &str, start: &str) -> Verdict {
    let fixed = shape
        .bytes()
        .take_while(|byte| *byte > super::shape::ESCAPE);
    let mut same = 0;
    for (found, wanted) in fixed.zip(start.bytes()) {
        if found != wanted {
            return Verdict::No;
        }
        same += 1;
    }
    if same == start.len() {
        Verdict::Yes
    } else {
        Verdict::Text
    }
}

/// What is in both lists, which are in order.
fn both(a: &[u32], b: &[u32]) -> Vec<u32> {
    a.iter()
        .copied()
        .filter(|entry| b.binary_search(entry).is_ok())
        .collect()
}
