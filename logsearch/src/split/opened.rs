//! A split's file, open: its directory, and what has been read of its columns.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::caches::Caches;
use super::directory::{Body, ColumnMeta, Directory};
use super::file::{SplitFile, damaged};
use super::ids::Ids;
use super::numbers::{Numbers, NumbersMeta};
use super::presence::{PresenceMeta, Values};
use super::texts::{Texts, TextsCache};
use crate::row::{CellType, Part, Position};
use crate::split::numbers::meaning;

#[derive(Debug)]
pub(super) struct Opened {
    pub(super) directory: Directory,
    pub(super) file: SplitFile,
    times: OnceLock<Vec<u8>>,
    ids: OnceLock<Vec<u8>>,
    columns: Vec<Cached>,
}

/// What has been read of one column.
#[derive(Debug)]
enum Cached {
    Nothing,
    Heads(OnceLock<Vec<u8>>),
    Texts(Box<TextsCache>),
}

/// One column of an open split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'a> {
    pub(super) meta: &'a ColumnMeta,
    pub(super) presence: &'a PresenceMeta,
    cached: &'a Cached,
    opened: &'a Opened,
}

/// The values of a column, by what they are.
#[derive(Debug)]
pub(super) enum ColumnValues<'a> {
    Nulls,
    Numbers(Numbers<'a>, &'a NumbersMeta),
    Texts(Texts<'a>),
    Ids(Ids<'a>),
}

impl Opened {
    pub(super) fn open(path: &Path, caches: &Arc<Caches>) -> io::Result<Self> {
        let (file, directory): (_, Directory) = SplitFile::open(path, caches)?;
        let presences = directory.presences.len();
        if directory
            .columns
            .iter()
            .any(|column| column.presence >= presences)
        {
            return Err(damaged("a column has no presence"));
        }
        let columns = directory.columns.iter().map(|column| match &column.body {
            Body::Nulls => Cached::Nothing,
            Body::Numbers(_) | Body::Ids(_) => Cached::Heads(OnceLock::new()),
            Body::Texts(meta) => Cached::Texts(Box::new(TextsCache::of(meta))),
        });
        Ok(Self {
            columns: columns.collect(),
            directory,
            file,
            times: OnceLock::new(),
            ids: OnceLock::new(),
        })
    }

    pub(super) fn times(&self) -> io::Result<Numbers<'_>> {
        let meta = &self.directory.times;
        Ok(meta.open(heads(&self.times, || meta.heads(&self.file))?, &self.file))
    }

    pub(super) fn ids(&self) -> io::Result<Numbers<'_>> {
        let meta = &self.directory.ids;
        Ok(meta.open(heads(&self.ids, || meta.heads(&self.file))?, &self.file))
    }

    pub(super) fn position(&self, document: u32) -> io::Result<Position> {
        Ok(Position {
            time: meaning::to_int(self.times()?.get(document)?),
            id: self.ids()?.get(document)?,
        })
    }

    /// All columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        let columns = self.directory.columns.iter().zip(&self.columns);
        columns.map(|(meta, cached)| Column {
            meta,
            presence: &self.directory.presences[meta.presence],
            cached,
            opened: self,
        })
    }

    /// The column of a slot; of one type, as all of its cells are.
    pub(super) fn slot(&self, name: &str) -> Option<Column<'_>> {
        self.columns()
            .find(|column| column.meta.part == Part::Slot && column.meta.name == name)
    }

    /// The columns that may hold attributes of this path: those of that name, and nested values of
    /// which it may be a part.
    pub(super) fn attributes<'a>(&'a self, path: &'a str) -> impl Iterator<Item = Column<'a>> {
        self.columns().filter(move |column| {
            let name = column.meta.name.as_str();
            let is_inside = || {
                let rest = path.strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with('.'))
            };
            let is_nested = column.meta.cell_type == CellType::Json;
            column.meta.part != Part::Slot && (name == path || is_nested && is_inside())
        })
    }
}

impl<'a> Column<'a> {
    pub(super) fn values(self) -> io::Result<ColumnValues<'a>> {
        let file = &self.opened.file;
        Ok(match (&self.meta.body, self.cached) {
            (Body::Numbers(meta), Cached::Heads(read)) => {
                let heads = heads(read, || meta.heads(file))?;
                ColumnValues::Numbers(meta.open(heads, file), meta)
            }
            (Body::Ids(meta), Cached::Heads(read)) => {
                ColumnValues::Ids(meta.open(heads(read, || meta.heads(file))?, file))
            }
            (Body::Texts(meta), Cached::Texts(cache)) => {
                ColumnValues::Texts(Texts { meta, cache, file })
            }
            _ => ColumnValues::Nulls,
        })
    }

    pub(super) const fn file(self) -> &'a SplitFile {
        &self.opened.file
    }

    /// Which documents of a block have a value.
    pub(super) fn block(self, block: u32) -> io::Result<Values> {
        let rows = self.opened.directory.rows;
        self.presence.block(&self.opened.file, block, rows)
    }
}

fn heads(read: &OnceLock<Vec<u8>>, how: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<&[u8]> {
    if let Some(heads) = read.get() {
        return Ok(heads);
    }
    let heads = how()?;
    Ok(read.get_or_init(|| heads))
}
