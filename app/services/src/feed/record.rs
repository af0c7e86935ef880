use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

/// A record of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Record {
    Place(Place),
    PointOfInterest(PointOfInterest),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PlaceKind {
    World,
    Continent,
    Country,
    Region,
    City,
    Neighbourhood,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PointOfInterest {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// From 1 to 5.
    pub(crate) rating: f64,
    /// `09:00-17:30`.
    pub(crate) opening_hours: String,
    /// The place that it lies in.
    pub(crate) place: String,
    pub(crate) updated_at: Timestamp,
}

#[cfg(test)]
impl Record {
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Place(place) => &place.id,
            Self::PointOfInterest(point) => &point.id,
        }
    }
}

impl PlaceKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::Continent => "continent",
            Self::Country => "country",
            Self::Region => "region",
            Self::City => "city",
            Self::Neighbourhood => "neighbourhood",
        }
    }
}
