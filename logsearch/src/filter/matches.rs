use super::{AttributeTest, Filter, KeywordTest, Literal, TextFilter};
use crate::fields::{Dataset, Kind, NumberSource, each_keyword};
use crate::row::{Cell, Row};
use crate::scalar::{Scalar, cut};
use crate::tokens;

/// A filter made ready for many rows.
#[derive(Debug)]
pub(crate) struct Matcher<'a> {
    filter: &'a Filter,
    parts: Vec<Matcher<'a>>,
    needle: String,
}

/// Makes ready what every row would otherwise make anew.
pub(crate) fn matches(filter: &Filter) -> Matcher<'_> {
    let parts = match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().map(matches).collect(),
        Filter::Not(inner) => vec![matches(inner)],
        _ => Vec::new(),
    };
    let needle = match filter {
        Filter::Text(TextFilter { tokens, prefix, .. }) => tokens::needle(tokens, *prefix),
        _ => String::new(),
    };
    Matcher {
        filter,
        parts,
        needle,
    }
}

impl Matcher<'_> {
    /// Whether the row is meant. Agrees with what a split finds; a property test holds it.
    pub(crate) fn accepts<D: Dataset>(&self, row: Row<'_>) -> bool {
        match self.filter {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::And(_) => self.parts.iter().all(|part| part.accepts::<D>(row)),
            Filter::Or(_) => self.parts.iter().any(|part| part.accepts::<D>(row)),
            Filter::Not(_) => !self.parts[0].accepts::<D>(row),
            Filter::Text(text) => texts::<D>(text.section)
                .any(|slot| tokens::holds(row.text(slot), &text.tokens, &self.needle)),
            Filter::TextPresent { field } => {
                matches!(D::fields()[*field].kind, Kind::Text { slot } if !row.text(slot).is_empty())
            }
            Filter::Keyword { field, test } => keyword::<D>(row, *field, test),
            Filter::Number { field, low, high } => {
                number_of::<D>(row, *field).is_some_and(|n| (*low..=*high).contains(&n))
            }
            Filter::NumberPresent { field } => number_of::<D>(row, *field).is_some(),
            Filter::Trace { field, id } => trace::<D>(row, *field) == Some(id.bytes()),
            Filter::TracePresent { field } => trace::<D>(row, *field).is_some(),
            Filter::Attribute { path, test } => attribute::<D>(row, path, test),
        }
    }
}

/// The slots of the texts of a dataset, or of that one alone.
pub(crate) fn texts<D: Dataset>(section: Option<usize>) -> impl Iterator<Item = usize> {
    let slots = D::fields().iter().filter_map(|field| match field.kind {
        Kind::Text { slot } => Some(slot),
        _ => None,
    });
    slots
        .enumerate()
        .filter(move |(index, _)| section.is_none_or(|section| section == *index))
        .map(|(_, slot)| slot)
}

/// The number of a row, the two that stand beside its cells included.
pub(crate) fn number_of<D: Dataset>(row: Row<'_>, field: usize) -> Option<i64> {
    let Kind::Number { of, .. } = &D::fields()[field].kind else {
        return None;
    };
    match of {
        NumberSource::Time => Some(row.time()),
        NumberSource::Id => Some(row.id().as_u64() as i64),
        NumberSource::Slot(slot) => match row.slot(*slot) {
            Some(Cell::Int(number)) => Some(number),
            _ => None,
        },
    }
}

fn keyword<D: Dataset>(row: Row<'_>, field: usize, test: &KeywordTest) -> bool {
    let Kind::Keyword { of, .. } = &D::fields()[field].kind else {
        return false;
    };
    let mut found = false;
    each_keyword(row, *of, &mut |value| found |= test.accepts(value));
    found
}

fn trace<D: Dataset>(row: Row<'_>, field: usize) -> Option<[u8; 16]> {
    let Kind::Trace { slot } = &D::fields()[field].kind else {
        return None;
    };
    match row.slot(*slot) {
        Some(Cell::Id(id)) => Some(id.to_be_bytes()),
        _ => None,
    }
}

fn attribute<D: Dataset>(row: Row<'_>, path: &str, test: &AttributeTest) -> bool {
    let mut found = false;
    let may_hold = |name: &str| path.starts_with(name) && !D::is_promoted(path);
    for (_, name, cell) in row.attributes().filter(|(_, name, _)| may_hold(name)) {
        cell.each_scalar(name, &mut |name, scalar| {
            found |= name == path && test.accepts(scalar);
        });
    }
    found
}

impl KeywordTest {
    /// Whether a value is meant.
    pub(crate) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => cut(value) == wanted,
            Self::Prefix(start) => cut(value).starts_with(start),
            Self::Present => true,
        }
    }
}

impl AttributeTest {
    /// Whether a value is meant.
    pub(crate) fn accepts(&self, value: Scalar<'_>) -> bool {
        match self {
            Self::Is(literal) => literal.is(value),
            Self::Prefix(start) => {
                matches!(value, Scalar::Text(value) if value.starts_with(start))
            }
            Self::Present => true,
            Self::Within(range) => value.as_f64().is_some_and(|n| range.contains(n)),
        }
    }
}

impl Literal {
    /// Whether the value is this one; `5` is the number and the text.
    pub(crate) fn is(&self, value: Scalar<'_>) -> bool {
        match value {
            Scalar::Text(text) => self.text == text,
            Scalar::Bool(b) => self.bool == Some(b),
            number => self.number == Some(number),
        }
    }
}
