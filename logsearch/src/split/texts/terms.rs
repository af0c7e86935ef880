//! Which entries of a column hold a word: the words of shapes, with marks where something varies.

use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::entries::{put_varint, varint};
use super::interner::Interner;
use super::shape::{ESCAPE, GROUPS, HEX, NUMBER, UUID, WORD};
use crate::split::file::{Section, SplitFile, SplitWriterFile, damaged};
use crate::tokens::{is_of_token, token_cut};

/// One word of a shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Term {
    /// In lower case. A mark stands for what varies; after that of a UUID comes which group it is.
    pub(super) text: String,
    /// The first slot that it has, or would have.
    pub(super) slot: usize,
}

/// The words of an entry in order.
pub(super) fn terms_of(entry: &str, shaped: bool) -> Vec<Term> {
    let (mut terms, mut slot) = (Vec::new(), 0);
    let mut open = Term::default();
    let mut chars = entry.chars();
    while let Some(c) = chars.next() {
        let mark = if shaped && (c as u32) <= u32::from(ESCAPE) {
            c as u8
        } else {
            0
        };
        match mark {
            NUMBER | WORD | HEX => {
                if open.text.is_empty() {
                    open.slot = slot;
                }
                open.text.push(c);
                if mark == HEX {
                    open.text.extend(chars.next());
                }
                slot += 1;
            }
            UUID => {
                for group in 0..GROUPS.len() as u8 {
                    let text = format!("{c}{}", char::from(b'0' + group));
                    terms.push(Term { text, slot });
                }
                slot += 2;
            }
            _ if mark != ESCAPE && is_of_token(c) => {
                if open.text.is_empty() {
                    open.slot = slot;
                }
                if open.text.len() >= token_cut() {
                    continue;
                }
                if c.is_ascii() {
                    open.text.push(c.to_ascii_lowercase());
                } else {
                    open.text.extend(c.to_lowercase());
                }
            }
            _ => {
                if mark == ESCAPE {
                    chars.next();
                }
                if !open.text.is_empty() {
                    terms.push(std::mem::take(&mut open));
                }
            }
        }
    }
    if !open.text.is_empty() {
        terms.push(open);
    }
    terms
}

/// Whether something varies in the word.
pub(super) fn is_varying(term: &str) -> bool {
    term.bytes().any(|byte| byte < ESCAPE)
}

/// Collects the words of entries, which come in order.
#[derive(Debug, Default)]
pub(super) struct TermsBuilder {
    terms: Interner,
    entries: Vec<Vec<u32>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::split) struct TermsMeta {
    terms: Section,
    entries: Section,
}

impl TermsBuilder {
    pub(super) fn add(&mut self, entry: u32, text: &[u8], shaped: bool) {
        let text = std::str::from_utf8(text).unwrap_or_default();
        for term in terms_of(text, shaped) {
            let (number, is_new) = self.terms.intern(term.text.as_bytes());
            if is_new {
                self.entries.push(Vec::new());
            }
            let entries = &mut self.entries[number as usize];
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
    }

    pub(super) fn write(&self, file: &mut SplitWriterFile) -> io::Result<TermsMeta> {
        let mut order: Vec<u32> = (0..self.terms.len() as u32).collect();
        order.sort_unstable_by_key(|number| self.terms.get(*number));
        let (mut terms, mut lists) = (Vec::new(), Vec::new());
        for number in order {
            let start = lists.len();
            let mut last = 0;
            for entry in &self.entries[number as usize] {
                put_varint(&mut lists, u64::from(entry - last));
                last = *entry;
            }
            let term = self.terms.get(number);
            put_varint(&mut terms, term.len() as u64);
            terms.extend_from_slice(term);
            put_varint(&mut terms, (lists.len() - start) as u64);
        }
        Ok(TermsMeta {
            terms: file.put_packed(&terms)?,
            entries: file.put_packed(&lists)?,
        })
    }
}

/// The words of a column, in order, and their entries.
#[derive(Debug, Default)]
pub(in crate::split) struct Terms {
    text: String,
    ends: Vec<u32>,
    lists: Vec<u8>,
    list_ends: Vec<u32>,
    /// Those in which something varies.
    varying: Vec<u32>,
}

impl Terms {
    pub(super) fn read(meta: &TermsMeta, file: &SplitFile) -> io::Result<Self> {
        let bytes = file.unpacked(meta.terms)?;
        let mut terms = Self {
            lists: file.unpacked(meta.entries)?,
            ..Self::default()
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            terms
                .read_one(&mut rest)
                .ok_or_else(|| damaged("a column's words end too soon"))?;
        }
        Ok(terms)
    }

    fn read_one(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let len = varint(bytes)? as usize;
        let (term, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        let term = std::str::from_utf8(term).ok()?;
        if is_varying(term) {
            self.varying.push(self.ends.len() as u32);
        }
        self.text.push_str(term);
        self.ends.push(self.text.len() as u32);
        let start = self.list_ends.last().copied().unwrap_or_default();
        self.list_ends.push(start + varint(bytes)? as u32);
        Some(())
    }

    pub(super) fn get(&self, number: u32) -> &str {
        &self.text[range(&self.ends, number)]
    }

    /// Those in which something varies.
    pub(super) fn varying(&self) -> impl Iterator<Item = u32> {
        self.varying.iter().copied()
    }

    /// The words that begin so.
    pub(super) fn starting(&self, start: &str) -> Range<u32> {
        let count = self.ends.len() as u32;
        let first = crate::split::presence::partition(count, |number| self.get(number) < start);
        let end = crate::split::presence::partition(count, |number| {
            let term = self.get(number);
            term < start || term.starts_with(start)
        });
        first..end
    }

    /// Calls back with the entries that hold a word.
    pub(super) fn each_entry(&self, number: u32, mut each: impl FnMut(u32)) {
        let mut bytes = self
            .lists
            .get(range(&self.list_ends, number))
            .unwrap_or_default();
        let mut entry = 0;
        while let Some(step) = varint(&mut bytes) {
            entry += step as u32;
            each(entry);
        }
    }
}

fn range(ends: &[u32], number: u32) -> Range<usize> {
    let start = match number {
        0 => 0,
        _ => ends[number as usize - 1],
    };
    start as usize..ends[number as usize] as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_shapes() {
        let check = |entry: &str, expected: &[(&str, usize)]| {
            let found = terms_of(entry, true);
            let found: Vec<_> = found
                .iter()
                .map(|term| (term.text.as_str(), term.slot))
                .collect();
            assert_eq!(found, expected, "{entry:?}");
        };
        check(
            "User u\u{1} paid \u{1}.\u{1}ms",
            &[
                ("user", 0),
                ("u\u{1}", 0),
                ("paid", 1),
                ("\u{1}", 1),
                ("\u{1}ms", 2),
            ],
        );
        check("\u{2}H \u{5}\u{1}x\u{3}", &[("\u{2}H", 0), ("x\u{3}", 1)]);
        check(
            "a=\u{4};\u{1}",
            &[
                ("a", 0),
                ("\u{4}0", 0),
                ("\u{4}1", 0),
                ("\u{4}2", 0),
                ("\u{4}3", 0),
                ("\u{4}4", 0),
                ("\u{1}", 2),
            ],
        );
        assert_eq!(terms_of("\u{1}a", false)[0].text, "a");
    }
}
