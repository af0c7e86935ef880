//! What is where in a split's file.

use serde::{Deserialize, Serialize};

use super::file::Section;
use super::ids::IdsMeta;
use super::numbers::NumbersMeta;
use super::presence::PresenceMeta;
use super::texts::TextMeta;
use crate::row::{CellType, Part};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    pub(super) rows: u32,
    /// Newest first.
    pub(super) times: NumbersMeta,
    pub(super) ids: NumbersMeta,
    pub(super) presences: Vec<PresenceMeta>,
    pub(super) columns: Vec<ColumnMeta>,
    pub(super) facts: Section,
}

/// The values of one type that records have under one name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ColumnMeta {
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) cell_type: CellType,
    /// Index of its presence.
    pub(super) presence: usize,
    pub(super) body: Body,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Body {
    Nulls,
    Numbers(NumbersMeta),
    Texts(TextMeta),
    Ids(IdsMeta),
}
