use std::fmt;
use std::io;
use std::ops::Range;

use super::bits::{BLOCK, Docs};
use super::blocks::DocsOfBlock;
use super::node::Node;
use super::opened::Opened;
use super::stop::Stop;
use crate::filter::Filter;
use crate::watch::Watch;

/// Documents of one split that a filter means, in order.
pub(crate) struct Selection<'a> {
    opened: &'a Opened,
    filter: &'a Filter,
    plan: Plan<'a>,
    /// Made when the first document is asked for.
    node: Option<Node<'a>>,
    left: Range<u32>,
}

type Plan<'a> = fn(&'a Opened, &'a Filter, &Stop<'_>) -> io::Result<Node<'a>>;

impl<'a> Selection<'a> {
    pub(super) const fn new(
        opened: &'a Opened,
        filter: &'a Filter,
        plan: Plan<'a>,
        left: Range<u32>,
    ) -> Self {
        Self {
            opened,
            filter,
            plan,
            node: None,
            left,
        }
    }

    /// Calls `each` with the documents that are left, until it returns false or time is up. Whether
    /// it has seen all of them.
    pub(crate) fn each(
        &mut self,
        watch: &Watch,
        mut each: impl FnMut(u32) -> bool,
    ) -> io::Result<bool> {
        let stop = Stop::new(watch);
        // Where it is known how many there are, what is after the last of them need not be read.
        let mut to_come = None;
        if self.is_whole() && *self.filter != Filter::All {
            let rows = self.left.end;
            to_come = match self.node(&stop)? {
                Some(node) => node.counted(rows)?,
                None => None,
            };
        }
        while let Some((start, docs)) = self.block(&stop)? {
            for doc in docs.iter() {
                if !each(start + doc as u32) {
                    self.left.start = start + doc as u32;
                    return Ok(false);
                }
            }
            to_come = to_come.map(|count| count.saturating_sub(docs.count()));
            if to_come == Some(0) {
                self.left.start = self.left.end;
                return Ok(true);
            }
            if stop.is_due() {
                return Ok(self.left.is_empty());
            }
        }
        Ok(!stop.came())
    }

    /// The same a block at a time.
    pub(crate) fn each_block(
        &mut self,
        watch: &Watch,
        mut each: impl FnMut(DocsOfBlock) -> io::Result<()>,
    ) -> io::Result<bool> {
        let stop = Stop::new(watch);
        while let Some((start, docs)) = self.block(&stop)? {
            let block = start / BLOCK as u32;
            each(DocsOfBlock { block, docs })?;
            if stop.is_due() {
                return Ok(self.left.is_empty());
            }
        }
        Ok(!stop.came())
    }

    /// How many are left, and whether all of them could be counted in time.
    pub(crate) fn count(mut self, watch: &Watch) -> io::Result<(u64, bool)> {
        if *self.filter == Filter::All {
            return Ok((u64::from(self.left.end - self.left.start), true));
        }
        let stop = Stop::new(watch);
        let rows = self.left.end;
        if self.is_whole()
            && let Some(node) = self.node(&stop)?
            && let Some(count) = node.tally(rows, &stop)?
        {
            return Ok((count, true));
        }
        let mut counted = 0;
        while let Some((_, docs)) = self.block(&stop)? {
            counted += docs.count();
            if stop.is_due() {
                return Ok((counted, self.left.is_empty()));
            }
        }
        Ok((counted, !stop.came()))
    }

    /// Whether all documents of the split are left.
    fn is_whole(&self) -> bool {
        self.left == (0..self.opened.directory.rows)
    }

    /// How the filter is answered; nothing where it is stopped.
    fn node(&mut self, stop: &Stop<'_>) -> io::Result<Option<&mut Node<'a>>> {
        if self.node.is_none() {
            let planned = (self.plan)(self.opened, self.filter, stop)?;
            if stop.came() {
                return Ok(None);
            }
            self.node = Some(planned);
        }
        Ok(self.node.as_mut())
    }

    /// The documents of the next block, and the number of its first; nothing at the end, and where
    /// it was stopped.
    fn block(&mut self, stop: &Stop<'_>) -> io::Result<Option<(u32, Docs)>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let left = self.left.clone();
        let Some(node) = self.node(stop)? else {
            return Ok(None);
        };
        if matches!(node, Node::Nothing) {
            return Ok(None);
        }
        let block = left.start / BLOCK as u32;
        let start = block * BLOCK as u32;
        let end = left.end.min(start + BLOCK as u32);
        let wanted = Docs::between((left.start - start) as usize, (end - start) as usize);
        let docs = node.eval(block, &wanted, stop)?;
        if stop.came() {
            return Ok(None);
        }
        self.left.start = end;
        Ok(Some((start, docs)))
    }
}

impl fmt::Debug for Selection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}
