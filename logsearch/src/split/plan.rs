use std::ops::Bound;

use tantivy::columnar::{Cardinality, Column, DynamicColumn};
use tantivy::query::doc_predicate_query::{DocPredicateQuery, FunctionPredicate};
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, InvertedIndexRangeQuery, PhraseQuery, Query,
    RegexPhraseQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, SegmentReader, Term};
use watchfire_schemas::TraceId;

use super::complement::Complement;
use super::layout::{ATTRIBUTES, Layout, Place, RECORD_ID, TIME};
use crate::fields::{Dataset, Kind, NumberStore};
use crate::filter::{AttributeTest, Filter, KeywordTest, Literal, NumberRange, TextFilter};
use crate::scalar::Scalar;

type Predicate = Box<dyn Fn(DocId) -> bool + Send + Sync>;

/// The engine's query for a filter.
pub(super) fn plan<D: Dataset>(layout: &Layout, filter: &Filter) -> Box<dyn Query> {
    match filter {
        Filter::All => Box::new(AllQuery),
        Filter::Nothing => Box::new(EmptyQuery),
        Filter::And(parts) => Box::new(BooleanQuery::intersection(
            parts.iter().map(|part| plan::<D>(layout, part)).collect(),
        )),
        Filter::Or(parts) => any(parts.iter().map(|part| plan::<D>(layout, part)).collect()),
        Filter::Not(inner) => Box::new(Complement(plan::<D>(layout, inner))),
        Filter::Text(filter) => text(layout, filter),
        Filter::TextPresent { field } => term(Term::from_field_text(
            layout.present,
            D::fields()[*field].name,
        )),
        Filter::Keyword { field, test } => {
            keyword(layout.places[*field], D::fields()[*field].name, test)
        }
        Filter::Number { field, low, high } => number::<D>(layout, *field, *low, *high),
        Filter::NumberPresent { field } => match layout.places[*field] {
            Place::Number(_) => exists(D::fields()[*field].name),
            _ => Box::new(AllQuery),
        },
        Filter::Trace { field, id } => trace(layout.places[*field], D::fields()[*field].name, *id),
        Filter::TracePresent { field } => match layout.places[*field] {
            Place::TraceColumns(..) => exists(&high_half(D::fields()[*field].name)),
            _ => Box::new(AllQuery),
        },
        Filter::Attribute { path, test } => attribute(layout.attributes, path, test),
    }
}

/// The column of the upper half of a trace id.
fn high_half(name: &str) -> String {
    format!("{name}.high")
}

fn any(mut parts: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match parts.len() {
        1 => parts.remove(0),
        _ => Box::new(BooleanQuery::union(parts)),
    }
}

fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn exists(column: &str) -> Box<dyn Query> {
    Box::new(ExistsQuery::new(column.to_owned(), false))
}

fn text(layout: &Layout, filter: &TextFilter) -> Box<dyn Query> {
    let texts = layout.places.iter().filter_map(|place| match place {
        Place::Text(field) => Some(*field),
        _ => None,
    });
    let in_field = |field: Field| match (filter.tokens.as_slice(), filter.prefix) {
        ([token], false) => term(Term::from_field_text(field, token)),
        ([token], true) => prefix(Term::from_field_text(field, token)),
        (tokens, is_prefix) => phrase(field, tokens, is_prefix),
    };
    any(match filter.section {
        None => texts.map(in_field).collect(),
        Some(section) => texts.skip(section).take(1).map(in_field).collect(),
    })
}

fn phrase(field: Field, tokens: &[String], is_prefix: bool) -> Box<dyn Query> {
    if !is_prefix {
        let terms = tokens
            .iter()
            .map(|token| Term::from_field_text(field, token));
        return Box::new(PhraseQuery::new(terms.collect()));
    }
    // Tokens are letters and digits, so each is a regular expression for itself. The engine's
    // phrase with a prefix keeps a posting list open for each term; this one joins them.
    let mut patterns = tokens.to_vec();
    if let Some(last) = patterns.last_mut() {
        last.push_str(".*");
    }
    let mut query = RegexPhraseQuery::new(field, patterns);
    query.set_max_expansions(u32::MAX);
    Box::new(query)
}

/// Every term that begins with this one.
fn prefix(term: Term) -> Box<dyn Query> {
    // No text holds this byte, so the end is after all that begin alike and before all else.
    let mut end = term.clone();
    end.append_bytes(&[0xff]);
    Box::new(InvertedIndexRangeQuery::new(
        Bound::Included(term),
        Bound::Excluded(end),
    ))
}

fn keyword(place: Place, name: &str, test: &KeywordTest) -> Box<dyn Query> {
    let Place::Keyword(field) = place else {
        return Box::new(EmptyQuery);
    };
    match test {
        KeywordTest::Is(value) => term(Term::from_field_text(field, value)),
        KeywordTest::Prefix(start) => prefix(Term::from_field_text(field, start)),
        KeywordTest::Present => exists(name),
    }
}

fn number<D: Dataset>(layout: &Layout, field: usize, low: i64, high: i64) -> Box<dyn Query> {
    let Kind::Number { store, .. } = &D::fields()[field].kind else {
        return Box::new(EmptyQuery);
    };
    let name = D::fields()[field].name;
    match (*store, layout.places[field]) {
        (NumberStore::Terms { up_to }, Place::Number(column)) => {
            let values = low.max(0)..=high.min(up_to);
            any(values
                .map(|value| term(Term::from_field_i64(column, value)))
                .collect())
        }
        (NumberStore::Id, _) => predicate(move |reader| {
            let ids: Option<Column<u64>> = reader.fast_fields().column_opt(RECORD_ID)?;
            Ok(values(ids, move |id| (low..=high).contains(&(id as i64))))
        }),
        (NumberStore::Time, _) => number_column(TIME, low, high),
        _ => number_column(name, low, high),
    }
}

fn number_column(name: &'static str, low: i64, high: i64) -> Box<dyn Query> {
    predicate(move |reader| {
        let numbers: Option<Column<i64>> = reader.fast_fields().column_opt(name)?;
        Ok(values(numbers, move |n| (low..=high).contains(&n)))
    })
}

fn trace(place: Place, name: &'static str, id: TraceId) -> Box<dyn Query> {
    let number = u128::from_be_bytes(id.bytes());
    match place {
        Place::TraceTerms(field) => term(Term::from_field_bytes(field, &id.bytes())),
        _ => predicate(move |reader| {
            let highs: Option<Column<u64>> = reader.fast_fields().column_opt(&high_half(name))?;
            let lows: Option<Column<u64>> =
                reader.fast_fields().column_opt(&format!("{name}.low"))?;
            let high = values(highs, move |half| half == (number >> 64) as u64);
            let low = values(lows, move |half| half == number as u64);
            Ok(Box::new(move |doc| low(doc) && high(doc)))
        }),
    }
}

fn attribute(field: Field, path: &str, test: &AttributeTest) -> Box<dyn Query> {
    // The engine reads a path with backslashes as escapes.
    let path = path.replace('\\', "\\\\");
    let start = Term::from_field_json_path(field, &path, true);
    match test {
        AttributeTest::Is(literal) => literal_terms(literal, &start),
        AttributeTest::Prefix(text_start) => {
            let mut term = start;
            term.append_type_and_str(text_start);
            prefix(term)
        }
        AttributeTest::Present => exists(&format!("{ATTRIBUTES}.{path}")),
        AttributeTest::Within(range) => {
            let (range, column) = (*range, format!("{ATTRIBUTES}.{path}"));
            predicate(move |reader| within(reader, &column, range))
        }
    }
}

/// `5` is indexed as what it was: a text, a number.
fn literal_terms(literal: &Literal, start: &Term) -> Box<dyn Query> {
    let number = literal.number;
    let meanings = [
        Some(Scalar::Text(&literal.text)),
        literal.bool.map(Scalar::Bool),
        number,
    ];
    let terms = meanings.into_iter().flatten().map(|scalar| {
        let mut of_scalar = start.clone();
        match scalar {
            Scalar::Text(text) => of_scalar.append_type_and_str(text),
            Scalar::Bool(b) => of_scalar.append_type_and_fast_value(b),
            Scalar::Int(n) => of_scalar.append_type_and_fast_value(n),
            Scalar::Unsigned(n) => of_scalar.append_type_and_fast_value(n),
            Scalar::Float(n) => of_scalar.append_type_and_fast_value(n),
        }
        term(of_scalar)
    });
    any(terms.collect())
}

/// Looks at the numbers of a path, whichever type its column has in this split.
fn within(reader: &SegmentReader, column: &str, range: NumberRange) -> tantivy::Result<Predicate> {
    let mut predicates: Vec<Predicate> = Vec::new();
    for handle in reader.fast_fields().dynamic_column_handles(column)? {
        predicates.push(match handle.open()? {
            DynamicColumn::I64(c) => values(Some(c), move |n| range.contains(n as f64)),
            DynamicColumn::U64(c) => values(Some(c), move |n| range.contains(n as f64)),
            DynamicColumn::F64(c) => values(Some(c), move |n| range.contains(n)),
            _ => continue,
        });
    }
    Ok(match predicates.len() {
        1 => predicates.remove(0),
        _ => Box::new(move |doc| predicates.iter().any(|is| is(doc))),
    })
}

/// Whether one of a document's values passes. A column without a value anywhere is not stored.
fn values<T>(column: Option<Column<T>>, is: impl Fn(T) -> bool + Send + Sync + 'static) -> Predicate
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    match column {
        None => Box::new(|_| false),
        Some(column) if column.get_cardinality() == Cardinality::Full => {
            let values = column.values;
            Box::new(move |doc| is(values.get_val(doc)))
        }
        Some(column) => Box::new(move |doc| column.values_for_doc(doc).any(&is)),
    }
}

fn predicate(
    of: impl Fn(&SegmentReader) -> tantivy::Result<Predicate> + Send + Sync + 'static,
) -> Box<dyn Query> {
    let query: DocPredicateQuery = FunctionPredicate::from(of).into();
    Box::new(query)
}
