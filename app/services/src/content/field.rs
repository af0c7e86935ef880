use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use watchfire_schemas::Timestamp;

use crate::content::collection::{Attribute, Collection, Form, Link};
use crate::content::document::{Identifier, Linkage, Resource};
use crate::content::opening_hours::OpeningHours;
use crate::failure::{Failure, frame};

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

impl Record {
    pub(crate) fn read(
        collection: &'static Collection,
        row: &SqliteRow,
    ) -> Result<Self, sqlx::Error> {
        let cells = collection.attributes.iter().map(|attribute| {
            Ok(match attribute.form {
                Form::Text | Form::OpeningHours => Cell::Text(row.try_get(attribute.column)?),
                Form::Integer | Form::Time => Cell::Integer(row.try_get(attribute.column)?),
                Form::Real => Cell::Real(row.try_get(attribute.column)?),
            })
        });
        let links = collection.relationships.iter().map(|relationship| {
            Ok(match relationship.link {
                Link::Own(column) => row.try_get(column)?,
                Link::Theirs(_) => None,
            })
        });
        Ok(Self {
            collection,
            id: row.try_get("id")?,
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
        let mut attributes = Map::new();
        for (attribute, cell) in self.collection.attributes.iter().zip(self.cells) {
            attributes.insert(attribute.name.to_owned(), value(attribute, cell)?);
        }
        let linkages = self.collection.relationships.iter().zip(self.links);
        let linkages = linkages.map(|(relationship, id)| match relationship.link {
            Link::Own(_) => Linkage::One(id.map(|id| Identifier {
                resource: relationship.target,
                id,
            })),
            Link::Theirs(_) => Linkage::Unresolved,
        });
        Ok(Resource {
            collection: self.collection,
            id: self.id,
            attributes,
            linkages: linkages.collect(),
        })
    }
}

fn value(attribute: &Attribute, cell: Cell) -> Result<Value, Failure> {
    Ok(match (attribute.form, cell) {
        (Form::OpeningHours, Cell::Text(text)) => OpeningHours::parse(&text)
            .map_err(|error| Failure::new(error, frame!("value")))?
            .to_json(),
        (Form::Time, Cell::Integer(nanos)) => Timestamp::from_nanos(nanos).to_string().into(),
        (_, Cell::Text(text)) => text.into(),
        (_, Cell::Integer(number)) => number.into(),
        (_, Cell::Real(number)) => number.into(),
    })
}
