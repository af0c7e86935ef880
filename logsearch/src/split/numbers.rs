//! A column of numbers: blocks of them, each as the distance from a straight line.

pub(super) mod meaning;

use std::io;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bits::{BitWriter, Marks, bits_at, unpack, width};
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    let least = numbers.iter().copied().min().unwrap_or_default();
    let most = numbers.iter().copied().max().unwrap_or_default();
    let (least, slope, farthest) = match sloped(numbers) {
        Some((start, slope, farthest)) if farthest < most - least => (start, slope, farthest),
        _ => (least, 0, most - least),
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

/// The line through the first and the last number: where it begins so that none is below it, its
/// slope, and how far the farthest is above it. `None` where it is flat or too steep.
fn sloped(numbers: &[u64]) -> Option<(u64, i32, u64)> {
    let (start, end) = (*numbers.first()?, *numbers.last()?);
    let steps = i64::try_from(numbers.len()).ok()? - 1;
    let rise = i64::try_from(end.abs_diff(start)).ok()?;
    let slope = i32::try_from(rise.checked_div(steps)?)
        .ok()
        .filter(|slope| *slope != 0)?;
    let slope = if end < start { -slope } else { slope };
    // How far each is from the line through the first, by which no number wraps around: the rise
    // is below the sign bit, and a line is not steeper than that.
    let distance =
        |(index, number): (usize, &u64)| number.wrapping_sub(line(start, slope, index)) as i64;
    let (mut below, mut above) = (0_i64, 0_i64);
    for point in numbers.iter().enumerate() {
        let is_near = point.1.abs_diff(start) < 1 << 62;
        let distance = distance(point);
        below = below.min(distance);
        above = above.max(distance);
        if !is_near {
            return None;
        }
    }
    Some((
        start.wrapping_add_signed(below),
        slope,
        above.abs_diff(below),
    ))
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
    /// The least and the greatest.
    pub(super) const fn bounds(&self) -> (u64, u64) {
        self.meta.bounds()
    }

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
        let few = self.meta.few.as_deref();
        self.each_chunk(first, count, |head, inside, bytes, bit| {
            let mut index = inside.start;
            let mut is_known = true;
            unpack(bytes, bit, head.width, inside.len(), |above| {
                let number = line(head.least, head.slope, index).wrapping_add(above);
                index += 1;
                match few {
                    None => each(number),
                    Some(few) => match few.get(number as usize) {
                        Some(number) => each(*number),
                        None => is_known = false,
                    },
                }
            });
            if is_known {
                return Ok(());
            }
            Err(damaged("a number that is none of the column's"))
        })
    }

    /// Calls back with the heads that cover those numbers, which of the chunk are asked for, and
    /// where their bits are.
    fn each_chunk(
        &mut self,
        first: u32,
        count: u32,
        mut each: impl FnMut(Head, Range<usize>, &[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut at, end) = (
            first as usize,
            first.saturating_add(count).min(self.meta.count) as usize,
        );
        if at >= end {
            return Ok(());
        }
        let start = self.head(at / CHUNK)?;
        let from = (start.bit + (at % CHUNK) as u64 * u64::from(start.width)) / 8;
        let last = self.head((end - 1) / CHUNK)?;
        let inside = ((end - 1) % CHUNK + 1) as u64;
        let to = (last.bit + inside * u64::from(last.width)).div_ceil(8);
        let len = to.saturating_sub(from) as usize;
        self.file
            .read_into(self.meta.bits, from, len, &mut self.chunk)?;
        while at < end {
            let head = self.head(at / CHUNK)?;
            let stop = (at / CHUNK * CHUNK + CHUNK).min(end);
            let inside = at % CHUNK..at % CHUNK + (stop - at);
            let bit = head.bit + inside.start as u64 * u64::from(head.width);
            each(head, inside, &self.chunk, bit.saturating_sub(from * 8))?;
            at = stop;
        }
        Ok(())
    }

    /// Tells of each whether it is between the two, both inclusive.
    pub(super) fn between(
        &mut self,
        first: u32,
        count: u32,
        (low, high): (u64, u64),
        marks: &mut Marks,
    ) -> io::Result<()> {
        // What is packed are places in the list of the few, which keep the order.
        let (low, end) = match &self.meta.few {
            Some(few) => (
                few.partition_point(|n| *n < low) as u64,
                few.partition_point(|n| *n <= high) as u128,
            ),
            None => (low, u128::from(high) + 1),
        };
        self.each_chunk(first, count, |head, inside, bytes, bit| {
            if head.slope == 0 {
                let least = u128::from(head.least);
                let to = end.saturating_sub(least);
                let from = u128::from(low).saturating_sub(least).min(to);
                match (u64::try_from(from), u64::try_from(to - from)) {
                    (Ok(from), Ok(span)) => {
                        unpack(bytes, bit, head.width, inside.len(), |above| {
                            marks.tell(above.wrapping_sub(from) < span);
                        });
                    }
                    // The whole of 64 bits.
                    _ => inside.for_each(|_| marks.tell(from == 0)),
                }
                return Ok(());
            }
            let mut place = inside.start;
            unpack(bytes, bit, head.width, inside.len(), |above| {
                let number = line(head.least, head.slope, place).wrapping_add(above);
                place += 1;
                marks.tell(low <= number && u128::from(number) < end);
            });
            Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(numbers: &[u64], most_bytes: u64) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("numbers");
        let mut file = SplitWriterFile::create(&path).unwrap();
        let meta = write(numbers, Meaning::Unsigned, &mut file).unwrap();
        file.finish(&meta).unwrap();
        let caches = std::sync::Arc::default();
        let (file, meta): (_, NumbersMeta) = SplitFile::open(&path, &caches).unwrap();
        let heads = meta.heads(&file).unwrap();
        let mut open = meta.open(&heads, &file);
        let mut found = Vec::new();
        for index in 0..numbers.len() as u32 {
            found.push(open.get(index).unwrap());
        }
        assert_eq!(found, numbers);
        let mut inside = Vec::new();
        let count = numbers.len().saturating_sub(3) as u32;
        open.each(3, count, |number| inside.push(number)).unwrap();
        assert_eq!(inside, numbers.get(3..).unwrap_or_default());
        let loaded = open.load().unwrap();
        assert!((0..).zip(numbers).all(|(index, n)| loaded.get(index) == *n));
        let bytes = file.whole(meta.bits).unwrap().len() as u64;
        assert!(bytes <= most_bytes, "{bytes} bytes for {}", numbers.len());
    }

    #[test]
    fn numbers_come_back() {
        check(&[], 0);
        check(&[7], 0);
        check(&[0, u64::MAX, 5, 1 << 63], 32);
        // A line costs nothing, whichever way it goes.
        check(
            &(0..1_000).map(|n| 1_000_000 - 3 * n).collect::<Vec<_>>(),
            0,
        );
        check(&(0..1_000).map(|n| n << 40).collect::<Vec<_>>(), 6_000);
        let near: Vec<u64> = (0..1_000)
            .map(|n| u64::MAX - n * 1_000 + n * n % 7)
            .collect();
        check(&near, 800);
        // Few different ones cost what tells them apart.
        let few: Vec<u64> = (0..1_000).map(|n| [200, 404, 1 << 50][n % 3]).collect();
        check(&few, 250);
    }
}
