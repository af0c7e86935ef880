//! The terms of few entries, in order, each with the entries that have it.

use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::super::entries::{put_varint, varint};
use super::super::interner::Interner;
use super::{Judged, Matched, Term, is_varying};
use crate::split::file::{Section, SplitFile, SplitWriterFile, damaged};
use crate::split::presence::partition;

/// Collects the terms of entries, which come in order.
#[derive(Debug, Default)]
pub(super) struct ListBuilder {
    terms: Interner,
    entries: Vec<Vec<u32>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::split) struct ListMeta {
    terms: Section,
    entries: Section,
}

impl ListBuilder {
    pub(super) fn add(&mut self, entry: u32, terms: &[Term]) {
        for term in terms {
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

    pub(super) fn write(&self, file: &mut SplitWriterFile) -> io::Result<ListMeta> {
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
        Ok(ListMeta {
            terms: file.put_packed(&terms)?,
            entries: file.put_packed(&lists)?,
        })
    }
}

/// All of them, in memory.
#[derive(Debug, Default)]
pub(in crate::split) struct TermList {
    text: String,
    ends: Vec<u32>,
    lists: Vec<u8>,
    list_ends: Vec<u32>,
    /// Those in which something varies.
    varying: Vec<u32>,
}

impl TermList {
    pub(super) fn read(meta: &ListMeta, file: &SplitFile) -> io::Result<Self> {
        let bytes = file.unpacked(meta.terms)?;
        let mut terms = Self {
            lists: file.unpacked(meta.entries)?,
            ..Self::default()
        };
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            terms
                .read_one(&mut rest)
                .ok_or_else(|| damaged("a column's terms end too soon"))?;
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

    /// See [`super::Terms::find`].
    pub(super) fn find(
        &self,
        token: &str,
        is_start: bool,
        judge: &mut dyn FnMut(&str) -> Judged,
    ) -> Matched {
        let mut matched = Matched::default();
        let most = if is_start { usize::MAX } else { 1 };
        for number in self.starting(token).take(most) {
            let text = self.get(number);
            if text == token || is_start && !is_varying(text) {
                self.put_entries(number, &mut matched.fixed);
            }
        }
        for number in &self.varying {
            if let Some(found) = matched.of(judge(self.get(*number))) {
                self.put_entries(*number, found);
            }
        }
        matched
    }

    fn get(&self, number: u32) -> &str {
        &self.text[range(&self.ends, number)]
    }

    /// The terms that begin so.
    fn starting(&self, start: &str) -> Range<u32> {
        let count = self.ends.len() as u32;
        let first = partition(count, |number| self.get(number) < start);
        let end = partition(count, |number| {
            let term = self.get(number);
            term < start || term.starts_with(start)
        });
        first..end
    }

    fn put_entries(&self, number: u32, found: &mut Vec<u32>) {
        let mut bytes = self
            .lists
            .get(range(&self.list_ends, number))
            .unwrap_or_default();
        let mut entry = 0;
        while let Some(step) = varint(&mut bytes) {
            entry += step as u32;
            found.push(entry);
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
