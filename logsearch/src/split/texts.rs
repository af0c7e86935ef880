//! A column of texts: each is the number of an entry, and what varies in it.

mod build;
mod check;
mod entries;
mod interner;
mod shape;
mod terms;
mod verdict;

use std::io;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

pub(super) use build::TextsBuilder;
pub(super) use verdict::{JsonTest, TextTest, Verdict, Verdicts};

use super::bits::{Marks, bits_at, unpack};
use super::file::{Section, SplitFile, Window, damaged};
use super::loaded::nth;
use build::{SAMPLE, SAMPLE_BYTES};
use entries::Entries;
use terms::{Terms, TermsMeta};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TextMeta {
    pub(super) count: u32,
    pub(super) entries: u32,
    /// Whether the entries are shapes, or the texts themselves.
    shaped: bool,
    place_width: u32,
    places: Section,
    table: Section,
    /// With the first entry of each.
    packs: Vec<(u32, Section)>,
    samples: Option<Section>,
    varying: Option<Section>,
    words: Option<(u32, Section)>,
    terms: Option<TermsMeta>,
}

/// What has been read of a column; kept as long as the split is open.
#[derive(Debug, Default)]
pub(super) struct TextsCache {
    entries: OnceLock<Entries>,
    packs: Vec<OnceLock<Pack>>,
    words: OnceLock<Vec<Box<[u8]>>>,
    terms: OnceLock<Terms>,
}

#[derive(Debug)]
struct Pack {
    text: String,
    ends: Vec<u32>,
}

/// A column of an open split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub(super) meta: &'a TextMeta,
    pub(super) cache: &'a TextsCache,
    pub(super) file: &'a SplitFile,
}

/// Reads single texts.
#[derive(Debug)]
pub(super) struct TextReader<'a> {
    texts: Texts<'a>,
    entries: &'a Entries,
    places: Window<'a>,
    samples: Window<'a>,
    varying: Window<'a>,
    /// Where the last text's values began, so that the next one's are found from there.
    last: Option<(u32, u64)>,
    values: Vec<u64>,
    rendered: Vec<u8>,
    /// What blocks are read into.
    buffers: (Vec<u8>, Vec<u8>),
}

/// All texts of a column, packed as they are on disk, and what they are unpacked with.
#[derive(Debug)]
pub(super) struct LoadedTexts<'a> {
    texts: Texts<'a>,
    entries: &'a Entries,
    words: &'a [Box<[u8]>],
    places: Vec<u8>,
    samples: Vec<u8>,
    varying: Vec<u8>,
    values: Vec<u64>,
    rendered: Vec<u8>,
}

impl LoadedTexts<'_> {
    /// The entry of a text.
    pub(super) fn place(&self, index: u32) -> u32 {
        nth(&self.places, index, self.texts.meta.place_width) as u32
    }

    pub(super) const fn is_whole(&self) -> bool {
        !self.texts.meta.shaped
    }

    pub(super) const fn entries(&self) -> usize {
        self.texts.meta.entries as usize
    }

    /// The text of an entry.
    pub(super) fn entry(&self, entry: u32) -> io::Result<&str> {
        self.texts.entry(entry)
    }

    /// A text.
    pub(super) fn get(&mut self, index: u32) -> &str {
        let entry = self.place(index);
        let text = self.texts.entry(entry).unwrap_or_default();
        if self.is_whole() {
            return text;
        }
        let sampled = index / SAMPLE as u32;
        let sample = u64::from(sampled) * 8 * SAMPLE_BYTES as u64;
        let mut bit = bits_at(&self.samples, sample, 8 * SAMPLE_BYTES as u32);
        for before in sampled * SAMPLE as u32..index {
            let bits = self.entries.bits.get(self.place(before) as usize);
            bit += u64::from(bits.copied().unwrap_or_default());
        }
        self.values.clear();
        for slot in self.entries.slots(entry) {
            let packed = bits_at(&self.varying, bit, slot.width);
            self.values.push(slot.unpack(packed));
            bit += u64::from(slot.width);
        }
        let words = self.words;
        let word = |number: u64| words.get(number as usize).map(|word| word.to_vec());
        self.rendered.clear();
        shape::render(text.as_bytes(), &self.values, &word, &mut self.rendered);
        std::str::from_utf8(&self.rendered).unwrap_or_default()
    }
}

impl TextsCache {
    pub(super) fn of(meta: &TextMeta) -> Self {
        Self {
            packs: meta.packs.iter().map(|_| OnceLock::new()).collect(),
            ..Self::default()
        }
    }
}

impl<'a> Texts<'a> {
    /// Whether entries are the texts themselves.
    pub(super) const fn is_whole(&self) -> bool {
        !self.meta.shaped
    }

    /// What is known of the entries apart from their texts.
    pub(super) fn entries(&self) -> io::Result<&'a Entries> {
        if let Some(entries) = self.cache.entries.get() {
            return Ok(entries);
        }
        let entries = Entries::read(&self.file.unpacked(self.meta.table)?)?;
        if entries.counts.len() != self.meta.entries as usize {
            return Err(damaged("a column's table has other entries"));
        }
        Ok(self.cache.entries.get_or_init(|| entries))
    }

    /// The text of an entry.
    pub(super) fn entry(&self, entry: u32) -> io::Result<&'a str> {
        let packs = &self.meta.packs;
        let number = packs.partition_point(|(first, _)| *first <= entry) - 1;
        let index = (entry - packs[number].0) as usize;
        let pack = self.pack(number)?;
        let start = match index {
            0 => 0,
            _ => pack.ends.get(index - 1).copied().unwrap_or_default(),
        };
        let end = pack.ends.get(index).copied().unwrap_or_default();
        pack.text
            .get(start as usize..end as usize)
            .ok_or_else(|| damaged("a column has no such entry"))
    }

    fn each_entry(&self, mut each: impl FnMut(u32, &str) -> io::Result<()>) -> io::Result<()> {
        (0..self.meta.entries).try_for_each(|entry| each(entry, self.entry(entry)?))
    }

    fn pack(&self, number: usize) -> io::Result<&'a Pack> {
        let cached = &self.cache.packs[number];
        if let Some(pack) = cached.get() {
            return Ok(pack);
        }
        let (first, section) = self.meta.packs[number];
        let next = self.meta.packs.get(number + 1);
        let end = next.map_or(self.meta.entries, |(first, _)| *first);
        let lens = self.entries()?.lens.get(first as usize..end as usize);
        let mut at = 0;
        let ends = lens.unwrap_or_default().iter().map(|len| {
            at += len;
            at
        });
        let ends = ends.collect();
        let text = String::from_utf8(self.file.unpacked(section)?).map_err(io::Error::other)?;
        Ok(cached.get_or_init(|| Pack { text, ends }))
    }

    fn words(&self) -> io::Result<&'a [Box<[u8]>]> {
        if let Some(words) = self.cache.words.get() {
            return Ok(words);
        }
        let words = match self.meta.words {
            Some((_, section)) => entries::read_words(&self.file.unpacked(section)?)?,
            None => Vec::new(),
        };
        Ok(self.cache.words.get_or_init(|| words))
    }

    fn terms(&self) -> io::Result<&'a Terms> {
        if let Some(terms) = self.cache.terms.get() {
            return Ok(terms);
        }
        let meta = self.meta.terms.as_ref();
        let meta = meta.ok_or_else(|| damaged("a column of texts has no words"))?;
        let terms = Terms::read(meta, self.file, self.meta.entries)?;
        Ok(self.cache.terms.get_or_init(|| terms))
    }

    /// Calls back with the entries of the texts from `first` on; `buffer` is only to be used again.
    pub(super) fn each_place(
        &self,
        first: u32,
        count: u32,
        buffer: &mut Vec<u8>,
        mut each: impl FnMut(u32),
    ) -> io::Result<()> {
        let width = self.meta.place_width;
        let bit = u64::from(first) * u64::from(width);
        let len = (count as usize * width as usize).div_ceil(8) + 1;
        self.file
            .read_into(self.meta.places, bit / 8, len, buffer)?;
        unpack(buffer, bit % 8, width, count as usize, |place| {
            each(place as u32);
        });
        Ok(())
    }

    /// Reads all of them.
    pub(super) fn load(self) -> io::Result<LoadedTexts<'a>> {
        (0..self.meta.packs.len()).try_for_each(|pack| self.pack(pack).map(drop))?;
        let section = |section: Option<Section>| match section {
            Some(section) => self.file.whole(section),
            None => Ok(Vec::new()),
        };
        Ok(LoadedTexts {
            texts: self,
            entries: self.entries()?,
            words: self.words()?,
            places: self.file.whole(self.meta.places)?,
            samples: section(self.meta.samples)?,
            varying: section(self.meta.varying)?,
            values: Vec::new(),
            rendered: Vec::new(),
        })
    }

    pub(super) fn reader(self) -> io::Result<TextReader<'a>> {
        let section = |section: Option<Section>| section.unwrap_or_default();
        Ok(TextReader {
            texts: self,
            entries: self.entries()?,
            places: Window::new(self.file, self.meta.places),
            samples: Window::new(self.file, section(self.meta.samples)),
            varying: Window::new(self.file, section(self.meta.varying)),
            last: None,
            values: Vec::new(),
            rendered: Vec::new(),
            buffers: Default::default(),
        })
    }
}

impl TextReader<'_> {
    /// The entry of a text.
    pub(super) fn place(&mut self, index: u32) -> io::Result<u32> {
        let width = self.texts.meta.place_width;
        let bit = u64::from(index) * u64::from(width);
        Ok(self.places.bits(bit, width)? as u32)
    }

    /// A text.
    pub(super) fn get(&mut self, index: u32) -> io::Result<&str> {
        let entry = self.place(index)?;
        self.text_of(entry, index)
    }

    /// Whether a text is meant.
    pub(super) fn accepts(&mut self, verdicts: &Verdicts, index: u32) -> io::Result<bool> {
        let entry = self.place(index)?;
        match verdicts.of.get(entry as usize) {
            None | Some(Verdict::No) => Ok(false),
            Some(Verdict::Yes) => Ok(true),
            Some(Verdict::Values(number)) => {
                let start = self.first_bit(index)?;
                let varying = &mut self.varying;
                verdicts.accepts_values(*number, |at, width| varying.bits(start + at, width))
            }
            Some(Verdict::Text) => Ok(verdicts.accepts_text(self.text_of(entry, index)?)),
        }
    }

    /// Tells of each text of a block whether it is meant.
    pub(super) fn accept_all(
        &mut self,
        verdicts: &Verdicts,
        first: u32,
        count: u32,
        marks: &mut Marks,
    ) -> io::Result<()> {
        let start = self.first_bit(first)?;
        // The next sample is at or after the end of the last text.
        let after = (first + count).next_multiple_of(SAMPLE as u32);
        let len = if after < self.texts.meta.count {
            (self.first_bit(after)? / 8 - start / 8) as usize + 2
        } else {
            usize::MAX
        };
        let section = self.texts.meta.varying.unwrap_or_default();
        let (mut bytes, mut buffer) = std::mem::take(&mut self.buffers);
        let texts = self.texts;
        texts.file.read_into(section, start / 8, len, &mut bytes)?;
        let (mut bit, mut index) = (start % 8, first);
        let mut failed = None;
        texts.each_place(first, count, &mut buffer, |entry| {
            let accepted = match verdicts.of.get(entry as usize) {
                None | Some(Verdict::No) => Ok(false),
                Some(Verdict::Yes) => Ok(true),
                Some(Verdict::Values(number)) => verdicts
                    .accepts_values(*number, |at, width| Ok(bits_at(&bytes, bit + at, width))),
                Some(Verdict::Text) => {
                    let text = self.text_of(entry, index);
                    text.map(|text| verdicts.accepts_text(text))
                }
            };
            marks.tell(accepted.unwrap_or_else(|error| {
                failed = Some(error);
                false
            }));
            let bits = self.entries.bits.get(entry as usize);
            bit += u64::from(bits.copied().unwrap_or_default());
            index += 1;
        })?;
        self.buffers = (bytes, buffer);
        failed.map_or(Ok(()), Err)
    }

    fn text_of(&mut self, entry: u32, index: u32) -> io::Result<&str> {
        let text = self.texts.entry(entry)?;
        if !self.texts.meta.shaped {
            return Ok(text);
        }
        self.read_values(entry, index)?;
        let words = match self.texts.meta.words {
            Some(_) => self.texts.words()?,
            None => &[],
        };
        self.rendered.clear();
        let word = |number: u64| words.get(number as usize).map(|word| word.to_vec());
        shape::render(text.as_bytes(), &self.values, &word, &mut self.rendered);
        std::str::from_utf8(&self.rendered).map_err(io::Error::other)
    }

    fn read_values(&mut self, entry: u32, index: u32) -> io::Result<()> {
        self.values.clear();
        let slots = self.entries.slots(entry);
        if slots.is_empty() {
            return Ok(());
        }
        let mut bit = self.first_bit(index)?;
        for slot in slots {
            let packed = self.varying.bits(bit, slot.width)?;
            self.values.push(slot.unpack(packed));
            bit += u64::from(slot.width);
        }
        Ok(())
    }

    /// Where the values of a text begin.
    fn first_bit(&mut self, index: u32) -> io::Result<u64> {
        if self.texts.meta.samples.is_none() {
            return Ok(0);
        }
        let sampled = index / SAMPLE as u32 * SAMPLE as u32;
        let (mut at, mut bit) = match self.last {
            Some((at, bit)) if sampled <= at && at <= index => (at, bit),
            _ => {
                let sample = u64::from(index / SAMPLE as u32) * SAMPLE_BYTES as u64;
                let bytes: [u8; SAMPLE_BYTES] = self.samples.bytes(sample)?;
                (sampled, bits_at(&bytes, 0, 8 * SAMPLE_BYTES as u32))
            }
        };
        while at < index {
            let entry = self.place(at)?;
            let bits = self.entries.bits.get(entry as usize);
            bit += u64::from(bits.copied().unwrap_or_default());
            at += 1;
        }
        self.last = Some((index, bit));
        Ok(bit)
    }
}
