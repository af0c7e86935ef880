use serde::Serialize;
use serde_json::{Map, Value};
use watchfire_schemas::Timestamp;

/// The fields of a record, by the names that the feed gives them.
pub(crate) type Fields = Map<String, Value>;

/// A record of a data set.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) fields: Fields,
}

/// A place before it is a record: the other data sets are built around it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Place {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) kind: PlaceKind,
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) population: i64,
    /// The place that it is part of; none for the world only.
    pub(crate) parent: Option<String>,
    pub(crate) updated_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlaceKind {
    World,
    Continent,
    Country,
    Region,
    City,
    Neighbourhood,
}

impl Record {
    /// From a value that becomes a JSON object.
    pub(crate) fn new(id: &str, fields: impl Serialize) -> Self {
        match serde_json::to_value(fields) {
            Ok(Value::Object(fields)) => Self {
                id: id.to_owned(),
                fields,
            },
            other => unreachable!("the fields of {id} are an object: {other:?}"),
        }
    }

    /// A field that is text; empty if it is none.
    pub(crate) fn text(&self, field: &str) -> &str {
        let value = self.fields.get(field).and_then(Value::as_str);
        value.unwrap_or_default()
    }
}

impl Place {
    pub(crate) fn record(&self) -> Record {
        Record::new(&self.id, self)
    }
}
