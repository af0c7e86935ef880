//! The columns of a split while it is written.

use std::io;

use super::directory::{Body, ColumnMeta};
use super::file::SplitWriterFile;
use super::ids::IdsBuilder;
use super::numbers::{self, Meaning, meaning};
use super::presence::{Presence, PresenceBuilder};
use super::texts::TextsBuilder;
use crate::row::{Cell, CellType, Key, Part};

/// The columns of one name, one for each type that it has had.
#[derive(Debug)]
pub(super) struct NamedColumns {
    key: Key,
    with_terms: bool,
    columns: [Option<Box<ColumnBuilder>>; CellType::COUNT],
}

#[derive(Debug)]
struct ColumnBuilder {
    presence: PresenceBuilder,
    body: BodyBuilder,
}

#[derive(Debug)]
enum BodyBuilder {
    Nulls,
    Numbers(Vec<u64>),
    Floats(Vec<f64>),
    Texts(Box<TextsBuilder>),
    Ids(IdsBuilder),
}

/// Presences told once, and where.
#[derive(Debug, Default)]
pub(super) struct Presences(Vec<Presence>);

impl NamedColumns {
    pub(super) fn new(key: Key, with_terms: bool) -> Self {
        Self {
            key,
            with_terms,
            columns: Default::default(),
        }
    }

    pub(super) fn push(&mut self, doc: u32, cell: Cell<'_>) {
        let cell_type = cell.cell_type();
        let with_terms = self.with_terms;
        let column = self.columns[cell_type as usize].get_or_insert_with(|| {
            Box::new(ColumnBuilder {
                presence: PresenceBuilder::default(),
                body: BodyBuilder::new(cell_type, with_terms),
            })
        });
        column.presence.push(doc);
        match (&mut column.body, cell) {
            (BodyBuilder::Texts(texts), Cell::Text(text) | Cell::Json(text)) => texts.push(text),
            (BodyBuilder::Numbers(numbers), Cell::Int(n)) => numbers.push(meaning::of_int(n)),
            (BodyBuilder::Numbers(numbers), Cell::Unsigned(n)) => numbers.push(n),
            (BodyBuilder::Numbers(numbers), Cell::Bool(b)) => numbers.push(u64::from(b)),
            (BodyBuilder::Floats(floats), Cell::Float(n)) => floats.push(n),
            (BodyBuilder::Ids(ids), Cell::Id(id)) => ids.push(doc, id),
            _ => {}
        }
    }

    /// Calls back with the names under which a query finds its values.
    pub(super) fn each_name(&self, each: &mut dyn FnMut(&str)) {
        if self.key.part == Part::Slot {
            return;
        }
        for (index, column) in self.columns.iter().enumerate() {
            match column.as_deref().map(|column| &column.body) {
                Some(BodyBuilder::Texts(texts)) if index == CellType::Json as usize => {
                    for json in texts.whole().into_iter().flatten() {
                        let json = std::str::from_utf8(json).unwrap_or_default();
                        Cell::Json(json).each_scalar(&self.key.name, &mut |name, _| each(name));
                    }
                    each(&self.key.name);
                }
                None | Some(BodyBuilder::Nulls) => {}
                Some(_) => each(&self.key.name),
            }
        }
    }

    pub(super) fn finish(
        self,
        rows: u32,
        presences: &mut Presences,
        file: &mut SplitWriterFile,
    ) -> io::Result<Vec<ColumnMeta>> {
        let mut metas = Vec::new();
        for (cell_type, column) in TYPES.into_iter().zip(self.columns) {
            let Some(column) = column else { continue };
            metas.push(ColumnMeta {
                part: self.key.part,
                name: self.key.name.to_string(),
                cell_type,
                presence: presences.index(column.presence.finish(rows)),
                body: column.body.finish(cell_type, rows, file)?,
            });
        }
        Ok(metas)
    }
}

const TYPES: [CellType; CellType::COUNT] = [
    CellType::Text,
    CellType::Json,
    CellType::Int,
    CellType::Unsigned,
    CellType::Float,
    CellType::Bool,
    CellType::Null,
    CellType::Id,
];

impl BodyBuilder {
    fn new(cell_type: CellType, with_terms: bool) -> Self {
        match cell_type {
            CellType::Text => Self::Texts(Box::new(TextsBuilder::new(with_terms))),
            CellType::Json => Self::Texts(Box::new(TextsBuilder::new(false))),
            CellType::Int | CellType::Unsigned | CellType::Bool => Self::Numbers(Vec::new()),
            CellType::Float => Self::Floats(Vec::new()),
            CellType::Null => Self::Nulls,
            CellType::Id => Self::Ids(IdsBuilder::default()),
        }
    }

    fn finish(
        self,
        cell_type: CellType,
        rows: u32,
        file: &mut SplitWriterFile,
    ) -> io::Result<Body> {
        Ok(match self {
            Self::Nulls => Body::Nulls,
            Self::Texts(texts) => Body::Texts(texts.finish(file)?),
            Self::Ids(ids) => Body::Ids(ids.finish(rows, file)?),
            Self::Numbers(numbers) => {
                let meaning = match cell_type {
                    CellType::Unsigned => Meaning::Unsigned,
                    CellType::Bool => Meaning::Bool,
                    _ => Meaning::Int,
                };
                Body::Numbers(numbers::write(&numbers, meaning, file)?)
            }
            Self::Floats(floats) => {
                let (meaning, numbers) = meaning::of_floats(&floats);
                Body::Numbers(numbers::write(&numbers, meaning, file)?)
            }
        })
    }
}

impl Presences {
    fn index(&mut self, presence: Presence) -> usize {
        let known = self.0.iter().position(|known| *known == presence);
        known.unwrap_or_else(|| {
            self.0.push(presence);
            self.0.len() - 1
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Presence> {
        self.0.iter()
    }
}
