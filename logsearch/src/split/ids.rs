//! A column of ids of 128 bits, and a filter that tells which blocks may have one.

use std::io;

use serde::{Deserialize, Serialize};

use super::bits::{BLOCK, Docs, bits_at};
use super::file::{Section, SplitFile, SplitWriterFile, Window};
use super::numbers::{self, Meaning, Numbers, NumbersMeta};
use super::presence::Values;

/// Bits for each id: one look-up in about a hundred finds an id that is not there.
const BITS_PER_ID: usize = 10;
const PROBES: u64 = 6;
/// A filter has no fewer places than this.
const FEWEST_PLACES: usize = 64;
const ID_BYTES: usize = 16;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IdsMeta {
    count: u32,
    /// The ids in order, or if some come often, the different ones.
    ids: Section,
    /// Which of the different ones each is.
    which: Option<NumbersMeta>,
    /// Places, each with a bit for every block.
    filter: Section,
    places_of_filter: usize,
    blocks: usize,
}

/// Collects ids with the documents that have them.
#[derive(Debug, Default)]
pub(super) struct IdsBuilder {
    ids: Vec<u128>,
    docs: Vec<u32>,
}

impl IdsBuilder {
    pub(super) fn push(&mut self, doc: u32, id: u128) {
        self.ids.push(id);
        self.docs.push(doc);
    }

    pub(super) fn finish(self, rows: u32, file: &mut SplitWriterFile) -> io::Result<IdsMeta> {
        let blocks = (rows as usize).div_ceil(BLOCK);
        let fullest = self
            .docs
            .chunk_by(|a, b| *a as usize / BLOCK == *b as usize / BLOCK);
        let fullest = fullest.map(<[u32]>::len).max().unwrap_or_default();
        let places_of_filter = (fullest * BITS_PER_ID).max(FEWEST_PLACES);
        let mut filter = vec![0; (places_of_filter * blocks).div_ceil(8)];
        for (doc, id) in self.docs.iter().zip(&self.ids) {
            for place in places(*id, places_of_filter) {
                let bit = place * blocks + *doc as usize / BLOCK;
                filter[bit / 8] |= 1_u8 << (bit % 8);
            }
        }
        let (different, which) = self.repeated();
        let bytes = |ids: &[u128]| {
            let mut bytes = Vec::with_capacity(ids.len() * ID_BYTES);
            for id in ids {
                bytes.extend_from_slice(&id.to_be_bytes());
            }
            bytes
        };
        let (ids, places) = if different.len() * 2 < self.ids.len() {
            let places = numbers::write(&which, Meaning::Unsigned, file)?;
            (bytes(&different), Some(places))
        } else {
            (bytes(&self.ids), None)
        };
        Ok(IdsMeta {
            count: self.ids.len() as u32,
            ids: file.put(&ids)?,
            which: places,
            filter: file.put(&filter)?,
            places_of_filter,
            blocks,
        })
    }

    /// The different ids in the order they come, and which each is; not looked at further when it
    /// is clear that most come once.
    fn repeated(&self) -> (Vec<u128>, Vec<u64>) {
        const LOOK: usize = 4_096;
        let mut seen = rustc_hash::FxHashMap::default();
        let (mut different, mut which) = (Vec::new(), Vec::new());
        for (index, id) in self.ids.iter().enumerate() {
            if index == LOOK && different.len() * 2 > LOOK {
                return (self.ids.clone(), Vec::new());
            }
            let place = *seen.entry(*id).or_insert_with(|| {
                different.push(*id);
                different.len() as u64 - 1
            });
            which.push(place);
        }
        (different, which)
    }
}

fn places(id: u128, of: usize) -> impl Iterator<Item = usize> {
    let high = mixed((id >> 64) as u64 ^ mixed(id as u64));
    let step = mixed(high ^ id as u64) | 1;
    (0..PROBES).map(move |probe| {
        let number = high.wrapping_add(probe.wrapping_mul(step));
        // The high 64 bits of the product: a fair share of the places without a division.
        ((u128::from(number) * of as u128) >> 64) as usize
    })
}

/// Spreads a number over all 64 bits: ids of a test or of a sloppy client differ in few.
fn mixed(mut n: u64) -> u64 {
    n = (n ^ n >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    n = (n ^ n >> 29).wrapping_mul(0xd6e8_feb8_6659_fd93);
    n ^ n >> 32
}

/// Ids of an open split.
#[derive(Debug)]
pub(super) struct Ids<'a> {
    meta: &'a IdsMeta,
    which: Option<Numbers<'a>>,
    file: &'a SplitFile,
    window: Window<'a>,
}

impl IdsMeta {
    /// What [`Self::open`] takes; empty for ids that are not repeated.
    pub(super) fn heads(&self, file: &SplitFile) -> io::Result<Vec<u8>> {
        match &self.which {
            Some(places) => places.heads(file),
            None => Ok(Vec::new()),
        }
    }

    pub(super) fn open<'a>(&'a self, heads: &'a [u8], file: &'a SplitFile) -> Ids<'a> {
        Ids {
            meta: self,
            which: self.which.as_ref().map(|which| which.open(heads, file)),
            file,
            window: Window::new(file, self.ids),
        }
    }

    /// What the manifest keeps of it: enough to ask the filter.
    pub(super) fn filter_alone(&self) -> Self {
        Self {
            which: None,
            ..self.clone()
        }
    }

    pub(super) const fn filter_bytes(&self) -> u64 {
        self.filter.len()
    }

    /// The whole filter.
    pub(super) fn filter(&self, file: &SplitFile) -> io::Result<Vec<u8>> {
        file.whole(self.filter)
    }

    /// Whether a block may have the id.
    pub(super) fn may_have(&self, id: u128, filter: &[u8]) -> bool {
        let mut places = places(id, self.places_of_filter);
        let first = places.next().unwrap_or_default();
        let bit = |place: usize, block: usize| {
            let bit = place * self.blocks + block;
            filter
                .get(bit / 8)
                .is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        let others: Vec<usize> = places.collect();
        let has_all = |block: &usize| others.iter().all(|place| bit(*place, *block));
        (0..self.blocks)
            .filter(|block| bit(first, *block))
            .any(|block| has_all(&block))
    }

    /// Which blocks may have the id; none that has it is left out.
    pub(super) fn blocks_with(&self, id: u128, file: &SplitFile) -> io::Result<Vec<bool>> {
        let mut blocks = vec![true; self.blocks];
        for place in places(id, self.places_of_filter) {
            let bit = place * self.blocks;
            let len = self.blocks / 8 + 2;
            let there = file.read(self.filter, (bit / 8) as u64, len)?;
            for (block, may_have) in (0..).zip(&mut blocks) {
                *may_have &= bits_at(&there, (bit % 8 + block) as u64, 1) == 1;
            }
        }
        Ok(blocks)
    }
}

impl Ids<'_> {
    pub(super) const fn count(&self) -> u32 {
        self.meta.count
    }

    /// One of them.
    pub(super) fn get(&mut self, index: u32) -> io::Result<u128> {
        let place = match &mut self.which {
            None => u64::from(index),
            Some(which) => which.get(index)?,
        };
        Ok(u128::from_be_bytes(
            self.window.bytes(place * ID_BYTES as u64)?,
        ))
    }

    /// The documents of a block that have the id.
    pub(super) fn docs_with(&mut self, id: u128, values: &Values) -> io::Result<Docs> {
        let count = values.count();
        let mut chosen = [0_u64; BLOCK / 64];
        let mut index = 0;
        let mut choose = |is: bool| {
            chosen[index / 64] |= u64::from(is) << (index % 64);
            index += 1;
        };
        let wanted = id.to_be_bytes();
        match &mut self.which {
            None => {
                let at = u64::from(values.first) * ID_BYTES as u64;
                let bytes = self
                    .file
                    .read(self.meta.ids, at, count as usize * ID_BYTES)?;
                let (ids, _) = bytes.as_chunks::<ID_BYTES>();
                for id in ids {
                    choose(*id == wanted);
                }
            }
            Some(numbers) => {
                let (mut least, mut most, mut which) = (u64::MAX, 0, Vec::new());
                numbers.each(values.first, count, |place| {
                    least = least.min(place);
                    most = most.max(place);
                    which.push(place);
                })?;
                let len = (most.saturating_sub(least) + 1) as usize * ID_BYTES;
                let at = least.min(most) * ID_BYTES as u64;
                let bytes = self.file.read(self.meta.ids, at, len)?;
                let (ids, _) = bytes.as_chunks::<ID_BYTES>();
                let place = ids.iter().position(|id| *id == wanted);
                let place = place.map(|place| least + place as u64);
                for which in which {
                    choose(Some(which) == place);
                }
            }
        }
        Ok(values.docs_of(&chosen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_differ_in_few_bits_have_other_places() {
        let distinct: std::collections::BTreeSet<_> = (0..1_000_u128)
            .flat_map(|n| places(n << 70, 40_960))
            .collect();
        assert!(distinct.len() > 5_000, "{}", distinct.len());
        assert!(distinct.iter().all(|place| *place < 40_960));
    }
}
