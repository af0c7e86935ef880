use std::fmt;
use std::io;
use std::ops::Range;

use super::bits::{BLOCK, Docs};
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
        while let Some((start, docs)) = self.block(&stop)? {
            for doc in docs.iter() {
                if !each(start + doc as u32) {
                    self.left.start = start + doc as u32;
                    return Ok(false);
                }
            }
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
        let mut counted = 0;
        while let Some((_, docs)) = self.block(&stop)? {
            counted += docs.count();
            if stop.is_due() {
                return Ok((counted, self.left.is_empty()));
            }
        }
        Ok((counted, !stop.came()))
    }

    /// The documents of the next block, and the number of its first; nothing at the end, and where
    /// it was stopped.
    fn block(&mut self, stop: &Stop<'_>) -> io::Result<Option<(u32, Docs)>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let node = match &mut self.node {
            Some(node) => node,
            node => {
                let planned = (self.plan)(self.opened, self.filter, stop)?;
                if stop.came() {
                    return Ok(None);
                }
                node.insert(planned)
            }
        };
        if matches!(node, Node::Nothing) {
            return Ok(None);
        }
        let block = self.left.start / BLOCK as u32;
        let start = block * BLOCK as u32;
        let end = self.left.end.min(start + BLOCK as u32);
        let wanted = Docs::between((self.left.start - start) as usize, (end - start) as usize);
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
