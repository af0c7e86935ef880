//! A filter over the columns of one split, answered block by block.

use std::io;

use super::bits::{BLOCK, Docs, Marks};
use super::ids::Ids;
use super::numbers::{Meaning, Numbers};
use super::opened::Column;
use super::presence::Values as BlockValues;
use super::stop::Stop;
use super::texts::{TextReader, Texts, Verdict, Verdicts};
use crate::scalar::Scalar;

/// So many documents of a block, or fewer, are looked at one by one.
const FEW: u64 = 16;

/// What is asked of every document.
pub(super) enum Node<'a> {
    All,
    Nothing,
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    Present(Column<'a>),
    /// Numbers between two, both inclusive.
    Between(Numbers<'a>, Values<'a>, (u64, u64)),
    /// Numbers of which each is looked at.
    Each(Numbers<'a>, Column<'a>, Meaning, NumberTest<'a>),
    Text(Box<TextNode<'a>>),
    Id(Ids<'a>, Column<'a>, u128, Vec<bool>),
}

pub(super) type NumberTest<'a> = Box<dyn Fn(Scalar<'_>) -> bool + 'a>;

/// Whose numbers are looked at.
pub(super) enum Values<'a> {
    Column(Column<'a>),
    /// Every document has one.
    All,
}

pub(super) struct TextNode<'a> {
    pub(super) column: Column<'a>,
    pub(super) texts: Texts<'a>,
    pub(super) reader: TextReader<'a>,
    pub(super) verdicts: Verdicts,
    /// Whether some entries do not decide.
    pub(super) is_open: bool,
    /// What blocks are read into.
    pub(super) buffer: Vec<u8>,
}

impl Node<'_> {
    /// Those of the wanted documents of a block that are meant; anything where it is stopped.
    pub(super) fn eval(&mut self, block: u32, wanted: &Docs, stop: &Stop<'_>) -> io::Result<Docs> {
        if wanted.is_empty() || stop.is_due() {
            return Ok(Docs::NONE);
        }
        Ok(match self {
            Self::All => *wanted,
            Self::Nothing => Docs::NONE,
            Self::And(parts) => {
                let mut left = *wanted;
                for part in parts {
                    left = part.eval(block, &left, stop)?;
                }
                left
            }
            Self::Or(parts) => {
                let mut found = Docs::NONE;
                for part in parts {
                    found = found.or(&part.eval(block, &wanted.without(&found), stop)?);
                }
                found
            }
            Self::Not(inner) => wanted.without(&inner.eval(block, wanted, stop)?),
            Self::Present(column) => column.block(block)?.docs.and(wanted),
            Self::Between(numbers, of, bounds) => between(numbers, of, *bounds, block, wanted)?,
            Self::Each(numbers, column, meaning, test) => {
                let values = column.block(block)?;
                let mut docs = Docs::NONE;
                for doc in values.docs.and(wanted).iter() {
                    if let Some(index) = values.of(doc)
                        && test(meaning.value(numbers.get(index)?))
                    {
                        docs.insert(doc);
                    }
                }
                docs
            }
            Self::Text(node) => node.eval(block, wanted)?,
            Self::Id(ids, column, id, blocks) => {
                if !blocks.get(block as usize).copied().unwrap_or_default() {
                    return Ok(Docs::NONE);
                }
                ids.docs_with(*id, &column.block(block)?)?.and(wanted)
            }
        })
    }
}

fn between(
    numbers: &mut Numbers<'_>,
    of: &Values<'_>,
    bounds: (u64, u64),
    block: u32,
    wanted: &Docs,
) -> io::Result<Docs> {
    let mut marks = Marks::new();
    match of {
        Values::Column(column) => {
            let values = column.block(block)?;
            if values.docs.and(wanted).is_empty() {
                return Ok(Docs::NONE);
            }
            numbers.between(values.first, values.count(), bounds, &mut marks)?;
            Ok(values.docs_of(&marks.finish()).and(wanted))
        }
        Values::All => {
            let first = block * BLOCK as u32;
            numbers.between(first, BLOCK as u32, bounds, &mut marks)?;
            let mut docs = Docs::NONE;
            *docs.words_mut() = marks.finish();
            Ok(docs.and(wanted))
        }
    }
}

impl TextNode<'_> {
    fn eval(&mut self, block: u32, wanted: &Docs) -> io::Result<Docs> {
        let values = self.column.block(block)?;
        if values.docs.and(wanted).is_empty() {
            return Ok(Docs::NONE);
        }
        let few = values.docs.and(wanted);
        if few.count() <= FEW {
            return self.look_at(&few, &values);
        }
        let (first, count) = (values.first, values.count());
        let mut marks = Marks::new();
        let verdicts = &self.verdicts.of;
        self.texts
            .each_place(first, count, &mut self.buffer, |entry| {
                let verdict = verdicts.get(entry as usize);
                marks.tell(verdict.is_some_and(|verdict| *verdict != Verdict::No));
            })?;
        let docs = values.docs_of(&marks.finish()).and(wanted);
        if !self.is_open {
            return Ok(docs);
        }
        if docs.count() > u64::from(count) / 8 {
            let mut marks = Marks::new();
            self.reader
                .accept_all(&self.verdicts, first, count, &mut marks)?;
            return Ok(values.docs_of(&marks.finish()).and(wanted));
        }
        self.look_at(&docs, &values)
    }

    /// Those of the documents that are meant, each looked at by itself.
    fn look_at(&mut self, docs: &Docs, values: &BlockValues) -> io::Result<Docs> {
        let mut sure = Docs::NONE;
        for doc in docs.iter() {
            if let Some(index) = values.of(doc)
                && self.reader.accepts(&self.verdicts, index)?
            {
                sure.insert(doc);
            }
        }
        Ok(sure)
    }
}
