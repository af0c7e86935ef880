use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watchfire_schemas::Timestamp;

use crate::content::collection::{Collection, Filter, Form, Link};
use crate::content::query::folded;
use crate::feed::{Entry, Fields};

/// What a page of entries changes. Of several entries on one record the last one counts.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// By id, the values of [`columns`].
    pub(super) rows: BTreeMap<String, Vec<Value>>,
    pub(super) deleted: Vec<String>,
    pub(super) refused: Vec<RefusedEntry>,
}

/// An entry that is not what the data set is declared to be. It is left out, and the record stays as
/// it was: one bad record must not hold up those behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RefusedEntry {
    id: String,
    cursor: u64,
    reason: String,
}

impl RefusedEntry {
    pub(super) fn warn(&self, data_set: &str) {
        let Self { id, cursor, reason } = self;
        tracing::warn!(
            "sync.data_set" = data_set,
            "sync.cursor" = cursor,
            "content.id" = id,
            "entry {cursor} of {data_set} is left out: {reason}"
        );
    }
}

/// The columns of a data set's table that [`Changes::rows`] fill, the id first. The lists of ids
/// that go into tables of pairs come after them.
pub(super) fn columns(collection: &Collection) -> Vec<String> {
    let searched = collection.attributes.iter();
    let searched = searched.filter(|attribute| attribute.filter == Some(Filter::Part));
    let folded = searched.map(|attribute| format!("{}_folded", attribute.column));
    let shown = collection.columns().map(str::to_owned);
    shown.chain(folded).collect()
}

pub(super) fn changes(collection: &Collection, entries: &[Entry]) -> Changes {
    let mut changes = Changes::default();
    let mut deleted = BTreeSet::new();
    for entry in entries {
        let Some(fields) = &entry.record else {
            changes.rows.remove(&entry.id);
            deleted.insert(&entry.id);
            continue;
        };
        match row(collection, &entry.id, fields) {
            Ok(row) => {
                deleted.remove(&entry.id);
                changes.rows.insert(entry.id.clone(), row);
            }
            Err(reason) => changes.refused.push(RefusedEntry {
                id: entry.id.clone(),
                cursor: entry.cursor,
                reason,
            }),
        }
    }
    changes.deleted = deleted.into_iter().cloned().collect();
    changes
}

/// The values of the columns, or what is wrong with the record.
fn row(collection: &Collection, id: &str, fields: &Fields) -> Result<Vec<Value>, String> {
    if id.is_empty() {
        return Err("it has no id".to_owned());
    }
    let mut row = vec![Value::from(id)];
    let mut searched = Vec::new();
    for attribute in collection.attributes {
        let column = attribute.column;
        let value = fields.get(column);
        let value = value.ok_or_else(|| format!("{column} is missing"))?;
        let cell = cell(attribute.form, value).ok_or_else(|| format!("{column} is {value}"))?;
        if let (Some(Filter::Part), Some(text)) = (attribute.filter, cell.as_str()) {
            searched.push(Value::from(folded(text)));
        }
        row.push(cell);
    }
    for relationship in collection.relationships {
        if let Link::Own(column) = relationship.link {
            let value = fields.get(column).cloned().unwrap_or_default();
            if !(value.is_string() || value.is_null() && relationship.is_optional) {
                return Err(format!("{column} is {value}"));
            }
            row.push(value);
        }
    }
    row.append(&mut searched);
    for (_, field) in collection.listed_pairs() {
        let value = fields.get(field).cloned().unwrap_or_default();
        row.push(texts(&value).ok_or_else(|| format!("{field} is {value}"))?);
    }
    Ok(row)
}

/// A field as its column holds it; none if it is of another type.
fn cell(form: Form, value: &Value) -> Option<Value> {
    Some(match form {
        // How opening hours are written is for the reader to judge: the rest of the record is good.
        Form::Text | Form::OpeningHours => value.as_str()?.into(),
        Form::Integer => value.as_i64()?.into(),
        Form::Real => value.as_f64()?.into(),
        Form::Time => value.as_str()?.parse::<Timestamp>().ok()?.nanos().into(),
        Form::Texts => texts(value)?.to_string().into(),
    })
}

fn texts(value: &Value) -> Option<Value> {
    let all = value.as_array()?;
    all.iter().all(Value::is_string).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(cursor: u64, id: &str, record: impl Into<Option<Value>>) -> Entry {
        let record = record.into().and_then(|record| record.as_object().cloned());
        let id = id.to_owned();
        Entry { cursor, id, record }
    }

    fn author(name: impl Into<Value>) -> Value {
        json!({
            "name": name.into(), "biography": "b", "place": "p",
            "updated_at": "2026-11-01T00:00:00Z", "shoe_size": 42,
        })
    }

    #[test]
    fn the_last_word_on_a_record_counts_and_bad_records_are_left_out() {
        let authors = Collection::of("authors").unwrap();
        let entries = [
            entry(1, "ada", author("Ada")),
            entry(2, "ben", author("Ben")),
            entry(3, "ada", Value::Null),
            entry(4, "cy", author(7)),
            entry(5, "dee", json!({ "name": "Dee" })),
            entry(6, "eve", Value::Null),
            entry(7, "eve", author("Ève")),
        ];
        let changes = changes(authors, &entries);
        assert_eq!(changes.deleted, ["ada"]);
        assert_eq!(changes.rows.keys().collect::<Vec<_>>(), ["ben", "eve"]);
        let at = Timestamp::from_secs(1_793_491_200).nanos();
        assert_eq!(
            changes.rows["eve"],
            [
                json!("eve"),
                json!("b"),
                json!("Ève"),
                json!(at),
                json!("p"),
                json!("eve")
            ]
        );
        assert_eq!(
            columns(authors),
            [
                "id",
                "biography",
                "name",
                "updated_at",
                "place",
                "name_folded"
            ]
        );
        let reasons: Vec<&str> = changes.refused.iter().map(|one| &*one.reason).collect();
        assert_eq!(reasons, ["name is 7", "biography is missing"]);
    }
}
