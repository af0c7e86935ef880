use super::{AttributeTest, Filter, KeywordTest, Literal, TextFilter};
use crate::fields::{Dataset, Kind, NumberStore};
use crate::row::Row;
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
    pub(crate) fn accepts<D: Dataset>(&self, row: &Row<D>) -> bool {
        match self.filter {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::And(_) => self.parts.iter().all(|part| part.accepts(row)),
            Filter::Or(_) => self.parts.iter().any(|part| part.accepts(row)),
            Filter::Not(_) => !self.parts[0].accepts(row),
            Filter::Text(text) => match text.section {
                None => row.words.all().contains(&self.needle),
                Some(section) => row.words.section(section).contains(&self.needle),
            },
            Filter::TextPresent { field } => {
                matches!(&D::fields()[*field].kind, Kind::Text { of } if !of(&row.record).is_empty())
            }
            Filter::Keyword { field, test } => keyword(row, *field, test),
            Filter::Number { field, low, high } => {
                number_of(row, *field).is_some_and(|n| (*low..=*high).contains(&n))
            }
            Filter::NumberPresent { field } => number_of(row, *field).is_some(),
            Filter::Trace { field, id } => trace(row, *field) == Some(*id),
            Filter::TracePresent { field } => trace(row, *field).is_some(),
            Filter::Attribute { path, test } => attribute(row, path, test),
        }
    }
}

/// The number of a row, the two that stand beside the record included.
pub(crate) fn number_of<D: Dataset>(row: &Row<D>, field: usize) -> Option<i64> {
    match &D::fields()[field].kind {
        Kind::Number {
            store: NumberStore::Id,
            ..
        } => Some(row.id.as_u64() as i64),
        Kind::Number { of, .. } => of(&row.record),
        _ => None,
    }
}

fn keyword<D: Dataset>(row: &Row<D>, field: usize, test: &KeywordTest) -> bool {
    let Kind::Keyword { each, .. } = &D::fields()[field].kind else {
        return false;
    };
    let mut found = false;
    each(&row.record, &mut |value| {
        found |= match test {
            KeywordTest::Is(wanted) => cut(value) == wanted,
            KeywordTest::Prefix(start) => cut(value).starts_with(start),
            KeywordTest::Present => true,
        };
    });
    found
}

fn trace<D: Dataset>(row: &Row<D>, field: usize) -> Option<watchfire_schemas::TraceId> {
    match &D::fields()[field].kind {
        Kind::Trace { of, .. } => of(&row.record),
        _ => None,
    }
}

fn attribute<D: Dataset>(row: &Row<D>, path: &str, test: &AttributeTest) -> bool {
    let mut found = false;
    D::each_attribute(&row.record, &mut |name, scalar| {
        found |= name == path
            && match test {
                AttributeTest::Is(literal) => literal.is(scalar),
                AttributeTest::Prefix(start) => {
                    matches!(scalar, Scalar::Text(value) if value.starts_with(start))
                }
                AttributeTest::Present => true,
                AttributeTest::Within(range) => scalar.as_f64().is_some_and(|n| range.contains(n)),
            };
    });
    found
}

impl Literal {
    /// Whether the value is this one; `5` is the number and the text.
    fn is(&self, value: Scalar<'_>) -> bool {
        match value {
            Scalar::Text(text) => self.text == text,
            Scalar::Bool(b) => self.bool == Some(b),
            number => self.number == Some(number),
        }
    }
}
