use std::fmt;
use std::io;
use std::ops::Range;

use super::bits::{BLOCK, Docs};
use super::node::Node;
use crate::watch::Watch;

/// Documents of one split that a filter means, in order.
pub(crate) struct Selection<'a> {
    node: Node<'a>,
    left: Range<u32>,
}

impl<'a> Selection<'a> {
    pub(super) const fn new(node: Node<'a>, left: Range<u32>) -> Self {
        Self { node, left }
    }

    /// Whether none can be meant, which is known before any is looked at.
    pub(crate) const fn is_never(&self) -> bool {
        matches!(self.node, Node::Nothing)
    }

    /// Calls `each` with the documents that are left, until it returns false or time is up. Whether
    /// it has seen all of them.
    pub(crate) fn each(
        &mut self,
        watch: &Watch,
        mut each: impl FnMut(u32) -> bool,
    ) -> io::Result<bool> {
        while let Some((start, docs)) = self.block()? {
            for doc in docs.iter() {
                if !each(start + doc as u32) {
                    self.left.start = start + doc as u32;
                    return Ok(false);
                }
            }
            if watch.is_over() {
                return Ok(self.left.is_empty());
            }
        }
        Ok(true)
    }

    /// How many are left, and whether all of them could be counted in time.
    pub(crate) fn count(mut self, watch: &Watch) -> io::Result<(u64, bool)> {
        if matches!(self.node, Node::All) {
            return Ok((u64::from(self.left.end - self.left.start), true));
        }
        let mut counted = 0;
        while let Some((_, docs)) = self.block()? {
            counted += docs.count();
            if watch.is_over() {
                return Ok((counted, self.left.is_empty()));
            }
        }
        Ok((counted, true))
    }

    /// The documents of the next block, and the number of its first.
    fn block(&mut self) -> io::Result<Option<(u32, Docs)>> {
        if self.left.is_empty() || self.is_never() {
            return Ok(None);
        }
        let block = self.left.start / BLOCK as u32;
        let start = block * BLOCK as u32;
        let end = self.left.end.min(start + BLOCK as u32);
        let wanted = Docs::between((self.left.start - start) as usize, (end - start) as usize);
        let docs = self.node.eval(block, &wanted)?;
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
