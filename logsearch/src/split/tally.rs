//! How many documents of a whole split a filter means, told by the counts that are kept of each
//! different text, without a look at every document.

use std::io;

use super::bits::{BLOCK, Docs};
use super::node::{Node, TextNode};
use super::stop::Stop;
use super::texts::Verdict;

impl Node<'_> {
    /// How many of the `rows` documents are meant; nothing where only a look at them can tell, and
    /// where it is stopped.
    pub(super) fn tally(&mut self, rows: u32, stop: &Stop<'_>) -> io::Result<Option<u64>> {
        let known = match self {
            Self::Or(parts) => return tally_any(parts, rows, stop),
            Self::Not(inner) => inner.tally(rows, stop)?.map(|not| u64::from(rows) - not),
            _ => self.counted(rows)?,
        };
        Ok(known.filter(|_| !stop.came()))
    }

    /// The same where no document need be looked at.
    pub(super) fn counted(&self, rows: u32) -> io::Result<Option<u64>> {
        Ok(match self {
            Self::All => Some(u64::from(rows)),
            Self::Nothing => Some(0),
            Self::Text(text) if !text.is_open => Some(text.counted()?),
            _ => None,
        })
    }
}

/// Of the alternatives the most frequent is counted by its texts; of the others only those documents
/// are looked at which they mean, and of these each is asked whether the first means it too.
fn tally_any(parts: &mut [Node<'_>], rows: u32, stop: &Stop<'_>) -> io::Result<Option<u64>> {
    let mut most: Option<(u64, usize)> = None;
    for (index, part) in parts.iter().enumerate() {
        if let Some(count) = part.counted(rows)? {
            most = most.max(Some((count, index)));
        }
    }
    let Some((mut total, index)) = most else {
        return Ok(None);
    };
    let (before, rest) = parts.split_at_mut(index);
    let Some((most, after)) = rest.split_first_mut() else {
        return Ok(None);
    };
    for block in 0..rows.div_ceil(BLOCK as u32) {
        let start = block * BLOCK as u32;
        let all = Docs::between(0, (rows - start).min(BLOCK as u32) as usize);
        let mut others = Docs::NONE;
        for part in before.iter_mut().chain(after.iter_mut()) {
            others = others.or(&part.eval(block, &all.without(&others), stop)?);
        }
        if !others.is_empty() {
            total += others.without(&most.eval(block, &others, stop)?).count();
        }
        if stop.came() {
            return Ok(None);
        }
    }
    Ok(Some(total))
}

impl TextNode<'_> {
    fn counted(&self) -> io::Result<u64> {
        let counts = &self.texts.entries()?.counts;
        let verdicts = self.verdicts.of.iter().zip(counts);
        let meant = verdicts.filter(|(verdict, _)| **verdict == Verdict::Yes);
        Ok(meant.map(|(_, count)| u64::from(*count)).sum())
    }
}
