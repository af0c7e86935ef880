//! Which entries of a column hold a word: the terms of an entry are its words, those of a shape with
//! marks where something varies.

mod index;
mod list;

use std::io;

use serde::{Deserialize, Serialize};

use super::shape::{ESCAPE, GROUPS, HEX, NUMBER, UUID, WORD};
use crate::split::file::{SplitFile, SplitWriterFile};
use crate::tokens::{is_of_token, token_cut};
use index::{IndexBuilder, IndexMeta, TermIndex};
use list::{ListBuilder, ListMeta, TermList};

/// From so many entries on, texts are taken to be free: an inverted index finds their words, which a
/// list of all terms in memory would do for the few shapes of what programs write.
const MANY: usize = 4_096;

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

/// Where the terms of a column are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::split) enum TermsMeta {
    List(ListMeta),
    Index(IndexMeta),
}

/// The terms of a column, ready to be asked.
#[derive(Debug)]
pub(in crate::split) enum Terms {
    List(TermList),
    Index(Box<TermIndex>),
}

/// Entries that have a word; in no order, some more than once.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// Those that have it by all means.
    pub(super) fixed: Vec<u32>,
    /// Those that have it for some values.
    pub(super) open: Vec<u32>,
}

/// Whether a word in which something varies is the one that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Judged {
    Never,
    Always,
    Open,
}

impl Matched {
    /// Where the entries of a word go that was judged so.
    fn of(&mut self, judged: Judged) -> Option<&mut Vec<u32>> {
        match judged {
            Judged::Never => None,
            Judged::Always => Some(&mut self.fixed),
            Judged::Open => Some(&mut self.open),
        }
    }
}

/// Writes the terms of entries, which come in order.
pub(super) fn write<'a>(
    entries: impl ExactSizeIterator<Item = &'a [u8]>,
    shaped: bool,
    file: &mut SplitWriterFile,
) -> io::Result<TermsMeta> {
    let terms = |entry| terms_of(std::str::from_utf8(entry).unwrap_or_default(), shaped);
    if entries.len() >= MANY {
        let mut index = IndexBuilder::new(file)?;
        for entry in entries {
            index.add(terms(entry))?;
        }
        return index.finish(file).map(TermsMeta::Index);
    }
    let mut list = ListBuilder::default();
    for (number, entry) in (0..).zip(entries) {
        list.add(number, &terms(entry));
    }
    list.write(file).map(TermsMeta::List)
}

impl Terms {
    pub(super) fn read(meta: &TermsMeta, file: &SplitFile, entries: u32) -> io::Result<Self> {
        Ok(match meta {
            TermsMeta::List(meta) => Self::List(TermList::read(meta, file)?),
            TermsMeta::Index(meta) => Self::Index(Box::new(TermIndex::open(meta, file, entries)?)),
        })
    }

    /// The entries that have the token, or a word that it is the start of; words in which something
    /// varies are judged.
    pub(super) fn find(
        &self,
        token: &str,
        is_start: bool,
        judge: &mut dyn FnMut(&str) -> Judged,
    ) -> io::Result<Matched> {
        match self {
            Self::List(list) => Ok(list.find(token, is_start, judge)),
            Self::Index(index) => index.find(token, is_start, judge),
        }
    }

    /// The entries, in order, in which these words follow each other; `None` if only the entries
    /// themselves tell. No word in which something varies may be one of them.
    pub(super) fn phrase(&self, tokens: &[String], prefix: bool) -> io::Result<Option<Vec<u32>>> {
        match self {
            Self::List(_) => Ok(None),
            Self::Index(index) => index.phrase(tokens, prefix).map(Some),
        }
    }
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
