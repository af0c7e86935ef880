use crate::fields::{Dataset, Kind};
use crate::filter::{AttributeTest, Filter, KeywordTest};
use crate::query_types::AnsweredBy;

/// What [`super::plan`] reads for one clause, and of which field; kept beside it, and held to it by
/// a test that every kind of clause has an answer other than reading the records.
pub(crate) fn answered_by<D: Dataset>(filter: &Filter) -> (AnsweredBy, String) {
    let named = |field: &usize| D::fields()[*field].name.to_owned();
    match filter {
        Filter::All => (AnsweredBy::Everything, String::new()),
        // A clause is no tree; a tree is answered clause by clause.
        Filter::Nothing | Filter::And(_) | Filter::Or(_) | Filter::Not(_) => {
            (AnsweredBy::Nothing, String::new())
        }
        Filter::Text(text) => {
            let how = match (text.tokens.len(), text.prefix) {
                (1, false) => AnsweredBy::Term,
                (1, true) => AnsweredBy::TermRange,
                _ => AnsweredBy::Positions,
            };
            (how, texts::<D>(text.section))
        }
        Filter::TextPresent { field } => (AnsweredBy::Presence, named(field)),
        Filter::Keyword { field, test } => {
            let how = match test {
                KeywordTest::Is(_) | KeywordTest::Prefix(_) => AnsweredBy::Column,
                KeywordTest::Present => AnsweredBy::Presence,
            };
            (how, named(field))
        }
        Filter::Number { field, .. } => (AnsweredBy::Column, named(field)),
        Filter::NumberPresent { field } | Filter::TracePresent { field } => {
            (AnsweredBy::Presence, named(field))
        }
        Filter::Trace { field, .. } => (AnsweredBy::TraceFilter, named(field)),
        Filter::Attribute { path, test } => {
            let how = match test {
                AttributeTest::Present => AnsweredBy::Presence,
                AttributeTest::Is(_) | AttributeTest::Prefix(_) | AttributeTest::Within(_) => {
                    AnsweredBy::Column
                }
            };
            (how, path.clone())
        }
    }
}

/// The text of that number, or all of them.
fn texts<D: Dataset>(section: Option<usize>) -> String {
    let names = D::fields()
        .iter()
        .filter(|field| matches!(field.kind, Kind::Text { .. }))
        .map(|field| field.name);
    match section {
        None => names.collect::<Vec<_>>().join(", "),
        Some(section) => names.skip(section).take(1).collect(),
    }
}
