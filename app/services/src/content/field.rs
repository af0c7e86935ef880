use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::content::collection::{Attribute, Collection, Form, Link};
use crate::content::document::{Identifier, Linkage, Resource};
use crate::content::opening_hours::OpeningHours;
use crate::failure::{Failure, Kind, frame};
use crate::sql::Row;

/// One row, not yet a resource: what the database gave.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) collection: &'static Collection,
    pub(crate) id: String,
    cells: Vec<Cell>,
    links: Vec<Option<String>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Integer(i64),
    Real(f64),
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum AttributeValue {
    Text(String),
    Integer(i64),
    Real(f64),
    Time(Timestamp),
    OpeningHours(OpeningHours),
    Texts(Vec<String>),
}

#[derive(Debug, thiserror::Error)]
#[error("{column} of {id} is no list of texts")]
pub(crate) struct TextsError {
    column: &'static str,
    id: String,
    source: serde_json::Error,
}

impl Kind for TextsError {
    fn kind(&self) -> &'static str {
        "TextsError"
    }
}

impl Record {
    /// Reads a row whose columns are those of the collection, in their order.
    pub(crate) fn read(collection: &'static Collection, row: &Row) -> Result<Self, sqlx::Error> {
        let cells = collection.attributes.iter().zip(1..);
        let cells = cells.map(|(attribute, at): (_, usize)| {
            Ok(match attribute.form {
                Form::Text | Form::OpeningHours | Form::Texts => Cell::Text(row.try_get(at)?),
                Form::Integer | Form::Time => Cell::Integer(row.try_get(at)?),
                Form::Real => Cell::Real(row.try_get(at)?),
            })
        });
        let mut own = collection.attributes.len();
        let links = collection.relationships.iter().map(|relationship| {
            Ok(match relationship.link {
                Link::Own(_) => {
                    own += 1;
                    row.try_get(own)?
                }
                Link::Theirs(_) | Link::Pairs(_) => None,
            })
        });
        Ok(Self {
            collection,
            id: row.try_get(0)?,
            cells: cells.collect::<Result<_, sqlx::Error>>()?,
            links: links.collect::<Result<_, sqlx::Error>>()?,
        })
    }

    /// What a source that changed its format without notice would have left in the row.
    pub(crate) fn garble_opening_hours(&mut self) {
        for (attribute, cell) in self.collection.attributes.iter().zip(&mut self.cells) {
            if let (Form::OpeningHours, Cell::Text(text)) = (attribute.form, cell) {
                *text = text.replace(':', "h");
            }
        }
    }

    pub(crate) fn into_resource(self) -> Result<Resource, Failure> {
        let Self {
            collection,
            id,
            cells,
            links,
        } = self;
        let cells = collection.attributes.iter().zip(cells);
        let attributes = cells.map(|(attribute, cell)| value(attribute, cell, &id));
        let attributes = attributes.collect::<Result<_, Failure>>()?;
        let linkages = collection.relationships.iter().zip(links);
        let linkages = linkages.map(|(relationship, id)| match relationship.link {
            Link::Own(_) => Linkage::One(id.map(|id| Identifier {
                resource: relationship.target,
                id,
            })),
            Link::Theirs(_) | Link::Pairs(_) => Linkage::Unresolved,
        });
        Ok(Resource {
            collection,
            attributes,
            linkages: linkages.collect(),
            map_tile: None,
            id,
        })
    }
}

fn value(attribute: &Attribute, cell: Cell, id: &str) -> Result<AttributeValue, Failure> {
    Ok(match (attribute.form, cell) {
        (Form::OpeningHours, Cell::Text(text)) => {
            let hours = OpeningHours::parse(&text);
            AttributeValue::OpeningHours(
                hours.map_err(|error| Failure::new(error, frame!("value")))?,
            )
        }
        (Form::Texts, Cell::Text(text)) => {
            AttributeValue::Texts(serde_json::from_str(&text).map_err(|source| {
                let (column, id) = (attribute.column, id.to_owned());
                Failure::new(TextsError { column, id, source }, frame!("value"))
            })?)
        }
        (Form::Time, Cell::Integer(nanos)) => AttributeValue::Time(Timestamp::from_nanos(nanos)),
        (_, Cell::Text(text)) => AttributeValue::Text(text),
        (_, Cell::Integer(number)) => AttributeValue::Integer(number),
        (_, Cell::Real(number)) => AttributeValue::Real(number),
    })
}
