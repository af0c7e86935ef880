//! A column of numbers: blocks of them, each as the distance from a straight line.

pub(super) mod meaning;

use std::io;

use serde::{Deserialize, Serialize};

use super::bits::{BitWriter, bits_at, width};
use super::file::{Section, SplitFile, SplitWriterFile, Window, damaged};

/// How many numbers share a line.
const CHUNK: usize = 256;
/// Least, slope, bit of the first, width.
const HEAD: usize = 8 + 4 + 8 + 1;
/// At most so many different numbers are kept as the places in a list of them.
const FEW: usize = 256;

/// What the numbers stand for; all keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Meaning {
    Int,
    Unsigned,
    Float,
    /// Whole numbers of this many decimals.
    Decimal(u8),
    Bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct NumbersMeta {
    pub(super) meaning: Meaning,
    count: u32,
    least: u64,
    most: u64,
    /// The different ones, in order, if they are few; what is packed are places in it.
    few: Option<Vec<u64>>,
    heads: Section,
    bits: Section,
}

/// Writes numbers as they are ordered.
pub(super) fn write(
    numbers: &[u64],
    meaning: Meaning,
    file: &mut SplitWriterFile,
) -> io::Result<NumbersMeta> {
    let least = numbers.iter().copied().min().unwrap_or_default();
    let most = numbers.iter().copied().max().unwrap_or_default();
    let few = few(numbers, width(most - least));
    let (mut heads, mut bits) = (Vec::new(), BitWriter::default());
    let mut places = Vec::with_capacity(CHUNK);
    for chunk in numbers.chunks(CHUNK) {
        places.clear();
        match &few {
            Some(few) => places.extend(chunk.iter().map(|n| few.partition_point(|f| f < n) as u64)),
            None => places.extend_from_slice(chunk),
        }
        write_chunk(&places, &mut heads, &mut bits);
    }
    Ok(NumbersMeta {
        meaning,
        count: numbers.len() as u32,
        least,
        most,
        few,
        heads: file.put_packed(&heads)?,
        bits: file.put(&bits.finish())?,
    })
}

/// The different numbers, if they are few enough for their places to be smaller.
fn few(numbers: &[u64], plain: u32) -> Option<Vec<u64>> {
    let mut found: Vec<u64> = Vec::new();
    let mut last = None;
    for number in numbers {
        if last == Some(number) {
            continue;
        }
        last = Some(number);
        if let Err(place) = found.binary_search(number) {
            if found.len() == FEW {
                return None;
            }
            found.insert(place, *number);
        }
    }
    (width(found.len() as u64) < plain && found.len() * 16 < numbers.len()).then_some(found)
}

fn write_chunk(numbers: &[u64], heads: &mut Vec<u8>, bits: &mut BitWriter) {
    let (start, end) = (numbers[0], numbers[numbers.len() - 1]);
    let steps = (numbers.len() as i128 - 1).max(1);
    let slope = (i128::from(end) - i128::from(start)) / steps;
    let slope = i32::try_from(slope).unwrap_or_default();
    let (line_start, from_line) = distances(numbers, slope);
    let (level, from_level) = distances(numbers, 0);
    let (slope, least, farthest) = if from_line < from_level {
        (slope, line_start, from_line)
    } else {
        (0, level, from_level)
    };
    let width = width(farthest);
    heads.extend_from_slice(&least.to_le_bytes());
    heads.extend_from_slice(&slope.to_le_bytes());
    heads.extend_from_slice(&bits.len().to_le_bytes());
    heads.push(width as u8);
    for (index, number) in numbers.iter().enumerate() {
        bits.put(number.wrapping_sub(line(least, slope, index)), width);
    }
}

/// Where the line through the lowest point begins, and how far the farthest is above it.
fn distances(numbers: &[u64], slope: i32) -> (u64, u64) {
    let above =
        |(index, number): (usize, &u64)| i128::from(*number) - i128::from(slope) * index as i128;
    let points = || numbers.iter().enumerate().map(above);
    let least = points().min().unwrap_or_default();
    let most = points().max().unwrap_or_default();
    match (u64::try_from(least), u64::try_from(most - least)) {
        (Ok(least), Ok(most)) => (least, most),
        _ => (0, u64::MAX),
    }
}

fn line(least: u64, slope: i32, index: usize) -> u64 {
    least.wrapping_add_signed(i64::from(slope) * index as i64)
}

/// Numbers of an open split.
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    meta: &'a NumbersMeta,
    heads: &'a [u8],
    file: &'a SplitFile,
    window: Window<'a>,
    chunk: Vec<u8>,
}

/// All numbers of a column, packed as they are on disk.
#[derive(Debug)]
pub(super) struct LoadedNumbers<'a> {
    meta: &'a NumbersMeta,
    heads: Vec<Head>,
    bytes: Vec<u8>,
}

impl LoadedNumbers<'_> {
    /// One of them; 0 where there is none.
    pub(super) fn get(&self, index: u32) -> u64 {
        let Some(head) = self.heads.get(index as usize / CHUNK) else {
            return 0;
        };
        let inside = index as usize % CHUNK;
        let bit = head.bit + inside as u64 * u64::from(head.width);
        let above = bits_at(&self.bytes, bit, head.width);
        let number = line(head.least, head.slope, inside).wrapping_add(above);
        match &self.meta.few {
            None => number,
            Some(few) => few.get(number as usize).copied().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Head {
    least: u64,
    slope: i32,
    bit: u64,
    width: u32,
}

impl NumbersMeta {
    /// The heads of the chunks, read once for all who read the numbers.
    pub(super) fn heads(&self, file: &SplitFile) -> io::Result<Vec<u8>> {
        file.unpacked(self.heads)
    }

    pub(super) fn open<'a>(&'a self, heads: &'a [u8], file: &'a SplitFile) -> Numbers<'a> {
        Numbers {
            meta: self,
            heads,
            file,
            window: Window::new(file, self.bits),
            chunk: Vec::new(),
        }
    }

    pub(super) const fn bounds(&self) -> (u64, u64) {
        (self.least, self.most)
    }
}

impl<'a> Numbers<'a> {
    /// Reads all of them.
    pub(super) fn load(self) -> io::Result<LoadedNumbers<'a>> {
        let chunks = (self.meta.count as usize).div_ceil(CHUNK);
        Ok(LoadedNumbers {
            heads: (0..chunks)
                .map(|chunk| self.head(chunk))
                .collect::<io::Result<_>>()?,
            bytes: self.file.whole(self.meta.bits)?,
            meta: self.meta,
        })
    }

    /// One of them.
    pub(super) fn get(&mut self, index: u32) -> io::Result<u64> {
        let inside = index as usize % CHUNK;
        let head = self.head(index as usize / CHUNK)?;
        let bit = head.bit + inside as u64 * u64::from(head.width);
        let above = self.window.bits(bit, head.width)?;
        self.meaning(line(head.least, head.slope, inside).wrapping_add(above))
    }

    /// Calls back with those from `first` on, `count` of them.
    pub(super) fn each(
        &mut self,
        first: u32,
        count: u32,
        mut each: impl FnMut(u64),
    ) -> io::Result<()> {
        let (mut at, end) = (
            first as usize,
            (first + count).min(self.meta.count) as usize,
        );
        while at < end {
            let head = self.head(at / CHUNK)?;
            let last = (at / CHUNK * CHUNK + CHUNK).min(end);
            let bit = head.bit + (at % CHUNK) as u64 * u64::from(head.width);
            let len = ((last - at) * head.width as usize).div_ceil(8) + 1;
            self.file
                .read_into(self.meta.bits, bit / 8, len, &mut self.chunk)?;
            let mut bit = bit % 8;
            for index in at % CHUNK..at % CHUNK + (last - at) {
                let above = bits_at(&self.chunk, bit, head.width);
                bit += u64::from(head.width);
                let number = line(head.least, head.slope, index).wrapping_add(above);
                each(self.meaning(number)?);
            }
            at = last;
        }
        Ok(())
    }

    /// Sets the bits of those of the block that are between the two, both inclusive.
    pub(super) fn between(
        &mut self,
        first: u32,
        count: u32,
        (low, high): (u64, u64),
        chosen: &mut [u64],
    ) -> io::Result<()> {
        let mut index = 0;
        self.each(first, count, |number| {
            if let Some(word) = chosen.get_mut(index / 64) {
                *word |= u64::from(low <= number && number <= high) << (index % 64);
            }
            index += 1;
        })
    }

    fn head(&self, chunk: usize) -> io::Result<Head> {
        let bytes = self.heads.get(chunk * HEAD..chunk * HEAD + HEAD);
        let head = bytes.ok_or_else(|| damaged("a column ends too soon"))?;
        let number = |at: usize| bits_at(head, at as u64 * 8, 64);
        Ok(Head {
            least: number(0),
            slope: bits_at(head, 64, 32) as u32 as i32,
            bit: number(12),
            width: u32::from(head[HEAD - 1]).min(64),
        })
    }

    fn meaning(&self, number: u64) -> io::Result<u64> {
        let Some(few) = &self.meta.few else {
            return Ok(number);
        };
        let known = few.get(number as usize).copied();
        known.ok_or_else(|| damaged("a number that is none of the column's"))
    }
}
