use crate::fields::{Dataset, Kind, each_keyword, find};
use crate::filter::number_of;
use crate::row::{Cell, Row};
use crate::scalar::cut;
use crate::shown::Shown;

/// Where values come from: a field of the table by its index, or the attribute of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValuesOf {
    Field(usize),
    Attribute(String),
}

impl ValuesOf {
    /// What a query means by a name.
    pub(crate) fn named<D: Dataset>(name: &str) -> Self {
        match find(D::fields(), name) {
            Some(field) => Self::Field(field),
            None => Self::Attribute(name.to_owned()),
        }
    }

    /// Whether it is a text, whose words are searched and whose values are not counted.
    pub(crate) fn is_text<D: Dataset>(&self) -> bool {
        matches!(self, Self::Field(field) if matches!(D::fields()[*field].kind, Kind::Text { .. }))
    }

    /// Calls back with every value that a row of the tail has. A split tells the same; a property
    /// test holds it.
    pub(crate) fn each_of_row<D: Dataset>(&self, row: Row<'_>, each: &mut dyn FnMut(Shown)) {
        match self {
            Self::Field(field) => match &D::fields()[*field].kind {
                Kind::Keyword { of, .. } => each_keyword(row, *of, &mut |value| {
                    each(Shown::Text(cut(value).to_owned()));
                }),
                Kind::Number { show, .. } => {
                    if let Some(number) = number_of::<D>(row, *field) {
                        each(Shown::Text(show(number)));
                    }
                }
                Kind::Trace { slot } => {
                    if let Some(Cell::Id(id)) = row.slot(*slot) {
                        each(Shown::trace(id));
                    }
                }
                Kind::Text { slot } => {
                    if let Some(Cell::Text(text)) = row.slot(*slot) {
                        each(Shown::Text(cut(text).to_owned()));
                    }
                }
            },
            Self::Attribute(path) => D::each_attribute(row, &mut |name, scalar| {
                if name == path {
                    each(scalar.into());
                }
            }),
        }
    }
}
