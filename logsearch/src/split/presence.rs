//! Which documents have a value in a column, and which of its values is theirs.

use std::io;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::bits::{BLOCK, BitWriter, Docs, bits_at, width};
use super::file::{Section, SplitFile, SplitWriterFile};
use super::loaded::nth;

const WORD_BYTES: usize = 8;
const BLOCK_BYTES: usize = BLOCK / 8;
/// Below one document in so many, they are listed.
const SPARSE: u32 = 64;

/// Told once for all columns that the same documents have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Presence {
    All,
    /// In order.
    List(Vec<u32>),
    /// One bit a document.
    Bits(Vec<u64>),
}

/// Collects the documents of a column, which come in order.
#[derive(Debug, Default)]
pub(super) struct PresenceBuilder {
    docs: Vec<u32>,
    bits: Vec<u64>,
    count: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum PresenceMeta {
    All,
    List {
        docs: Section,
        count: u32,
        width: u32,
        /// Kept once it has been read.
        #[serde(skip)]
        read: OnceLock<Vec<u32>>,
    },
    /// With the number of documents before each block.
    Bits {
        bits: Section,
        ranks: Vec<u32>,
    },
}

/// The values that a block has in a column.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// The number of the first of them.
    pub(super) first: u32,
    /// Whose they are.
    pub(super) docs: Docs,
}

impl PresenceBuilder {
    pub(super) fn push(&mut self, doc: u32) {
        // A list of few documents becomes bits when they are no longer few.
        if self.bits.is_empty() {
            self.docs.push(doc);
            if self.docs.len() > 1_024 {
                for doc in std::mem::take(&mut self.docs) {
                    set(&mut self.bits, doc);
                }
            }
        } else {
            set(&mut self.bits, doc);
        }
        self.count += 1;
    }

    pub(super) fn finish(mut self, rows: u32) -> Presence {
        if self.count == rows {
            return Presence::All;
        }
        if self.count < rows / SPARSE || self.count <= 8 {
            let in_bits = self.bits.iter().enumerate().flat_map(|(index, word)| {
                (0..64_u32)
                    .filter(move |bit| word & 1 << bit != 0)
                    .map(move |bit| index as u32 * 64 + bit)
            });
            self.docs.extend(in_bits);
            return Presence::List(self.docs);
        }
        for doc in std::mem::take(&mut self.docs) {
            set(&mut self.bits, doc);
        }
        Presence::Bits(self.bits)
    }
}

fn set(bits: &mut Vec<u64>, doc: u32) {
    let word = doc as usize / 64;
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    bits[word] |= 1 << (doc % 64);
}

impl Presence {
    pub(super) fn write(&self, file: &mut SplitWriterFile) -> io::Result<PresenceMeta> {
        Ok(match self {
            Self::All => PresenceMeta::All,
            Self::List(docs) => {
                let width = width(u64::from(docs.last().copied().unwrap_or_default()));
                let mut bits = BitWriter::default();
                for doc in docs {
                    bits.put(u64::from(*doc), width);
                }
                PresenceMeta::List {
                    docs: file.put(&bits.finish())?,
                    count: docs.len() as u32,
                    width,
                    read: OnceLock::new(),
                }
            }
            Self::Bits(words) => {
                let mut ranks = Vec::new();
                let mut rank = 0;
                for block in words.chunks(BLOCK / 64) {
                    ranks.push(rank);
                    rank += block.iter().map(|word| word.count_ones()).sum::<u32>();
                }
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                PresenceMeta::Bits {
                    bits: file.put(&bytes)?,
                    ranks,
                }
            }
        })
    }
}

impl PresenceMeta {
    /// The values of a block, of which `rows` documents are there.
    pub(super) fn block(&self, file: &SplitFile, block: u32, rows: u32) -> io::Result<Values> {
        let start = block * BLOCK as u32;
        match self {
            Self::All => Ok(Values {
                first: start,
                docs: Docs::between(0, (rows - start.min(rows)).min(BLOCK as u32) as usize),
            }),
            Self::List { .. } => {
                let listed = self.list(file)?;
                let first = listed.partition_point(|doc| *doc < start);
                let mut docs = Docs::NONE;
                let after = listed.iter().skip(first);
                for doc in after.take_while(|doc| **doc < start + BLOCK as u32) {
                    docs.insert((doc - start) as usize);
                }
                Ok(Values {
                    first: first as u32,
                    docs,
                })
            }
            Self::Bits { bits, ranks } => {
                let bytes = file.read(*bits, u64::from(block) * BLOCK_BYTES as u64, BLOCK_BYTES)?;
                let mut docs = Docs::NONE;
                for (word, bytes) in docs.words_mut().iter_mut().zip(bytes.chunks(WORD_BYTES)) {
                    *word = bits_at(bytes, 0, 64);
                }
                let first = ranks.get(block as usize).copied().unwrap_or_default();
                Ok(Values { first, docs })
            }
        }
    }
}

/// The same for all documents, in memory.
#[derive(Debug)]
pub(super) enum LoadedPresence {
    All,
    List(Vec<u32>),
    /// With the number of values before each word.
    Bits(Vec<(u64, u32)>),
}

impl PresenceMeta {
    /// The documents that are listed.
    fn list(&self, file: &SplitFile) -> io::Result<&[u32]> {
        let Self::List {
            docs,
            count,
            width,
            read,
        } = self
        else {
            return Ok(&[]);
        };
        if let Some(listed) = read.get() {
            return Ok(listed);
        }
        let bytes = file.whole(*docs)?;
        let listed = (0..*count).map(|index| nth(&bytes, index, *width) as u32);
        let listed = listed.collect();
        Ok(read.get_or_init(|| listed))
    }

    pub(super) fn load(&self, file: &SplitFile) -> io::Result<LoadedPresence> {
        Ok(match self {
            Self::All => LoadedPresence::All,
            Self::List { .. } => LoadedPresence::List(self.list(file)?.to_vec()),
            Self::Bits { bits, .. } => {
                let mut rank = 0;
                let bytes = file.whole(*bits)?;
                let words = bytes.chunks(WORD_BYTES).map(|bytes| {
                    let word = bits_at(bytes, 0, 64);
                    let before = rank;
                    rank += word.count_ones();
                    (word, before)
                });
                LoadedPresence::Bits(words.collect())
            }
        })
    }
}

impl LoadedPresence {
    /// The number of the value that a document has.
    pub(super) fn of(&self, document: u32) -> Option<u32> {
        match self {
            Self::All => Some(document),
            Self::List(docs) => docs.binary_search(&document).ok().map(|index| index as u32),
            Self::Bits(words) => {
                let (word, before) = words.get(document as usize / 64)?;
                let bit = document % 64;
                let same = word & !(u64::MAX << bit);
                (word >> bit & 1 == 1).then(|| before + same.count_ones())
            }
        }
    }
}

impl Values {
    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.docs.count() as u32
    }

    /// The number of the value that a document of the block has.
    pub(super) fn of(&self, doc: usize) -> Option<u32> {
        if !self.docs.contains(doc) {
            return None;
        }
        let words = self.docs.words();
        let before: u32 = words[..doc / 64].iter().map(|word| word.count_ones()).sum();
        let same = words[doc / 64] & !(u64::MAX << (doc % 64));
        Some(self.first + before + same.count_ones())
    }

    /// The documents of those values of the block that are chosen, counted from its first.
    pub(super) fn docs_of(&self, chosen: &[u64]) -> Docs {
        let mut docs = Docs::NONE;
        let mut at = 0_usize;
        for (word, out) in self.docs.words().iter().zip(docs.words_mut()) {
            let count = word.count_ones();
            let (index, shift) = (at / 64, at % 64);
            let mut bits = chosen.get(index).map_or(0, |bits| bits >> shift);
            if shift > 0 {
                bits |= chosen.get(index + 1).map_or(0, |bits| bits << (64 - shift));
            }
            *out = spread(bits, *word);
            at += count as usize;
        }
        docs
    }
}

/// Puts the low bits, one after another, where `places` has bits.
fn spread(mut bits: u64, places: u64) -> u64 {
    if places == u64::MAX || bits == 0 {
        return bits;
    }
    let (mut rest, mut out) = (places, 0);
    while rest != 0 && bits != 0 {
        let lowest = rest & rest.wrapping_neg();
        if bits & 1 != 0 {
            out |= lowest;
        }
        bits >>= 1;
        rest ^= lowest;
    }
    out
}

/// The first of `count` indices for which it is not so, where it is so for all before.
pub(super) fn partition(count: u32, is: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if is(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
