use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use watchfire_schemas::{LabelSet, MetricKind};

use super::ChunkPlace;
use super::sections::{Section, open, read};
use crate::OpenError;
use crate::matcher::Selector;
use crate::storage::chunk::Content;
use crate::storage::label_index::SeriesId;
use crate::storage::postings::{Postings, select_any, union};
use crate::storage::symbols::Symbol;

/// How many series share a section.
pub(super) const GROUP: usize = 64;

/// The index of a block. Its parts are read when they are first needed, and kept until
/// [`Self::forget`].
#[derive(Debug)]
pub(crate) struct BlockIndex {
    file: File,
    footer: Footer,
    loaded: Mutex<Loaded>,
}

/// What is read of an index when its block is opened.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Footer {
    pub(super) series: u32,
    /// What times of chunks are counted from.
    pub(super) base: i64,
    pub(super) symbols: Section,
    pub(super) names: BTreeMap<String, Section>,
    pub(super) groups: Vec<Group>,
}

/// Where the entries of [`GROUP`] series lie, and where their first chunk.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) section: Section,
    pub(super) chunks: u64,
}

/// A series as an index keeps it. Chunks follow each other without a gap.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredEntry {
    pub(super) labels: Vec<(Symbol, Symbol)>,
    pub(super) kind: MetricKind,
    pub(super) carried: bool,
    pub(super) chunks: Vec<StoredChunk>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredChunk {
    pub(super) is_histograms: bool,
    /// After the base.
    pub(super) after: u64,
    pub(super) span: u64,
    pub(super) count: u32,
    pub(super) length: u32,
    pub(super) crc: [u8; 4],
}

/// The series of each value of a label, in the order of the values; numbers as differences.
pub(super) type StoredValues = Vec<(Symbol, Vec<u32>)>;

/// A series of a block.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) labels: Arc<LabelSet>,
    pub(crate) kind: MetricKind,
    pub(crate) carried: bool,
    pub(crate) chunks: Box<[ChunkPlace]>,
}

/// The series of each value of a label, in the order of the values.
type Values = Vec<(Symbol, Box<[SeriesId]>)>;

#[derive(Debug, Default)]
struct Loaded {
    symbols: Option<Arc<Vec<Box<str>>>>,
    values: FxHashMap<String, Arc<Values>>,
    groups: FxHashMap<u32, Arc<Vec<Entry>>>,
    bytes: usize,
}

impl BlockIndex {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let (file, footer) = open(path)?;
        Ok(Self {
            file,
            footer,
            loaded: Mutex::default(),
        })
    }

    /// The series that match, in order; their order is that of their labels.
    pub(crate) fn select(&self, selector: &Selector) -> io::Result<Vec<SeriesId>> {
        let postings = BlockPostings {
            index: self,
            symbols: self.symbols()?,
        };
        select_any(&postings, &selector.alternatives)
    }

    /// Shows the entries of some series, given in order.
    pub(crate) fn each(&self, ids: &[SeriesId], mut show: impl FnMut(&Entry)) -> io::Result<()> {
        let symbols = self.symbols()?;
        for of_group in ids.chunk_by(|a, b| *a as usize / GROUP == *b as usize / GROUP) {
            let entries = self.group(of_group[0] / GROUP as u32, &symbols)?;
            for id in of_group {
                entries
                    .get(*id as usize % GROUP)
                    .into_iter()
                    .for_each(&mut show);
            }
        }
        Ok(())
    }

    /// Entries of a group that is read anew and not kept: for who goes through all once.
    pub(crate) fn pass(&self, group: usize) -> io::Result<Option<Vec<Entry>>> {
        let symbols = self.symbols()?;
        match self.footer.groups.get(group) {
            Some(group) => Ok(Some(self.read_group(*group, &symbols)?.0)),
            None => Ok(None),
        }
    }

    /// All names of labels.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.footer.names.keys().map(String::as_str)
    }

    /// Shows all values of a label.
    pub(crate) fn each_value(&self, name: &str, mut show: impl FnMut(&str)) -> io::Result<()> {
        let symbols = self.symbols()?;
        for (value, _) in self.values(name)?.iter() {
            show(text(&symbols, *value));
        }
        Ok(())
    }

    /// What it holds in memory, about.
    pub(crate) fn loaded_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Gives the memory back; parts are read anew when needed.
    pub(crate) fn forget(&self) {
        *self.lock() = Loaded::default();
    }

    fn symbols(&self) -> io::Result<Arc<Vec<Box<str>>>> {
        if let Some(symbols) = &self.lock().symbols {
            return Ok(Arc::clone(symbols));
        }
        let (symbols, bytes) = read::<Vec<Box<str>>>(&self.file, self.footer.symbols)?;
        let symbols = Arc::new(symbols);
        let mut loaded = self.lock();
        loaded.bytes += bytes + symbols.len() * 24;
        loaded.symbols = Some(Arc::clone(&symbols));
        Ok(symbols)
    }

    fn values(&self, name: &str) -> io::Result<Arc<Values>> {
        let Some(section) = self.footer.names.get(name) else {
            return Ok(Arc::default());
        };
        if let Some(values) = self.lock().values.get(name) {
            return Ok(Arc::clone(values));
        }
        let (stored, _) = read::<StoredValues>(&self.file, *section)?;
        let values = stored.into_iter().map(|(value, mut ids)| {
            let mut before = 0_u32;
            for id in &mut ids {
                before = before.wrapping_add(*id);
                *id = before;
            }
            (value, ids.into_boxed_slice())
        });
        let values: Arc<Values> = Arc::new(values.collect());
        let mut loaded = self.lock();
        loaded.bytes += values
            .iter()
            .map(|(_, ids)| 24 + ids.len() * 4)
            .sum::<usize>();
        loaded.values.insert(name.to_owned(), Arc::clone(&values));
        Ok(values)
    }

    fn group(&self, number: u32, symbols: &[Box<str>]) -> io::Result<Arc<Vec<Entry>>> {
        if let Some(group) = self.lock().groups.get(&number) {
            return Ok(Arc::clone(group));
        }
        let Some(group) = self.footer.groups.get(number as usize) else {
            return Ok(Arc::default());
        };
        let (entries, bytes) = self.read_group(*group, symbols)?;
        let entries = Arc::new(entries);
        let mut loaded = self.lock();
        loaded.bytes += bytes;
        loaded.groups.insert(number, Arc::clone(&entries));
        Ok(entries)
    }

    /// The entries of a group, and what they take in memory.
    fn read_group(&self, group: Group, symbols: &[Box<str>]) -> io::Result<(Vec<Entry>, usize)> {
        let (stored, _) = read::<Vec<StoredEntry>>(&self.file, group.section)?;
        let mut offset = group.chunks;
        let mut bytes = 0;
        let entries = stored.into_iter().map(|stored| {
            let pairs = stored.labels.iter();
            let labels = LabelSet::new(
                pairs.map(|&(name, value)| (text(symbols, name), text(symbols, value))),
            );
            let chunks = stored.chunks.iter().map(|chunk| {
                let place = chunk.place(self.footer.base, offset);
                offset += u64::from(place.length);
                place
            });
            let entry = Entry {
                labels: Arc::new(labels),
                kind: stored.kind,
                carried: stored.carried,
                chunks: chunks.collect(),
            };
            let texts: usize = entry
                .labels
                .iter()
                .map(|(n, v)| n.len() + v.len() + 48)
                .sum();
            bytes += size_of::<Entry>() + texts + entry.chunks.len() * size_of::<ChunkPlace>();
            entry
        });
        let entries = entries.collect();
        Ok((entries, bytes))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Loaded> {
        self.loaded.lock().expect("no holder of this lock panics")
    }
}

impl StoredChunk {
    fn place(&self, base: i64, offset: u64) -> ChunkPlace {
        let min_t = base.wrapping_add_unsigned(self.after);
        ChunkPlace {
            content: if self.is_histograms {
                Content::Histograms
            } else {
                Content::Floats
            },
            min_t,
            max_t: min_t.wrapping_add_unsigned(self.span),
            count: self.count,
            offset,
            length: self.length,
            crc: u32::from_le_bytes(self.crc),
        }
    }
}

struct BlockPostings<'a> {
    index: &'a BlockIndex,
    symbols: Arc<Vec<Box<str>>>,
}

impl Postings for BlockPostings<'_> {
    fn all(&self) -> Vec<SeriesId> {
        (0..self.index.footer.series).collect()
    }

    fn with_values(&self, name: &str, values: &[String]) -> io::Result<Vec<SeriesId>> {
        let lists = self.index.values(name)?;
        let found = values.iter().filter_map(|wanted| {
            let place =
                lists.binary_search_by(|(value, _)| text(&self.symbols, *value).cmp(wanted));
            place.ok().map(|at| &*lists[at].1)
        });
        Ok(union(found))
    }

    fn with_value_where(
        &self,
        name: &str,
        likes: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<SeriesId>> {
        let lists = self.index.values(name)?;
        let found = lists
            .iter()
            .filter(|(value, _)| likes(text(&self.symbols, *value)));
        Ok(union(found.map(|(_, ids)| &**ids)))
    }
}

fn text(symbols: &[Box<str>], symbol: Symbol) -> &str {
    symbols.get(symbol as usize).map_or("", |text| text)
}
