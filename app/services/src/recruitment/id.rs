use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;
use watchfire_schemas::Timestamp;

/// The id of a position, a candidate, an application, an assessment or a document: a UUID that
/// begins with the time, so that ids sort as what they name came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Id(Uuid);

impl Id {
    pub(crate) fn at(now: Timestamp) -> Self {
        let nanos = u64::try_from(now.nanos()).unwrap_or(0);
        let (seconds, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, rest as u32);
        Self(Uuid::new_v7(time))
    }
}

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = Uuid::try_parse(text).ok().map(Self);
        // One spelling only, so that an id in a path is an id in the database.
        id.filter(|id| id.to_string() == text)
            .ok_or("expected a UUID in lower case with hyphens")
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_have_one_spelling() {
        let early = Id::at(Timestamp::from_secs(1_700_000_000)).to_string();
        let late = Id::at(Timestamp::from_secs(1_700_000_001)).to_string();
        assert!(early < late);
        assert_eq!(early.parse::<Id>().unwrap().to_string(), early);
        assert!(early.to_uppercase().parse::<Id>().is_err());
        assert!(early.replace('-', "").parse::<Id>().is_err());
    }
}
