use std::io;

use super::entries::{self, Slot, slots_of};
use super::interner::Interner;
use super::{TextMeta, shape, terms};
use crate::split::bits::{BitWriter, width};
use crate::split::file::SplitWriterFile;

/// With fewer different texts than this, they are kept whole …
const FEW: usize = 256;
/// … and also if each comes so often.
const OFTEN: usize = 4;
/// Texts packed together.
const PACK_BYTES: usize = 32 << 10;
/// Values between two samples of where their bits begin.
pub(super) const SAMPLE: usize = 64;
/// Bytes of such a sample.
pub(super) const SAMPLE_BYTES: usize = 5;

/// Collects the texts of a column, in the order of documents.
#[derive(Debug, Default)]
pub(in crate::split) struct TextsBuilder {
    entries: Interner,
    /// How many values vary in each entry.
    arities: Vec<u16>,
    /// The entry of each text.
    places: Vec<u32>,
    /// What varies in each text.
    values: Vec<u64>,
    words: Interner,
    shaped: bool,
    with_terms: bool,
    scratch: Vec<u8>,
}

impl TextsBuilder {
    /// With an index of the words of its texts, or without.
    pub(in crate::split) fn new(with_terms: bool) -> Self {
        Self {
            with_terms,
            ..Self::default()
        }
    }

    pub(in crate::split) fn push(&mut self, text: &str) {
        if self.shaped {
            self.push_shaped(text);
            return;
        }
        let (entry, _) = self.entries.intern(text.as_bytes());
        self.places.push(entry);
        if self.entries.len() > FEW && self.entries.len() * OFTEN > self.places.len() {
            self.begin_shapes();
        }
    }

    /// The different texts, if they are kept whole.
    pub(in crate::split) fn whole(&self) -> Option<impl Iterator<Item = &[u8]>> {
        (!self.shaped).then(|| self.entries.iter())
    }

    /// From here on, and for all before, shapes are kept.
    fn begin_shapes(&mut self) {
        self.shaped = true;
        let entries = std::mem::take(&mut self.entries);
        for place in std::mem::take(&mut self.places) {
            let text = entries.get(place);
            self.push_shaped(std::str::from_utf8(text).unwrap_or_default());
        }
    }

    fn push_shaped(&mut self, text: &str) {
        self.scratch.clear();
        let first = self.values.len();
        let words = &mut self.words;
        shape::shape(text, &mut self.scratch, &mut self.values, &mut |word| {
            u64::from(words.intern(word).0)
        });
        let (entry, is_new) = self.entries.intern(&self.scratch);
        if is_new {
            self.arities.push((self.values.len() - first) as u16);
        }
        self.places.push(entry);
    }

    pub(in crate::split) fn finish(mut self, file: &mut SplitWriterFile) -> io::Result<TextMeta> {
        self.arities.resize(self.entries.len(), 0);
        let mut counts = vec![0_u32; self.entries.len()];
        for place in &self.places {
            counts[*place as usize] += 1;
        }
        let slots = self.slots();
        let place_width = width((self.entries.len() as u64).saturating_sub(1));
        let mut places = BitWriter::default();
        for place in &self.places {
            places.put(u64::from(*place), place_width);
        }
        let (samples, varying) = self.varying(&slots);
        let terms = if self.with_terms {
            Some(terms::write(self.entries.iter(), self.shaped, file)?)
        } else {
            None
        };
        let is_constant = slots.iter().flatten().all(|slot| slot.width == 0);
        let table = entries::write(&self.entries, &counts, &slots);
        Ok(TextMeta {
            count: self.places.len() as u32,
            entries: self.entries.len() as u32,
            shaped: self.shaped,
            place_width,
            places: file.put(&places.finish())?,
            table: file.put_packed(&table)?,
            packs: packs(self.entries.iter(), file)?,
            samples: (!is_constant).then(|| file.put(&samples)).transpose()?,
            varying: (!is_constant).then(|| file.put(&varying)).transpose()?,
            words: match self.words.len() {
                0 => None,
                _ => Some((
                    self.words.len() as u32,
                    file.put_packed(&entries::write_words(&self.words))?,
                )),
            },
            terms,
        })
    }

    /// How the values of each entry are packed.
    fn slots(&self) -> Vec<Vec<Slot>> {
        let mut slots: Vec<Vec<Slot>> = self
            .entries
            .iter()
            .map(|text| {
                if self.shaped {
                    slots_of(text)
                } else {
                    Vec::new()
                }
            })
            .collect();
        let mut values = self.values.iter();
        for place in &self.places {
            for slot in &mut slots[*place as usize] {
                slot.learn(values.next().copied().unwrap_or_default());
            }
        }
        slots.iter_mut().flatten().for_each(Slot::settle);
        slots
    }

    /// The bits of all values, and where those of every so many texts begin.
    fn varying(&self, slots: &[Vec<Slot>]) -> (Vec<u8>, Vec<u8>) {
        let (mut samples, mut bits) = (Vec::new(), BitWriter::default());
        let mut values = self.values.iter();
        for (index, place) in self.places.iter().enumerate() {
            if index % SAMPLE == 0 {
                samples.extend_from_slice(&bits.len().to_le_bytes()[..SAMPLE_BYTES]);
            }
            for slot in &slots[*place as usize] {
                let value = values.next().copied().unwrap_or_default();
                bits.put(slot.pack(value), slot.width);
            }
        }
        (samples, bits.finish())
    }
}

/// Writes the entries in packs; where each is, and its first entry.
fn packs<'a>(
    entries: impl Iterator<Item = &'a [u8]>,
    file: &mut SplitWriterFile,
) -> io::Result<Vec<(u32, crate::split::file::Section)>> {
    let (mut packs, mut open, mut first) = (Vec::new(), Vec::new(), 0);
    for (number, entry) in (0..).zip(entries) {
        if !open.is_empty() && open.len() + entry.len() > PACK_BYTES {
            packs.push((first, file.put_packed(&open)?));
            open.clear();
            first = number;
        }
        open.extend_from_slice(entry);
    }
    packs.push((first, file.put_packed(&open)?));
    Ok(packs)
}
